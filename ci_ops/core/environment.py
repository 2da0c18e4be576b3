"""Names of environments: as users and GitHub write them, and as a key.

GitHub compares them without case and allows blanks and slashes, so a name is
kept as it was written and encoded only where a folder or a key needs it.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

DEFAULT_ENVIRONMENT = "production"
MAX_CHARACTERS = 255
"""Source: GitHub Docs, Managing environments for deployment: names have at most 255 characters."""
MAX_KEY_CHARACTERS = 120
"""Of a key that stays readable; a longer one ends in a hash, so that file names with suffixes fit in 255 bytes."""
NAME_RULE = (
    "1 to 255 printable characters, blanks inside and `/` between parts included; no part is `.` or `..`"
)


def is_environment_name(name: str) -> bool:
    """Return True for a name that GitHub accepts and that is not a path to another folder."""
    return (
        0 < len(name) <= MAX_CHARACTERS
        and name.isprintable()
        and name == name.strip()
        and "\\" not in name
        and all(part not in {"", ".", ".."} for part in name.split("/"))
    )


def is_same_environment(one: str, other: str) -> bool:
    """Return True for two spellings of one name: GitHub ignores case."""
    return one.strip().casefold() == other.strip().casefold()


def environment_key(name: str) -> str:
    """Return the name as one folder name: equal for all its spellings, different for other names."""
    key = quote(name.strip().casefold(), safe="")
    if key.startswith("."):
        key = f"%2E{key[1:]}"
    if len(key) <= MAX_KEY_CHARACTERS:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{key[: MAX_KEY_CHARACTERS - 17]}~{digest}"
