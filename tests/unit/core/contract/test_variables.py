from __future__ import annotations

import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.contract.variables import Contract, Reading, Variable
from ci_ops.core.text.redact import redact_patterns
from ci_ops.core.text.secret import Secret

FORM = "the expected form"
STRENGTH = "at least 32 characters, 5 of them different"
FOUND = "found a value of 7 characters"
GOOD_KEY = "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1x"


def read(variable: Variable, **env: str) -> Reading:
    return Contract(variable).validate(env)


def value(variable: Variable, text: str) -> Any:
    reading = read(variable, X=text)
    assert reading.problems == ()
    return reading.values["X"]


def rules(reading: Reading) -> list[tuple[str, str]]:
    return [(each.name, each.rule) for each in (*reading.problems, *reading.warnings)]


@pytest.mark.parametrize(
    ("rules_of_it", "text", "expected"),
    [
        ({}, " plain text ", "plain text"),
        ({"kind": "int"}, "-8000", -8000),
        ({"kind": "float"}, "2.5e1", 25.0),
        ({"kind": "float"}, ".5", 0.5),
        ({"kind": "bool"}, "Yes", True),
        ({"kind": "bool"}, "off", False),
        ({"kind": "choice", "choices": ("a", "b")}, "b", "b"),
        ({"kind": "list"}, "a, b", ("a", "b")),
        ({"kind": "list", "items": "int"}, "1,2", (1, 2)),
        ({"kind": "url"}, "https://shop.example.com:8443/x", "https://shop.example.com:8443/x"),
        ({"kind": "url", "schemes": ("postgresql",)}, "postgres://u:p@h/d", "postgres://u:p@h/d"),
        (
            {"kind": "url", "schemes": ("postgresql",)},
            "postgresql+asyncpg:///d?host=/run",
            "postgresql+asyncpg:///d?host=/run",
        ),
        ({"kind": "url"}, "postgresql://u:a,b@one:5432,two:5433/d", "postgresql://u:a,b@one:5432,two:5433/d"),
        ({"kind": "url"}, "sqlite://:memory:", "sqlite://:memory:"),
    ],
)
def test_a_good_value_is_read_as_its_kind(rules_of_it: dict[str, Any], text: str, expected: Any) -> None:
    assert value(Variable("X", **rules_of_it), text) == expected


@pytest.mark.parametrize(
    ("rules_of_it", "text"),
    [
        ({"kind": "int"}, "8000.0"),
        ({"kind": "int"}, "8_000"),
        ({"kind": "int"}, "٣"),
        ({"kind": "int"}, "9" * 5000),
        ({"kind": "int", "minimum": 1}, "0"),
        ({"kind": "int", "maximum": 65535}, "65536"),
        ({"kind": "float"}, "nan"),
        ({"kind": "float"}, "1e999"),
        ({"kind": "bool"}, "maybe"),
        ({"kind": "choice", "choices": ("a",)}, "A"),
        ({"kind": "list"}, "a,,b"),
        ({"kind": "list", "items": "int", "minimum": 1}, "1,0"),
        ({"kind": "list", "pattern": "[a-z]+"}, "a,9"),
        ({"pattern": r"v\d+"}, "v1x"),
        ({"min_length": 3}, "ab"),
        ({"max_length": 3}, "abcd"),
        ({"min_different": 3}, "aabb"),
        ({"kind": "url"}, "no address"),
        ({"kind": "url"}, "localhost:5432"),
        ({"kind": "url"}, "https://"),
        ({"kind": "url"}, "https://host:http/"),
        ({"kind": "url"}, "postgresql://u:p#w@host/d"),
        ({"kind": "url"}, "postgresql://host:0/d"),
        ({"kind": "url"}, "http://[::1"),
        ({"kind": "url", "schemes": ("postgresql",)}, "mysql://h/d"),
        ({"kind": "url"}, "https://a\x00b/"),
    ],
)
def test_a_bad_value_is_a_problem_of_form(rules_of_it: dict[str, Any], text: str) -> None:
    reading = read(Variable("X", **rules_of_it), X=text)
    assert rules(reading) == [("X", "form")]
    assert "X" not in reading.values


def test_every_problem_is_said_at_once_and_no_value_with_it() -> None:
    contract = Contract(
        Variable("API_PORT", kind="int", minimum=1, maximum=65535),
        Variable("SECRET_KEY", secret=True, min_length=32, min_different=5),
        Variable("DATABASE_URL", kind="url", schemes=("postgresql",), secret=True),
        Variable("MODE", kind="choice", choices=("fast", "safe")),
    )
    reading = contract.validate(
        {"API_PORT": "hunter2", "SECRET_KEY": "hunter2", "DATABASE_URL": "hunter2", "MODE": " "}
    )
    told = [str(each) for each in reading.problems]
    assert told == [
        f"API_PORT does not have {FORM}: expected a whole number from 1 to 65535, {FOUND}",
        f"SECRET_KEY is too easy to guess: expected text of {STRENGTH}, {FOUND}",
        f"DATABASE_URL does not have {FORM}: expected an address that begins with postgresql://, {FOUND}",
        "MODE is not set: expected one of fast, safe, found nothing",
    ]
    assert [redact_patterns(each) for each in told] == told
    assert "hunter2" not in repr(reading)


@pytest.mark.parametrize(
    ("rules_of_it", "words"),
    [
        ({}, "text"),
        ({"min_length": 2, "max_length": 9}, "text of at least 2 and at most 9 characters"),
        ({"pattern": "v.*"}, "text that matches v.* as a whole"),
        ({"kind": "float"}, "a number"),
        ({"kind": "int", "minimum": 1}, "a whole number of at least 1"),
        ({"kind": "float", "maximum": 0.5}, "a number of at most 0.5"),
        ({"kind": "bool"}, "true or false"),
        ({"kind": "choice", "choices": ("production",)}, "production"),
        ({"kind": "list"}, "texts, separated by commas"),
        ({"kind": "list", "items": "int", "minimum": 1}, "whole numbers of at least 1, separated by commas"),
        ({"kind": "url"}, "an address that begins with its scheme, such as https://"),
        (
            {"kind": "url", "schemes": ("http", "https")},
            "an address that begins with http:// or https://",
        ),
    ],
)
def test_what_is_expected_is_said_in_words(rules_of_it: dict[str, Any], words: str) -> None:
    assert Variable("X", **rules_of_it).expected == words


def test_a_secret_is_read_as_a_secret_that_hides_itself() -> None:
    reading = read(Variable("SECRET_KEY", secret=True, min_length=32), SECRET_KEY=GOOD_KEY)
    assert reading.values == {"SECRET_KEY": Secret(GOOD_KEY)}
    assert GOOD_KEY not in repr(reading)


@pytest.mark.parametrize("key", ["short", "a" * 40])
def test_a_secret_that_is_short_or_of_few_characters_is_weak(key: str) -> None:
    assert rules(read(Variable("K", secret=True, min_length=32, min_different=5), K=key)) == [("K", "weak")]


def test_defaults_are_used_and_optional_variables_may_be_absent() -> None:
    reading = Contract(
        Variable("PORT", kind="int", default=8000),
        Variable("DEBUG", kind="bool", default=False),
        Variable("HOSTS", kind="list", default=("a", "b")),
        Variable("SENTRY_DSN", required=False),
    ).validate({"PORT": ""})
    assert reading.values == {"PORT": 8000, "DEBUG": False, "HOSTS": ("a", "b"), "SENTRY_DSN": None}
    assert reading.is_set == frozenset()


def test_a_fallback_is_read_where_the_variable_is_not_set_and_named_when_it_is_bad() -> None:
    port = Variable("API_PORT", kind="int", default=8000, fallbacks=("PORT",))
    assert read(port).values == {"API_PORT": 8000}
    assert read(port, PORT="10000").values == {"API_PORT": 10000}
    assert read(port, PORT="10000", API_PORT="9000").values == {"API_PORT": 9000}
    assert rules(read(port, PORT="ten")) == [("PORT", "form")]


def test_a_misspelt_name_is_pointed_out_where_it_is_needed_and_where_a_default_hides_it() -> None:
    contract = Contract(
        Variable("DATABASE_URL", kind="url"), Variable("DB_POOL_SIZE", kind="int", default=10)
    )
    reading = contract.validate({"DATABSE_URL": "postgresql://h/d", "DB_POOL_SIEZ": "50"})
    (problem,) = reading.problems
    assert (problem.name, problem.rule) == ("DATABASE_URL", "missing")
    assert problem.sentence == "DATABASE_URL is not set, but DATABSE_URL is."
    assert [each.sentence for each in reading.warnings] == ["DB_POOL_SIZE is not set, but DB_POOL_SIEZ is."]
    assert reading.values == {"DB_POOL_SIZE": 10}


def test_names_that_are_declared_short_or_only_alike_are_not_taken_for_misspelt() -> None:
    contract = Contract(
        Variable("API_HOST", required=False),
        Variable("API_PORT", kind="int", required=False),
        Variable("PORT", required=False),
    )
    assert contract.validate({"API_PORT": "1", "POST": "x", "API_KEY": "y", "API_HOME": "z"}).warnings == ()


def test_placeholders_are_warnings() -> None:
    contract = Contract(
        Variable("MAIL_PASS", secret=True),
        Variable("DATABASE_URL", kind="url"),
        Variable("MODE", kind="choice", choices=("todo",)),
    )
    reading = contract.validate(
        {"MAIL_PASS": "changeme", "DATABASE_URL": "postgresql://u:pass@h/d", "MODE": "todo"}
    )
    assert reading.problems == ()
    assert rules(reading) == [("MAIL_PASS", "placeholder"), ("DATABASE_URL", "placeholder")]


def test_contracts_add_up_and_refuse_a_contradiction() -> None:
    one, other = Variable("A"), Variable("B")
    assert Contract(one) + Contract(other, one) == Contract(one, other)
    assert len({Contract(one), Contract(one), Contract(other)}) == 2
    assert Contract(one, other).without(["A"]) == Contract(other)
    assert Contract(one) != one
    with pytest.raises(ValueError, match="'A' is declared twice"):
        Contract(one, Variable("A", kind="int"))


@pytest.mark.parametrize(
    ("name", "bad", "sentence"),
    [
        ("A B", {}, "a name has neither blanks nor ="),
        ("A", {"kind": "number"}, "known kinds are str, int"),
        ("A", {"kind": "list", "items": "bool"}, "a list is of str"),
        ("A", {"kind": "choice"}, "choices belong to the kind choice"),
        ("A", {"choices": ("x",)}, "choices belong to the kind choice"),
        ("A", {"minimum": 1}, "only numbers have a minimum"),
        ("A", {"schemes": ("https",)}, "only addresses have schemes"),
        ("A", {"secret": True, "default": "x"}, "a secret is a str or a url, and has no default"),
        ("A", {"pattern": "("}, "its pattern is no regular expression"),
        ("A", {"kind": "int", "default": "x"}, "its default violates its own constraints"),
        *(
            ("A", {"kind": "float", **bounds}, "numbers with an end, in this order")
            for bounds in (
                {"minimum": 2, "maximum": 1},
                {"minimum": math.nan},
                {"maximum": math.inf},
                {"minimum": 10**400},
            )
        ),
        *(
            ("A", lengths, "its lengths are not negative")
            for lengths in (
                {"min_length": -1},
                {"min_length": math.nan},
                {"min_length": 9, "max_length": 3},
                {"min_different": -1},
                {"min_different": 9, "max_length": 3},
            )
        ),
        ("A", {"kind": "choice", "choices": ("a", "")}, "a choice is not empty"),
        ("A", {"kind": "choice", "choices": (" a",)}, "a choice is not empty"),
        ("A", {"kind": "choice", "choices": "ab"}, "its choices are a tuple of texts"),
        ("A", {"kind": "url", "schemes": "https"}, "its schemes are a tuple of texts"),
        ("A", {"fallbacks": "PORT"}, "its fallbacks are a tuple of texts"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(name: str, bad: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"the variable '{name}': .*{sentence}"):
        Variable(name, **bad)


def test_lists_of_texts_are_kept_as_tuples() -> None:
    variable = Variable("A", kind="choice", choices=["a", "b"], fallbacks=["B"])  # type: ignore[arg-type]
    assert (variable.choices, variable.fallbacks) == (("a", "b"), ("B",))
    assert Contract(variable) == Contract(Variable("A", kind="choice", choices=("a", "b"), fallbacks=("B",)))


def test_a_default_has_the_value_of_its_kind() -> None:
    assert Variable("A", kind="int", default=5).default_value == 5
    assert Variable("A").default_value is None
    assert pickle.loads(pickle.dumps(Variable("A", kind="int", default=5))).default == "5"


KINDS: list[dict[str, Any]] = [
    {},
    {"kind": "int"},
    {"kind": "float"},
    {"kind": "bool"},
    {"kind": "url"},
    {"kind": "list"},
    {"kind": "list", "items": "url"},
    {"kind": "choice", "choices": ("a",)},
    {"secret": True, "min_length": 32, "min_different": 5},
]


@given(st.sampled_from(KINDS), st.text(st.characters(codec="utf-8"), min_size=12))
def test_whatever_the_environment_holds_it_is_judged_and_never_shown(kind: dict[str, Any], text: str) -> None:
    reading = read(Variable("X", **kind), X=text)
    shown = json.dumps([str(each) + each.sentence for each in (*reading.problems, *reading.warnings)])
    assert text.strip() == "" or json.dumps(text)[1:-1] not in shown
