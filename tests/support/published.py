"""The published forms of what we write, and whether a document keeps to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[2] / "templates" / "schemas"


def assert_published(document: Any, name: str) -> None:
    """Assert that the document fits the schema, and that the schema describes every name in it."""
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    assert _undescribed(document, schema, schema["$defs"]) == []


def _undescribed(document: Any, schema: dict[str, Any], known: dict[str, Any]) -> list[str]:
    if "oneOf" in schema:
        schema = next(each for each in schema["oneOf"] if ("$ref" in each) is (document is not None))
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    if isinstance(document, list):
        return [name for each in document for name in _undescribed(each, schema["items"], known)]
    if not isinstance(document, dict) or "properties" not in schema:
        return []
    described = schema["properties"]
    inside = [name for name in document if name in described]
    return [name for name in document if name not in described] + [
        found for name in inside for found in _undescribed(document[name], described[name], known)
    ]
