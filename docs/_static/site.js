// What the theme and MathJax leave unnamed, or out of reach of the keyboard.
addEventListener("load", async () => {
  for (const summary of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    const title = summary.closest("li")?.querySelector("a")?.textContent.trim();
    summary.setAttribute("aria-label", `Pages of “${title}”`);
  }
  // docutils calls a list of references a list, but not its members items of one.
  for (const list of document.querySelectorAll(".citation-list")) list.removeAttribute("role");
  await window.MathJax?.startup?.promise;
  for (const box of document.querySelectorAll("mjx-container[display=true], div.math, .bd-article table, .bd-article pre")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});
