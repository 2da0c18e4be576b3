"""Collect the fragments of changelog.d/ under "Unreleased" in CHANGELOG.md, and remove them.

    python -m tools.changelog            as part of preparing a release
    python -m tools.changelog --show     print what would be collected

A fragment is a file `<slug>.md` of bullets, in the words of a user, without a heading.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "changelog.d"
HEADING = "## Unreleased\n"


def fragments(root: Path) -> list[Path]:
    """Return the fragments, by name."""
    return sorted(each for each in (root / FOLDER).glob("*.md") if each.name != "README.md")


def collected(root: Path) -> str:
    """Return the bullets of every fragment. Raises ValueError that names a fragment of another form."""
    texts = []
    for each in fragments(root):
        text = each.read_text(encoding="utf-8").strip()
        if not text.startswith("- ") or any(line.startswith("#") for line in text.splitlines()):
            raise ValueError(
                f"{FOLDER}/{each.name}: expected bullets that begin with `- `, without a heading"
            )
        texts.append(text)
    return "\n".join(texts)


def collect(root: Path) -> None:
    """Move the fragments into CHANGELOG.md. Raises ValueError where "Unreleased" is missing."""
    path = root / "CHANGELOG.md"
    before, heading, after = path.read_text(encoding="utf-8").partition(HEADING)
    if not heading:
        raise ValueError(f"CHANGELOG.md has no heading {HEADING.strip()!r}")
    text = collected(root)
    if text:
        path.write_text(f"{before}{heading}\n{text}\n{after}", encoding="utf-8", newline="\n")
    for each in fragments(root):
        each.unlink()


if __name__ == "__main__":
    if "--show" in sys.argv[1:]:
        sys.stdout.write(collected(ROOT) + "\n")
    else:
        collect(ROOT)
