"""Lines on stdout, whole, from several processes."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Write one text with its line end at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
