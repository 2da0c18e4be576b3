from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.config.variables import fill
from tests.support.configs import loaded, probe, problems

ENV = {"HOST": "shop", "EMPTY": "", "_N1": "one"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("https://${HOST}/${_N1}", "https://shop/one"),
        ("${NO:-else}", "else"),
        ("${EMPTY:-else}", "else"),
        ("${HOST:-else}", "shop"),
        ("${NO:-}", ""),
        ("${NO:-a b-c:-$HOME}", "a b-c:-$HOME"),
        ("$${HOST}", "${HOST}"),
        ("$$${HOST}", "$${HOST}"),
        ("$HOST $$HOST $(date) {HOST} $", "$HOST $$HOST $(date) {HOST} $"),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    found = fill(text, ENV)
    assert (found.text, found.missing, found.mistakes) == (filled, [], [])


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A-B}", "${A:-b", "${A?}", "${ A }", "${A}${"])
def test_a_brace_that_begins_no_variable_is_a_mistake(text: str) -> None:
    assert len(fill(text, {"A": "a"}).mistakes) == 1


def test_a_value_is_never_filled_in_itself() -> None:
    assert fill("${A}", {"A": "${B} $${C}", "B": "b"}).text == "${B} $${C}"


@given(st.text())
def test_a_text_without_a_brace_after_a_dollar_stays_as_it_is(text: str) -> None:
    if "${" not in text:
        assert fill(text, {}).text == text


def test_a_filled_text_may_mean_a_number_a_boolean_or_a_duration() -> None:
    settings = probe(
        "{count: '${N}', deep: '${B}', wait: '${D}', ratio: '${R:-0.25}'}", {"N": "3", "B": "true", "D": "2m"}
    )
    assert (settings.count, settings.deep, settings.wait, settings.ratio) == (3, True, 120.0, 0.25)


def test_a_filled_text_stays_a_text_where_a_text_is_wanted() -> None:
    assert probe("{text: '${N}'}", {"N": "007"}).text == "007"
    assert probe("{text: '${N}'}", {"N": "true"}).text == "true"


def test_commands_for_the_shell_are_left_to_the_shell() -> None:
    assert probe("{run: 'echo ${NOT_OURS} $${A}'}").run_ == "echo ${NOT_OURS} $${A}"


def test_flags_are_not_filled_in_because_the_shell_has_done_so() -> None:
    found = loaded("", {"A": "a-secret-value"}, overrides={"verify.url": ("https://x/${A}", "flag --url")})
    assert found.config.verify.url == "https://x/${A}"


def test_a_variable_that_is_missing_where_nothing_looks_is_no_problem() -> None:
    text = "notify: {channels: {ops: {type: pager, token: '${T}'}, dev: {type: pager, token: abcdefgh}}}"
    assert problems(text) == ["ci-ops.yml:1:47 notify.channels.ops.token: the variable T is not set"]
    assert problems(text, uses={"notify", "verify"}) != []
    found = loaded(text, uses={"readiness"})
    assert found.problems == ()
    assert [each.name for each in found.config.notify.channels] == ["dev"]


def test_a_section_keeps_its_other_values_when_a_variable_is_missing() -> None:
    found = loaded("verify: {url: '${URL}', deadline: 9s, checks: {probe: }}", uses={"readiness"})
    assert (found.config.verify.url, found.config.verify.deadline) == ("", 9.0)
    assert found.config.verify.checks[0].name == "probe"


def test_what_no_section_holds_is_always_used() -> None:
    assert problems("service: ${NAME}", uses=()) == ["ci-ops.yml:1:10 service: the variable NAME is not set"]


def test_what_is_switched_off_needs_no_variables() -> None:
    found = loaded("notify: {channels: {ops: {type: pager, token: '${T}', enabled: false}}}")
    assert (found.problems, found.config.notify.channels) == ((), ())


@pytest.mark.parametrize("dress", ["{}\n", "{}\r\n", " {} ", "\t{}"])
def test_blanks_around_a_secret_are_no_part_of_it_and_are_said(dress: str) -> None:
    env = {"HOOK": dress.format("abc-def"), "API_TOKEN": dress.format("xyz-123"), "PLAIN": " a "}
    text = "verify: {checks: {probe: {token: 'a ${HOOK}', text: '<${API_TOKEN}>', tags: ['${PLAIN}']}}}"
    found = loaded(text, env)
    settings: Any = found.config.verify.checks[0].plugin
    assert (settings.token.reveal(), settings.text, settings.tags) == ("a abc-def", "<xyz-123>", (" a ",))
    assert sorted(str(each).partition(": the variable ")[2] for each in found.warnings) == [
        f"{name} has blanks or a line end around its value; they are left out"
        for name in ("API_TOKEN", "HOOK")
    ]


def test_quotes_around_a_secret_are_a_problem_that_does_not_show_it() -> None:
    for value in ('"abc-def"', "'abc-def'", '"abc-def"\n'):
        (problem,) = problems("verify: {checks: {probe: {token: '${HOOK}'}}}", {"HOOK": value})
        assert problem.endswith("the value of the variable HOOK is in quotes; store it without them")
        assert "abc-def" not in problem


def test_a_secret_of_blanks_alone_is_not_set() -> None:
    (problem,) = problems("verify: {checks: {probe: {token: '${HOOK}'}}}", {"HOOK": " \n"})
    assert "the variable HOOK is empty" in problem


@pytest.mark.parametrize(
    ("key", "text", "secret"),
    [
        ("token", "https://${A}/hooks/${B}", {"b-value"}),
        ("token", "${A}:${B}", {"a-value", "b-value"}),
        ("text", "https://x.example/?code=${A}&stage=${B}", {"a-value", "b-value"}),
        ("text", "/health?code=${A}", {"a-value"}),
        ("text", "https://${A}@${B}/", {"a-value"}),
        ("text", "${A} and ${B}", set()),
    ],
)
def test_a_variable_in_a_secret_place_is_a_secret_by_itself(key: str, text: str, secret: set[str]) -> None:
    found = loaded(f"verify: {{checks: {{probe: {{{key}: '{text}'}}}}}}", {"A": "a-value", "B": "b-value"})
    assert {each.reveal() for each in found.config.secrets} & {"a-value", "b-value"} == secret
