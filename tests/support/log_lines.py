"""A logger whose JSON lines a test reads back."""

from __future__ import annotations

import io
import json
import logging
import secrets
from typing import Any

from ci_ops.service.logs.formatter import JsonFormatter


class Lines:
    """The lines of one handler, and the logger it is on."""

    def __init__(self, name: str = "", **options: Any) -> None:
        self.name = name or f"shop{secrets.token_hex(4)}"
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(JsonFormatter(**options))
        self.logger = logging.getLogger(self.name)
        self.logger.setLevel(logging.DEBUG)
        self.logger.propagate = False
        self.logger.addHandler(self.handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.all[-1]

    def close(self) -> None:
        self.logger.removeHandler(self.handler)
