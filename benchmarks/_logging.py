"""A logger whose lines are made, flushed and thrown away."""

from __future__ import annotations

import logging
from pathlib import Path


def to_nothing(logger: logging.Logger, formatter: logging.Formatter) -> None:
    """Send the lines of a logger to /dev/null, and nowhere else."""
    handler = logging.StreamHandler(Path("/dev/null").open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    handler.setFormatter(formatter)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
