"""Any value becomes JSON: bounded, ASCII, without secrets, and without an exception."""

import json
from collections import UserDict
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_ops.core.text.secret import Secret
from ci_ops.service.logs import encode
from ci_ops.service.logs.encode import (
    CUT,
    MAX_TEXT_LENGTH,
    encode_end,
    encode_fields,
    encode_text,
    hide_in_logs,
)


def read(**fields: Any) -> Any:
    return json.loads("{" + encode_fields(fields) + "}")


class Colour(Enum):
    RED = "red"


class Code(IntEnum):
    OK = 200


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Loud(str):
    __slots__ = ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner)
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # which is the machine's load, not the strategy
@given(st.dictionaries(st.text(), JSON))
def test_whatever_is_logged_is_one_line_of_ascii_json(fields: dict[str, Any]) -> None:
    text = "{" + encode_fields(fields) + "}"

    assert text.isascii()
    assert "\n" not in text
    assert "\x1b" not in text
    json.loads(text)


@given(
    st.dictionaries(
        st.from_regex(r"[a-b]{1,3}", fullmatch=True), st.integers(-(2**60), 2**60) | st.booleans()
    )
)
def test_ordinary_values_come_back_as_they_were(fields: dict[str, Any]) -> None:
    assert read(**fields) == fields


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        pytest.param(10**5000, CUT, id="an integer that Python does not write"),
        pytest.param(10**400, 10**400, id="an integer that is no float"),
        (Code.OK, 200),
        (Colour.RED, "red"),
        (Loud("x"), "x"),
        (Path("/srv"), "/srv"),
        (Decimal("1.50"), "1.50"),
        (b"\xffok", "\ufffdok"),
        (memoryview(b"ok"), "ok"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (ValueError("token=abc"), "ValueError: token=***"),
        (Secret("hunter2hunter2"), "***"),
        ({1: [None, True, {2.5: ()}]}, {"1": [None, True, {"2.5": []}]}),
        (UserDict(a=1), {"a": 1}),
        ({"nested": {"password": "hunter2", "pin": 5}}, {"nested": {"password": "***", "pin": 5}}),
        ("\ud800", "\ufffd"),
        (Hostile(), "(unprintable Hostile: RuntimeError)"),
        ([Hostile()], ["(unprintable Hostile: RuntimeError)"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_odd_values_are_shown_as_well_as_it_can_be_done(value: object, shown: object) -> None:
    assert read(x=value) == {"x": shown}


def test_sets_are_lists_and_what_contains_itself_comes_to_an_end() -> None:
    circle: list[Any] = []
    circle.append(circle)

    assert sorted(read(x={1, 2})["x"]) == [1, 2]
    assert CUT in json.dumps(read(x=circle), ensure_ascii=False)


def test_long_and_deep_and_wide_values_are_cut() -> None:
    assert read(x="a" * 10_000)["x"] == "a" * MAX_TEXT_LENGTH + CUT
    assert read(x=range(3))["x"] == "range(0, 3)"
    assert read(x=list(range(100)))["x"][-2:] == [63, CUT]
    assert read(x={str(number): number for number in range(100)})["x"][CUT] == CUT
    wide = {"x": [["a" * 4000] * 60] * 60}
    assert len(encode_fields(wide)) < 60_000


@pytest.mark.parametrize(
    "name", ["password", "db_PASSWORD", "api_key", "authorization", "x-token", "Cookie", "set-cookie"]
)
def test_a_value_is_hidden_by_the_name_it_has(name: str) -> None:
    assert read(**{name: "abc", "other": "abc"}) == {name: "***", "other": "abc"}
    assert read(**{name: ["abc"]})[name] == "***"
    assert read(**{name: None})[name] is None


def test_a_number_under_such_a_name_is_a_number() -> None:
    assert read(tokens=532) == {"tokens": 532}


def test_what_looks_like_a_secret_is_hidden_in_any_text_and_before_it_is_cut() -> None:
    url = "postgresql://app:hunter2@db/shop"

    assert "hunter2" not in encode_fields({"x": url, "y": [url], "z": {"a": {"b": url}}})
    assert "hunter" not in encode_text("a" * (MAX_TEXT_LENGTH - 25) + " " + url)


def test_names_are_kept_apart_from_those_of_the_line_and_bounded() -> None:
    assert read(level="x", time=1, message="m") == {"level_": "x", "time_": 1, "message_": "m"}
    assert read(**{"n" * 500: 1}) == {"n" * 128: 1}
    assert read(**{"a\nb\ud800": 1}) == {"a\nb\ufffd": 1}


def test_secrets_that_the_application_names_are_hidden_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_hiding", encode._Hiding())
    assert read(x="correcthorsebattery") == {"x": "correcthorsebattery"}
    hide_in_logs("correcthorsebattery")

    shown = encode_fields({"x": "a correcthorsebattery", "y": ["Y29ycmVjdGhvcnNlYmF0dGVyeQ=="]})
    assert "correct" not in shown
    assert "Y29ycm" not in shown
    assert "correct" not in encode_end("… correcthorsebattery", 100)


def test_of_a_long_text_the_end_can_be_kept() -> None:
    assert json.loads(encode_end("abc", 10)) == "abc"
    assert json.loads(encode_end("start" + "x" * 100 + "end", 10)) == CUT + "xxxxxxxend"
