"""What looks through the built site finds each kind of fault, and what writes its pages reads the examples as meant."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
GOOD = """<!doctype html><html><head><title>A page</title><script src="mathjax.js"></script></head><body>
<h1 id="top">Good</h1><a href="other.html#place">there</a> <a href="#top">up</a> <a href="https://elsewhere.org/x">out</a>
<a href="other.html">or here</a>
<img src="a.png" alt="A line that rises."><ol class="arabic simple"><li>one</li></ol>
<dl><dt class="sig sig-object py" id="f">f(x)</dt></dl></body></html>"""


def faults(tmp_path, body):
    """Return what the check prints about a site of this page and another, and its exit code."""
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    (tmp_path / "other.html").write_text("<title>Another</title><h2 id='place'>here</h2>", encoding="utf-8")
    for name in ("a.png", "mathjax.js"):
        (tmp_path / name).touch()
    done = subprocess.run(
        [sys.executable, str(DOCS / "checks" / "site.py"), str(tmp_path)], capture_output=True, text=True
    )
    assert not done.stderr
    *found, count = done.stdout.splitlines()
    assert count == f"{len(found)} faults"
    assert done.returncode == bool(found)
    return found


def test_a_good_site_has_no_faults(tmp_path):
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("other.html#place", "missing.html", "missing.html leads nowhere"),
        ("other.html#place", "other.html#nowhere", "leads to a page without this place"),
        ('href="#top"', 'href="#bottom"', "#bottom leads to a page without this place"),
        ('src="a.png"', 'src="b.png"', "b.png leads nowhere"),
        (' alt="A line that rises."', "", "no description of the figure a.png"),
        ('alt="A line that rises."', 'alt=" "', "no description of the figure a.png"),
        ('class="arabic simple"', 'class="upperalpha simple"', "numbered by letters"),
        ("f(x)", f"f({'x, ' * 100})", "a signature of 303 characters"),
        ("A page", " ", "no title"),
        ("mathjax.js", "https://cdn.example.org/mathjax.js", "formulas come from a network"),
    ],
)
def test_each_kind_of_fault_is_found(tmp_path, old, new, said):
    assert GOOD.count(old) == 1 or old == "mathjax.js"
    (found,) = faults(tmp_path, GOOD.replace(old, new))
    assert said in found


def test_a_step_of_the_tutorial_needs_a_figure(tmp_path):
    (tmp_path / "tutorial").mkdir()
    (tmp_path / "tutorial" / "1_noise.html").write_text("<title>Step</title>", encoding="utf-8")
    (found,) = faults(tmp_path, GOOD + '<a href="tutorial/1_noise.html">one</a>')
    assert "a step of the tutorial without a figure" in found


def test_a_page_is_within_three_clicks(tmp_path):
    for i in range(4):
        page = f"<title>Page {i}</title><a href='{i + 1}.html'>on</a>"
        (tmp_path / f"{i}.html").write_text(page, encoding="utf-8")
    (tmp_path / "4.html").write_text("<title>The last</title>", encoding="utf-8")
    (tmp_path / "search.html").write_text("<title>Search</title>", encoding="utf-8")
    far = [f"{i}.html: more than 3 clicks from the first page" for i in range(5)]
    assert faults(tmp_path, GOOD) == far
    assert faults(tmp_path, GOOD + '<a href="0.html">in</a>') == far[3:]
    assert faults(tmp_path, GOOD + '<a href="2.html">in</a>') == far[:2]


def test_the_pages_of_the_tasks_exist():
    sys.path.insert(0, str(DOCS / "checks"))
    try:
        from tasks import TASKS
    finally:
        sys.path.remove(str(DOCS / "checks"))
    assert len(TASKS) >= 22
    assert len({task.query for task in TASKS}) == len(TASKS)
    written = {"gallery": "examples", "derivations": "derivations"}
    for task in TASKS:
        for page in task.pages:
            folder, _, name = page.partition("/")
            source = DOCS.parent / written[folder] / f"{name}.py" if folder in written else DOCS / f"{page}.md"
            assert source.exists(), page


def test_a_folder_without_pages_is_a_fault(tmp_path):
    script = [sys.executable, str(DOCS / "checks" / "site.py"), str(tmp_path / "empty")]
    assert subprocess.run(script, capture_output=True).returncode == 1


@pytest.fixture(scope="module")
def gallery():
    """Return the module that writes the gallery."""
    sys.path.insert(0, str(DOCS))
    try:
        from _pages import gallery
    finally:
        sys.path.remove(str(DOCS))
    return gallery


EXAMPLES = sorted((DOCS.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_taken_apart_without_loss(gallery, path):
    example = gallery.read(path)
    source = path.read_text(encoding="utf-8")
    code = "\n".join(text for kind, text in example.cells if kind == "code")
    compile(code, path.name, "exec")
    assert len(example.cells) == len(re.findall(r"^# %%", source, flags=re.M))
    assert f"# # {example.title}\n" in source
    assert 30 < len(example.first_sentence) < 400
    assert not any(text.startswith("#") and kind == "code" for kind, text in example.cells[:1])


def test_what_the_tests_drew_is_taken_for_the_gallery(gallery, tmp_path, monkeypatch):
    for path in EXAMPLES:
        (tmp_path / f"{path.stem}.png").write_bytes(b"drawn by the tests")
        (tmp_path / f"{path.stem}.txt").write_text("printed by the tests\n", encoding="utf-8")
    monkeypatch.setenv("SDETHEORY_GALLERY", os.fspath(tmp_path))
    gallery.write(tmp_path)
    for path in EXAMPLES:
        assert (tmp_path / "gallery" / f"{path.stem}.png").read_bytes() == b"drawn by the tests"
        page = (tmp_path / "gallery" / f"{path.stem}.md").read_text(encoding="utf-8")
        assert "printed by the tests" in page
        assert re.search(r"!\[Figure of the example .{20}", page)


def test_each_page_lies_in_the_folder_of_its_door():
    assert [page.name for page in DOCS.glob("*.md")] == ["index.md"]
    for folder in ("about", "learn", "learn/how_to", "learn/tutorial", "lookup", "paper"):
        assert 1 < len(list((DOCS / folder).glob("*.md"))) <= 12, folder
