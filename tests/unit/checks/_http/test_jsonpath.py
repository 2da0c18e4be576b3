from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.checks._http.jsonpath import MISSING, find, parse_path, read_json

DOCUMENT = {"status": "ok", "queue": {"depth": 3, "odd key's \\": None}, "list": [{"id": 1}, {"id": 2}]}
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def leaves(tree: Any, path: str = "$") -> list[tuple[str, Any]]:
    found = [(path, tree)]
    if isinstance(tree, dict):
        for key, value in tree.items():
            found += leaves(value, path + quoted(key))
    if isinstance(tree, list):
        for index, value in enumerate(tree):
            found += leaves(value, f"{path}[{index}]")
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DOCUMENT),
        ("$.status", "ok"),
        ("$.queue.depth", 3),
        ("$['queue'][\"depth\"]", 3),
        (r"$.queue['odd key\'s \\']", None),
        ("$.list[1].id", 2),
        ("$.list[-1].id", 2),
        ("$.list[2]", MISSING),
        ("$.list[-3]", MISSING),
        ("$.list.id", MISSING),
        ("$.status.length", MISSING),
        ("$.status[0]", MISSING),
        ("$.nothing.here", MISSING),
    ],
)
def test_a_path_leads_to_one_value_or_to_nothing(path: str, value: object) -> None:
    assert find(DOCUMENT, path) is value or find(DOCUMENT, path) == value


@pytest.mark.parametrize(
    "path",
    [
        "",
        "status",
        "$status",
        "$.",
        "$..a",
        "$.*",
        "$[*]",
        "$[0:1]",
        "$[?(@.a)]",
        "$.a b",
        "$[01]",
        "$['a]",
        "$[-0]",
    ],
)
def test_a_path_outside_the_subset_is_refused_with_a_sentence(path: str) -> None:
    with pytest.raises(ValueError, match=r"^the path "):
        parse_path(path)


@given(TREES)
def test_every_value_of_every_document_is_found_under_its_own_path(tree: Any) -> None:
    document = read_json(json.dumps(tree))
    for path, value in leaves(document):
        assert find(document, path) == value


@given(st.text())
def test_any_text_is_a_path_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert all(isinstance(step, str | int) for step in parse_path(text))


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
def test_any_body_is_json_or_a_value_error(body: str) -> None:
    with suppress(ValueError):
        value = read_json(body)
        assert find(value, "$") is value


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "the body is empty"),
        (" \n", "the body is empty"),
        ("{", "the body is not JSON"),
        ("[" * 100_000, "the body is not JSON"),
        ("1" * 5000, "the body is not JSON"),
        ('{"a": 1, "a": 2}', "a key stands twice in one object of the body"),
        ('{"a": NaN}', "the body has NaN in it, which is not JSON"),
        ("-Infinity", "the body has -Infinity in it, which is not JSON"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(body: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        read_json(body)


def test_a_byte_order_mark_is_no_part_of_the_body() -> None:
    assert read_json('\ufeff{"a": 1}') == {"a": 1}
