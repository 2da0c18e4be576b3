"""The rules of every check; each is tried as the `EXAMPLE` of its own test module."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_ops.checks import _trouble
from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.expect import NO_ANSWER_RULES
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.plugin import OBSERVED_CHARACTERS, Check, Phase
from ci_ops.core.result import Location, Result
from ci_ops.core.subject import Subject
from ci_ops.core.text.secret import Secret
from ci_ops.plugins import class_name, family
from tests.support.checking import NEW, a_subject, a_world, checked
from tests.support.examples import example_of, rules_reached
from tests.support.sample_service import RESET, Answer, Asked, SampleService, said, sample_service, text

FAMILY = family("checks")
NAMES = FAMILY.names()
SECRET = "hunter2-hunter2-hunter2"
DECLARED = Location(file="ci-ops.yml", line=12)


def plugin_class(name: str) -> type[Check]:
    return FAMILY.load(name)


def sample(name: str) -> Check:
    check = example_of("checks", name)
    assert type(check) is plugin_class(name)
    return check


def of_phase(phase: Phase) -> list[str]:
    return [name for name in NAMES if phase in plugin_class(name).phases]


def run(
    name: str, check: Check, subject: Subject, *, phase: Phase | None = None, **env: str
) -> tuple[Result, ...]:
    named = Named(name="mine", plugin=check, location=DECLARED)
    phase = phase or min(plugin_class(name).phases)
    return checked([named], subject, a_world(**env), phase=phase, deadline_seconds=2.0)


def field_docs(check: type[Check]) -> set[str]:
    """The fields that have a docstring, of the class and its bases."""
    found: set[str] = set()
    for cls in check.__mro__:
        if not dataclasses.is_dataclass(cls):
            continue
        body = cast("ast.ClassDef", ast.parse(inspect.cleandoc(inspect.getsource(cls))).body[0]).body
        for statement, following in pairwise(body):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and is_text:
                found.add(statement.target.id)
    return found


def assert_sound(results: tuple[Result, ...], check: type[Check]) -> None:
    """What every result of every check has to be like."""
    assert results
    for result in results:
        assert result.check == "mine"
        assert result.sentence
        assert result.measured > 0 or not result.status.is_good
        assert len(json.dumps(result.to_json(), allow_nan=False).encode()) < 100_000
        if result.status not in {Status.PASS, Status.SKIP}:
            assert result.findings
        for finding in result.findings:
            plugin, _, rule = finding.rule.partition("/")
            assert (plugin, rule in check.rules) == (check.plugin_name(), True), finding.rule
            assert finding.sentence
            assert finding.advice
            assert finding.location is not None
            assert finding.severity in {Status.WARN, Status.FAIL, Status.ERROR}
            assert len(finding.observed) <= OBSERVED_CHARACTERS + 20
            assert "Traceback" not in finding.observed + finding.sentence
            assert not re.search(r"[\x00-\x08\x0e-\x1f\x7f]", finding.observed + finding.sentence)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_says_what_it_is_when_it_runs_and_what_it_may_find(name: str) -> None:
    check = plugin_class(name)
    assert check.__name__ == class_name(name)
    assert check.plugin_name() == name
    first = (check.__doc__ or "").partition("\n")[0]
    assert first.endswith(".")
    assert len(first) <= 72
    assert check.phases
    assert check.phases <= set(Phase)
    assert check.rules
    for rule, about in check.rules.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule)
        assert about.sentence.endswith(".")
        assert about.advice


@pytest.mark.parametrize("name", [each for each in NAMES if issubclass(plugin_class(each), HttpCheck)])
def test_a_check_that_sends_requests_has_a_rule_for_each_way_to_get_no_answer(name: str) -> None:
    assert NO_ANSWER_RULES.keys() <= plugin_class(name).rules.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_of_a_check_is_reached_by_a_test(name: str) -> None:
    """`pytest.mark.reports` names the rules; tests/unit/checks/conftest.py fails a test that reports none of them."""
    rules = {f"{name}/{rule}" for rule in plugin_class(name).rules}
    reached = {rule for rule in rules_reached(name) if rule.startswith(f"{name}/")}
    assert rules - reached == set(), (
        f"no test is marked with them: @pytest.mark.reports({sorted(rules - reached)})"
    )
    assert reached - rules == set(), "marks name rules that the check does not have"


@pytest.mark.parametrize("name", NAMES)
def test_a_check_is_frozen_and_its_settings_are_documented_and_free_of_reserved_words(name: str) -> None:
    check = plugin_class(name)
    assert dataclasses.is_dataclass(check)
    assert check.__dataclass_params__.frozen
    fields = {field.name for field in dataclasses.fields(check)}
    assert all(field.kw_only for field in dataclasses.fields(check))
    assert not {each.rstrip("_") for each in fields} & {"type", "name", "enabled"}
    assert fields <= field_docs(check)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_finds_nothing_that_fits_an_empty_folder(name: str, tmp_path: Path) -> None:
    assert plugin_class(name).detect(tmp_path) is None


def test_a_check_that_is_found_by_itself_is_one_of_readiness(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for file in (".env.example", "ci-ops.yml", "app.py", "requirements.txt"):
        (tmp_path / file).write_text("")
    found = {name: plugin_class(name).detect(tmp_path) for name in NAMES}
    assert {name for name, check in found.items() if check} <= set(of_phase(Phase.READINESS))
    assert all(type(check) is plugin_class(name) for name, check in found.items() if check)


def test_the_order_of_the_checks_has_no_ring_and_names_only_members() -> None:
    order = {name: set(plugin_class(name).after) for name in NAMES}
    assert set(chain.from_iterable(order.values())) <= set(NAMES)
    assert set(TopologicalSorter(order).static_order()) == set(NAMES)


def test_the_rules_of_the_machinery_have_an_advice_and_a_name_no_check_has() -> None:
    assert "check" not in NAMES
    assert all(rule.advice and rule.sentence.endswith(".") for rule in _trouble.RULES.values())


@pytest.mark.parametrize("name", of_phase(Phase.READINESS))
def test_an_empty_project_is_never_a_pass(name: str, tmp_path: Path) -> None:
    results = run(name, sample(name), a_subject(tmp_path), phase=Phase.READINESS)
    assert_sound(results, plugin_class(name))
    assert not any(result.status is Status.PASS for result in results)


@pytest.mark.parametrize("name", of_phase(Phase.VERIFY))
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_server_gives_a_result_and_no_traceback(name: str, scheme: str, tmp_path: Path) -> None:
    with sample_service() as dead:
        url = dead.url().replace("http", scheme)
    results = run(name, sample(name), a_subject(tmp_path, url=url), phase=Phase.VERIFY)
    assert_sound(results, plugin_class(name))
    assert not any(result.status.is_good for result in results)


@pytest.mark.parametrize("name", of_phase(Phase.VERIFY))
@pytest.mark.parametrize(
    "url", ["", "nonsense", "https://", "http://[::1", "https://shop.invalid", "file:///etc/passwd"]
)
def test_an_address_that_leads_nowhere_is_never_a_pass(name: str, url: str, tmp_path: Path) -> None:
    results = run(name, sample(name), a_subject(tmp_path, url=url), phase=Phase.VERIFY)
    assert_sound(results, plugin_class(name))
    assert not any(result.status.is_good for result in results)


def echo(asked: Asked) -> Answer:
    """A server that tells everybody everything it knows."""
    body = {
        "status": "fail",
        "commit": SECRET,
        "headers": dict(asked.headers),
        "output": f"password={SECRET}",
    }
    return Answer(
        status=200, body=json.dumps(body).encode(), headers={"X-Echo": SECRET, "X-Revision": SECRET}
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_stands_in_a_result(name: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(f"x = '{SECRET}' (\n")
    (tmp_path / ".env.example").write_text(f"SECRET_KEY={SECRET}\nDATABASE_URL=\n")
    (tmp_path / "requirements.txt").write_text(f"shop @ https://robot:{SECRET}@host/shop.whl\nflask\n")
    fields = {field.name for field in dataclasses.fields(cast("Any", plugin_class(name)))}
    more = {"send_headers": {"Authorization": Secret(f"Bearer {SECRET}"), "X-Key": Secret(SECRET)}}
    check = replace(cast("Any", sample(name)), **(more if "send_headers" in fields else {}))
    env = {"SECRET_KEY": SECRET, "DATABASE_URL": f"postgres://shop:{SECRET}@db/shop", "API_TOKEN": SECRET}
    with sample_service() as service:
        service.does_elsewhere(echo)
        for phase in plugin_class(name).phases:
            subject = a_subject(tmp_path, url=service.url(user=f"robot:{SECRET}@"), revision=NEW)
            world = a_world(**env)
            world.redact.add(SECRET)  # as the configuration does with every secret of the environment
            named = Named(name="mine", plugin=check, location=DECLARED)
            results = checked([named], subject, world, phase=phase, deadline_seconds=1.0)
            assert_sound(results, plugin_class(name))
            assert SECRET not in json.dumps([result.to_json() for result in results])


@pytest.fixture(scope="module")
def hostile() -> Iterator[SampleService]:
    with sample_service() as service:
        yield service


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Content-Type",
            "Age",
            "X-Cache",
            "Retry-After",
            "Location",
            "X-Revision",
            "CF-Mitigated",
            "X-Ci-Ops-Nonce",
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    max_size=4,
)
WORDS = st.sampled_from(["pass", "ok", "down", "\ud800", "\x1b[31m", "::error::", "", "2" * 40]) | st.text(
    max_size=9
)
DOCUMENTS = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "checks", "commit", "releaseId", "ageSeconds", "database"]), inner
        )
    ),
    max_leaves=9,
).map(lambda value: json.dumps(value).encode())
BODIES = DOCUMENTS | st.binary(max_size=200)


HTTP = [name for name in NAMES if issubclass(plugin_class(name), HttpCheck)]
ANSWERS: Mapping[str, Answer] = {
    "nothing": Answer(),
    "no content": Answer(status=204),
    "not UTF-8": Answer(body=b"\xff\xfe\x00\xd8"),
    "half a document": Answer(body=b'{"status": "pa', headers={"Content-Type": "application/json"}),
    "deep": Answer(body=b"[" * 60_000, headers={"Content-Type": "application/json"}),
    "a list": said([1, None, "pass"]),
    "a number": said(10**400),
    "no number": said({"status": "pass", "ageSeconds": math.nan, "commit": math.inf}),
    "other types": said({"status": ["pass"], "checks": "none", "commit": {"a": 1}, "releaseId": 7}),
    "half a pair": said({"status": "\ud800", "commit": "\ud800" * 40}),
    "commands": text("::error::x\n##[add-mask]y\x1b[31m", X_Revision="::error::"),
    "huge": Answer(body=b'{"status": "pass", "x": "' + b"x" * 2_000_000 + b'"}'),
    "redirect to itself": Answer(status=302, headers={"Location": "?"}),
    "redirect to nowhere": Answer(status=308, headers={"Location": "http://[::1"}),
    "redirect without an address": Answer(status=301),
    "no such status": Answer(status=999),
    "a limit": Answer(status=429, headers={"Retry-After": "-1"}),
    "cut short": Answer(body=b"{}", headers={"Content-Length": "10", "Connection": "close"}),
    "broken off": Answer(status=RESET),
}
"""Answers that no sound service gives."""


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_hostile_answer_on_any_path_gives_a_sound_result(name: str, kind: str) -> None:
    """Every path that the check asks answers so, once as the only one and once with all others."""

    def results(service: SampleService) -> tuple[Result, ...]:
        subject = a_subject(url=service.url(), revision=NEW, timeout_seconds=2.0)
        found = run(name, sample(name), subject, phase=Phase.VERIFY)
        assert_sound(found, plugin_class(name))
        return found

    with sample_service() as service:
        service.does_elsewhere(lambda _: ANSWERS[kind])
        results(service)
        everywhere = set(service.paths())
        service.does_elsewhere(lambda _: text("not found", 404))
        service.asked.clear()
        results(service)
        for path in everywhere | set(service.paths()):
            service.says(path, ANSWERS[kind])
            results(service)
            service.says(path, text("not found", 404))
    assert everywhere


@pytest.mark.parametrize("name", HTTP)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    statuses=st.lists(st.sampled_from([200, 200, 200, 204, 302, 404, 429, 500, 503]), min_size=1, max_size=3),
    body=BODIES,
    headers=HEADERS,
)
def test_whatever_a_server_answers_the_result_is_sound(
    name: str, hostile: SampleService, statuses: list[int], body: bytes, headers: dict[str, str]
) -> None:
    """The first path asked answers with the first status, the next with the second, and so on."""
    paths: dict[str, int] = {}

    def answer(asked: Asked) -> Answer:
        status = statuses[paths.setdefault(asked.path, len(paths)) % len(statuses)]
        return Answer(status=status, body=b"" if status == 204 else body, headers=headers)

    hostile.does_elsewhere(answer)
    results = run(name, sample(name), a_subject(url=hostile.url(), timeout_seconds=2.0), phase=Phase.VERIFY)
    assert paths
    assert_sound(results, plugin_class(name))
