"""Files that hold what the program should say, compared letter by letter.

`UPDATE_GOLDEN=1 pytest …` writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "golden"
UPDATE = "UPDATE_GOLDEN"


def assert_golden(name: str, text: str) -> None:
    """Assert that the text is the one in tests/golden/<name>."""
    path = FOLDER / name
    if os.environ.get(UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.exists(), f"there is no {path.name} yet; write it with {UPDATE}=1"
    expected = path.read_text(encoding="utf-8")
    assert text == expected, f"{name} says something else; if that is meant, run again with {UPDATE}=1"
