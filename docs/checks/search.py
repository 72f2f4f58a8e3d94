"""Ask the search of a built site for what people come for: ``python docs/checks/search.py docs/_build``.

The site's own search is run in headless Chromium, with the words of each task of ``tasks.py``; one of the pages that
answer it has to be among the first three results. Exits with 1 where none is, and also if a page that does not answer
is taken for one that does. Words after the folder are searched for instead, and what is found is printed.
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
from collections.abc import Sequence
from pathlib import Path

from in_browser import Handler, chromium, served
from tasks import TASKS, Task

FIRST = 3
CONTROL = Task("a page that does not answer", "install", ("paper/fuzz",))

# Results are in rising order of their score.
DRIVER = """<!doctype html><html lang="en"><title>driver</title><iframe id="frame" src="/search.html"></iframe><script>
document.getElementById("frame").onload = async ({target: {contentWindow: view}}) => {
  while (!view.eval("typeof Search !== 'undefined' && Search.hasIndex()")) await new Promise(go => setTimeout(go, 50));
  const found = %s.map(query => view.eval(
    `Search._performSearch(...Search._parseQuery(${JSON.stringify(query)}))`
  ).reverse().slice(0, 10).map(([page, title, place]) => [page, title, place]));
  fetch("/-found", {method: "POST", body: JSON.stringify({found})});
};
</script>"""


def results(site: Path, queries: Sequence[str]) -> list[list[tuple[str, str, str]]]:
    """Return the first ten results of each query: page, title, place in it."""
    Handler.extra = {"/-driver": ("text/html; charset=utf-8", (DRIVER % json.dumps(queries)).encode())}
    with served(site) as address, chromium("--remote-debugging-port=0", address + "/-driver"):
        try:
            return Handler.found.get(timeout=300)["found"]
        except queue.Empty:
            sys.exit("no word from Chromium for 300 s")


def answered(task: Task, found: Sequence[tuple[str, str, str]]) -> bool:
    """Say whether a page that answers is among the first results."""
    return any(page in task.pages for page, *_ in found[:FIRST])


def main() -> int:
    """Do what the command says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("site", type=Path, nargs="?", default=Path("docs/_build"))
    parser.add_argument("words", nargs="*", help="queries of your own")
    chosen = parser.parse_args()
    tasks = [Task("", words, ()) for words in chosen.words] or [*TASKS, CONTROL]
    found = dict(zip(tasks, results(chosen.site, [task.query for task in tasks]), strict=True))
    missed = [task for task in tasks if not answered(task, found[task])]
    for task in missed:
        if task != CONTROL:
            print(f"{task.query!r} ({task.wish}) finds", *(" ".join(hit) for hit in found[task]), sep="\n    ")
    if chosen.words:
        return 0
    if CONTROL not in missed:
        print(f"{CONTROL.query!r} finds {CONTROL.pages}: something is wrong with this check")
    faults = len(set(missed) ^ {CONTROL})
    print(f"{len(TASKS)} tasks, {faults} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
