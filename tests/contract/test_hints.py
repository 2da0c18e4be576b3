"""What we advise reaches its reader whole: no rule against secrets takes a word of ours for one."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.reasons import REASONS
from ci_ops.core.text.redact import redact_patterns
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULES = sorted(path for path in (ROOT / "ci_ops").rglob("*.py") if "service" not in path.parts)
KEYS = {"hint", "advice", "sentence", "what"}
SPEAKERS = ("Error", "Inconclusive", "LockHeld", "note", "Refusal", "Rule")


def texts(path: Path) -> Iterator[str]:
    """Every text of the module that people are told, with a word where a value stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in KEYS:
            yield text_of(node.value)
        elif isinstance(node, ast.Call) and node.args and called(node.func).endswith(SPEAKERS):
            yield text_of(node.args[0])
        elif isinstance(node, ast.Assign) and {called(each) for each in node.targets} & KEYS:
            yield text_of(node.value)


def called(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(each) for each in node.values)
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "word" if isinstance(node, ast.FormattedValue) else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_text_of_ours_is_taken_for_a_secret(path: Path) -> None:
    assert [text for text in texts(path) if redact_patterns(text) != text] == []


def test_the_search_finds_texts() -> None:
    found = {text for path in MODULES for text in texts(path)}
    assert len(found) > 200


@pytest.mark.parametrize("name", REASONS)
def test_no_advice_is_taken_for_a_secret(name: str) -> None:
    assert redact_patterns(REASONS[name].advice) == REASONS[name].advice
