"""JSON bodies from any value."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def as_json(value: Any) -> bytes:
    """Return the value as compact UTF-8 JSON with a closing newline.

    NaN and infinite numbers, which JSON does not have, become texts, and half
    a surrogate pair a question mark.
    """
    try:
        text = _written(value)
    except ValueError:
        text = _written(_finite(value))
    return text.encode(errors="replace") + b"\n"


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value
