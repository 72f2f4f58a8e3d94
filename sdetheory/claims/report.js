"use strict";
const form = document.querySelector(".filters");
const claims = [...document.querySelectorAll(".claim")];
const texts = new Map(claims.map((claim) => [claim, claim.textContent.toLowerCase()]));

function show() {
  const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = ["paper", "verdict", "whose"].filter((name) => form.elements[name].value);
  let shown = 0;
  for (const claim of claims) {
    const fits = wanted.every((name) => claim.dataset[name] === form.elements[name].value)
      && words.every((word) => texts.get(claim).includes(word));
    claim.hidden = !fits;
    shown += fits;
  }
  for (const group of document.querySelectorAll(".section, .paper")) {
    group.hidden = !group.querySelector(".claim:not([hidden])");
  }
  form.elements.shown.value = `${shown} of ${claims.length} claims`;
}

function unfold() {
  const claim = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (claim && claim.matches(".claim")) {
    if (claim.hidden) {
      form.reset();
      show();
    }
    claim.open = true;
    claim.scrollIntoView();
  }
}

form.hidden = false;
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", unfold);
show();
unfold();
