"""Look through a built site in headless Chromium: ``python docs/checks/in_browser.py docs/_build``.

Each page is laid out 390, 800 and 1,400 pixels wide, with its formulas set, and nothing may reach out of it sideways;
at 1,400 axe-core (from the npm registry, by ``npm pack``) looks for what keeps people from using it, and may find
nothing serious; then it looks at the contrast of the dark theme, which has the same layout. ``--only REGEX`` takes some
of the pages; ``--shots DIR`` writes pictures of them instead, with ``--dark`` in the dark theme.
Needs Debian's ``chromium`` and ``npm``; takes about a second for each page and width.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import queue
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Sequence
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WIDTHS = (390, 800, 1400)
WIDTH_OF_AXE = 1400
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

# The pages are shown in a frame, one after the other, and what is found is posted to the server.
DRIVER = """<!doctype html><html lang="en"><title>driver</title><body style="margin:0">
<iframe id="frame" style="border:0;height:900px"></iframe><script>
const {pages, widths, axeAt} = %s, frame = document.getElementById("frame");
const post = found => fetch("/-found", {method: "POST", body: JSON.stringify(found)});
const settled = async view => {
  await view.document.fonts.ready;
  if (view.MathJax?.startup?.promise) await view.MathJax.startup.promise;
  await new Promise(done => setTimeout(done, 100));
};
const scrolls = element => {
  for (let e = element.parentElement; e; e = e.parentElement)
    if (!["visible"].includes(e.ownerDocument.defaultView.getComputedStyle(e).overflowX)) return true;
  return false;
};
async function look(page, width) {
  frame.style.width = width + "px";
  await new Promise(done => { frame.onload = done; frame.src = page; });
  const view = frame.contentWindow, root = view.document.documentElement, faults = [];
  await settled(view);
  if (root.scrollWidth > root.clientWidth + 1) {
    const wide = [...view.document.querySelectorAll("body *")].filter(
      e => e.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(e));
    faults.push(`reaches ${root.scrollWidth - root.clientWidth} px too far: ` +
      wide.slice(-3).map(e => e.outerHTML.slice(0, 120)).join(" | "));
  }
  if (view.document.querySelector("mjx-merror")) faults.push("a formula that MathJax cannot read");
  if (view.document.querySelector(".math") && !view.document.querySelector("mjx-container"))
    faults.push("formulas that are not set");
  if (width === axeAt) {
    await new Promise((done, fail) => {
      const script = view.document.createElement("script");
      view.document.head.append(Object.assign(script, {src: "/-axe.js", onload: done, onerror: fail}));
    });
    for (const [theme, rules] of [["light", {}], ["dark", {runOnly: ["color-contrast"]}]]) {
      Object.assign(root.dataset, {theme, mode: theme});
      await new Promise(done => setTimeout(done, 100));
      const {violations} = await view.axe.run(view.document, {resultTypes: ["violations"], ...rules});
      for (const {id, impact, help, nodes} of violations)
        if (impact === "serious" || impact === "critical")
          faults.push(`${theme}, ${impact}: ${help} (${id}), ${nodes.length} times: ` +
            nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(" | "));
    }
  }
  return faults;
}
(async () => {
  for (const page of pages) for (const width of widths) {
    let faults;
    try { faults = await look(page, width); } catch (error) { faults = ["the check failed: " + error]; }
    await post({page, width, faults});
  }
  await post({done: true});
})();
</script>"""
# A window of Chromium is at least 500 pixels wide; a frame may be as narrow as a phone.
SHOT = """<!doctype html><body style="margin:0"><script>localStorage.mode = localStorage.theme = "%s"</script>
<iframe src="%s" style="border:0;width:%dpx;height:%dpx"></iframe>"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the site, the page that drives, and axe-core; takes what is found."""

    extra: dict[str, tuple[str, bytes]] = {}  # noqa: RUF012 — one server at a time
    found: queue.Queue[dict[str, Any]] = queue.Queue()

    def do_GET(self) -> None:
        """Send a page that is not of the site, or one that is."""
        if self.path not in self.extra:
            super().do_GET()
            return
        kind, data = self.extra[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        """Take what the driver found."""
        self.found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def axe_core() -> bytes:
    """Return axe-core's script."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", "axe-core@4"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script is not None
            return script.read()


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a site on this machine, and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def chromium(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Chromium, as a new user."""
    command = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if command is None:
        sys.exit("no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        started = [command, *FLAGS, f"--user-data-dir={profile}", *arguments]
        process = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def look(site: Path, pages: Sequence[str], seconds: float) -> list[str]:
    """Return what is wrong, one line each; no word from Chromium for so many seconds is a fault too."""
    task = {"pages": pages, "widths": WIDTHS, "axeAt": WIDTH_OF_AXE}
    Handler.extra = {
        "/-driver": ("text/html; charset=utf-8", (DRIVER % json.dumps(task)).encode()),
        "/-axe.js": ("text/javascript", axe_core()),
    }
    faults = []
    staying = ("--remote-debugging-port=0", "--window-size=1500,1000")
    with served(site) as address, chromium(*staying, address + "/-driver"):
        while True:
            try:
                found = Handler.found.get(timeout=seconds)
            except queue.Empty:
                return [*faults, f"no word from Chromium for {seconds:g} s"]
            if found.get("done"):
                return faults
            new = [f"{found['page']} at {found['width']}: {fault}" for fault in found["faults"]]
            print(*new, sep="\n", end="\n" * bool(new), flush=True)
            faults += new


def shoot(site: Path, pages: Sequence[str], folder: Path, height: int, theme: str) -> None:
    """Write a picture of each page at each width."""
    folder.mkdir(parents=True, exist_ok=True)
    with served(site) as address:
        for page in pages:
            for width in WIDTHS:
                Handler.extra = {"/-shot": ("text/html", (SHOT % (theme, page, width, height)).encode())}
                picture = folder / f"{page.strip('/').replace('/', '-').removesuffix('.html')}-{theme}-{width}.png"
                window = (f"--window-size={max(width, 500)},{height}", "--virtual-time-budget=8000")
                with chromium(f"--screenshot={picture}", *window, address + "/-shot") as process:
                    process.wait(timeout=300)


def main() -> int:
    """Do what the command says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("site", type=Path, nargs="?", default=Path("docs/_build"))
    parser.add_argument("--only", metavar="REGEX", default="", help="pages in whose path it is found")
    parser.add_argument("--shots", metavar="DIR", type=Path, help="write pictures instead")
    parser.add_argument("--dark", action="store_true", help="pictures of the dark theme")
    parser.add_argument("--height", type=int, default=1600, help="of a picture, in pixels")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds to wait for one page")
    chosen = parser.parse_args()
    paths = [path.relative_to(chosen.site) for path in sorted(chosen.site.rglob("*.html"))]
    pages = [f"/{path}" for path in paths if path.parts[0] != "_static"]
    pages = [page for page in pages if re.search(chosen.only, page)]
    if chosen.shots:
        shoot(chosen.site, pages, chosen.shots, chosen.height, "dark" if chosen.dark else "light")
        return 0
    faults = look(chosen.site, pages, chosen.patience)
    print(f"{len(pages)} pages, {len(faults)} faults")
    return bool(faults) or not pages


if __name__ == "__main__":
    sys.exit(main())
