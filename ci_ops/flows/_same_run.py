"""Comparison of run URLs."""

from __future__ import annotations


def is_same_run(one: str, other: str) -> bool:
    """Return True for URLs of one workflow run, whatever the job or the attempt."""
    return _run_of(one) == _run_of(other) != ""


def _run_of(url: str) -> str:
    return url.partition("/job/")[0].partition("/attempts/")[0]
