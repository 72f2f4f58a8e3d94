"""Writes the report of a run: a page, Markdown, the figures, and JSON with which a later run can be compared."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from .html import html
from .markdown import markdown
from .outcome import Outcome, source
from .registry import Registry

FORMAT = 1
NAME = "claims"


def png(draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    """Return what `draw` draws, as PNG in base64."""
    # A figure of its own, not pyplot's: nothing to close, no window.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    draw(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return base64.b64encode(file.getvalue()).decode("ascii")


def write(
    folder: Path,
    root: Path,
    registry: Registry,
    outcomes: Sequence[Outcome],
    notes: Mapping[str, str],
    earlier: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Path]:
    """Write ``claims.html``, ``.md``, ``.json`` and the figures, and return the paths of the first three."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {outcome.claim.id: source(outcome, root) for outcome in outcomes}
    for outcome in outcomes:
        for number, picture in enumerate(outcome.pictures, 1):
            (folder / f"{outcome.claim.id}-{number}.png").write_bytes(base64.b64decode(picture))
    changes = [] if earlier is None else changed(earlier, outcomes)
    written = {
        folder / f"{NAME}.html": html(registry, outcomes, sources, notes, changes),
        folder / f"{NAME}.md": markdown(registry, outcomes, sources, notes, changes),
        folder / f"{NAME}.json": _json(outcomes, notes),
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    return list(written)


def _json(outcomes: Sequence[Outcome], notes: Mapping[str, str]) -> str:
    claims = {outcome.claim.id: _shown(outcome) | {"seconds": round(outcome.seconds, 2)} for outcome in outcomes}
    return json.dumps({"format": FORMAT, "notes": dict(notes), "claims": claims}, ensure_ascii=False, indent=1) + "\n"


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {"verdict": outcome.verdict} | {name: outcome.headline[name] for name in ("predicted", "measured", "z")}


def read(path: Path) -> dict[str, dict[str, str]]:
    """Return the claims of an earlier run's JSON by id.

    Raises
    ------
    InvalidInputError
        The file is not one that a report wrote.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise InvalidInputError(f"{path} must have format {FORMAT}; got {found['format']}")
        return dict(found["claims"])
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} must be a {NAME}.json that --report has written; it is not ({type(error).__name__})"
        ) from error


def changed(earlier: Mapping[str, Mapping[str, str]], outcomes: Sequence[Outcome]) -> list[str]:
    """Say of each claim whether it is new, gone, or has another verdict, prediction or measurement."""
    now = {outcome.claim.id: _shown(outcome) for outcome in outcomes}
    lines = [f"{identity} is new: {shown['verdict']}." for identity, shown in now.items() if identity not in earlier]
    lines += [
        f"{identity} was not run: it had been {earlier[identity]['verdict']}."
        for identity in sorted(earlier.keys() - now)
    ]
    for identity in [identity for identity in now if identity in earlier]:
        pairs = [(name, earlier[identity].get(name), value) for name, value in now[identity].items() if name != "z"]
        if news := [f"{name} {old}, now {new}" for name, old, new in pairs if old != new]:
            lines.append(f"{identity}: {'; '.join(news)}.")
    return lines or ["Nothing."]
