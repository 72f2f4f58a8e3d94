"""The recipes of CONTRIBUTING, read from it, so that what is tested is what is written there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def blocks(name: str) -> list[str]:
    """Return the blocks of Python in the recipe that begins with a name in bold."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = text.partition(f"\n**{name}**")[2]
    recipe = re.split(r"\n\*\*|\n## ", recipe)[0]
    return re.findall(r"^```python\n(.*?)^```$", recipe, re.DOTALL | re.MULTILINE)
