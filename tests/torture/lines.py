"""Whole lines on stdout from several processes."""

from __future__ import annotations

import sys


def write_line(text: str) -> None:
    """Write one text and its line end in one call."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
