from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ci_ops.core.named import NamedCheck
from ci_ops.core.result import Location
from ci_ops.core.text.secret import Secret
from tests.support.configs import loaded, probe, problems, unhurried
from tests.support.sampleplugins.checks.probe import Level, Limits, Probe

SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=8).filter(
    lambda text: len(set(text)) > 3
)


def test_an_entry_without_settings_has_the_defaults() -> None:
    for text in ("", "{}", "~", "null"):
        assert probe(text) == Probe()


def test_every_kind_of_field_is_read() -> None:
    assert probe(
        "{text: a, count: 2, ratio: 1, deep: true, wait: 500ms, token: t, run: make, mode: slow, level: high,"
        " tags: [a, 1.10], labels: [b], numbers: [1, 0x10], headers: {Accept: x/y, Age: 010},"
        " limits: {warn: 1s}, expected: {a: [1, null, on]}, day: 2027-01-31, folder: a/b, status: [200, 204],"
        " size: 2m, from: here}"
    ) == Probe(
        text="a",
        count=2,
        ratio=1.0,
        deep=True,
        wait=0.5,
        token=Secret("t"),
        run_="make",
        mode="slow",
        level=Level.HIGH,
        tags=("a", "1.10"),
        labels=frozenset({"b"}),
        numbers=[1, 16],
        headers={"Accept": "x/y", "Age": "010"},
        limits=Limits(warn=1.0),
        expected={"a": [1, None, "on"]},
        day=date(2027, 1, 31),
        folder=Path("a/b"),
        status=(200, 204),
        size=120.0,
        from_="here",
    )


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("{mode: 3}", Probe(mode=3)),
        ("{size: 3}", Probe(size=3)),
        ("{size: null, token: ~}", Probe()),
        ("{size: '${N:-7}'}", Probe(size=7)),
        ("{status: 201}", Probe(status=201)),
        ("{expected: 1.5}", Probe(expected=1.5)),
        ("{text: 1e3, tags: [0x1F]}", Probe(text="1e3", tags=("0x1F",))),
        ("{limits: }", Probe()),
        ("{extra: {a: [1]}, expected: on}", Probe(extra={"a": [1]}, expected="on")),
        ("{extra: 3}", Probe(extra=3)),
    ],
)
def test_a_value_takes_the_most_special_shape_that_fits(text: str, settings: Probe) -> None:
    assert probe(text) == settings


def test_a_value_that_fits_no_shape_is_told_all_of_them() -> None:
    assert problems("verify: {checks: {probe: {status: {a: 1}, size: {a: 1}}}}") == [
        "ci-ops.yml:1:35 verify.checks.probe.status: expected a list or a whole number",
        "ci-ops.yml:1:49 verify.checks.probe.size: expected a whole number or a duration such as 500ms, 30s or 2m",
    ]


def test_flags_may_stand_for_any_kind() -> None:
    overrides = {
        "verify.checks.probe": (
            {"count": "3", "deep": True, "wait": "2m", "tags": ["a", "1"], "token": Secret("t"), "ratio": 2},
            "flag --x",
        ),
    }
    found = loaded("", overrides=overrides)
    assert found.config.verify.checks == (
        NamedCheck(
            name="probe",
            plugin=Probe(count=3, deep=True, wait=120.0, tags=("a", "1"), token=Secret("t"), ratio=2.0),
        ),
    )
    assert found.config.verify.checks[0].location is None


def test_a_problem_of_a_flag_names_the_flag() -> None:
    assert problems("", overrides={"verify.deadline": ("soon", "flag --deadline")}) == [
        "flag --deadline verify.deadline: expected a duration such as 500ms, 30s, 2m or a number of seconds"
    ]


def test_an_entry_knows_the_line_of_its_key() -> None:
    found = loaded(
        "verify:\n  checks:\n    probe:\n      count: 2\ndeploy:\n  target:\n    {type: place, path: /a}"
    )
    target = found.config.deploy.target
    assert found.config.verify.checks[0].location == Location(file="ci-ops.yml", line=3)
    assert target is not None
    assert (target.name, target.location) == ("place", Location(file="ci-ops.yml", line=6))


def test_the_name_is_the_type_unless_type_says_otherwise() -> None:
    checks = loaded("verify: {checks: {mine: {type: probe, count: 2}, probe: }}").config.verify.checks
    assert [(each.name, each.plugin) for each in checks] == [("mine", Probe(count=2)), ("probe", Probe())]


def test_a_check_may_be_optional_or_switched_off() -> None:
    found = loaded("verify: {checks: {probe: {required: false}, off: {type: probe, enabled: false}}}")
    assert [(each.name, each.required) for each in found.config.verify.checks] == [("probe", False)]
    assert [each.name for each in found.whole.verify.checks] == ["probe", "off"]


def test_a_field_goes_before_a_switch_of_the_same_name() -> None:
    (check,) = loaded("readiness: {checks: {tidy-up: {required: [A, B]}}}").config.readiness.checks
    assert (check.required, getattr(check.plugin, "required", None)) == (True, ("A", "B"))


def test_the_groups_of_every_plugin_are_known_before_anything_runs() -> None:
    found = loaded(
        "readiness: {checks: {tidy-up: }}\nnotify: {channels: {ops: {type: pager, token: abcdefgh}}}\n"
        "deploy: {target: {type: other}}"
    )
    assert found.config.needs() == {"broom", "radio"}


def places(secret: str) -> list[str]:
    """Documents with the text at a good or a wrong place."""
    quoted = "'" + secret.replace("'", "''") + "'"
    probe_with = "verify: {checks: {probe: {%s}}}"
    return [
        *[
            probe_with % f"{key}: {quoted}"
            for key in (
                "token",
                "count",
                "mode",
                "level",
                "wait",
                "tags",
                "limits",
                "day",
                "deep",
                "size",
                "secret",
            )
        ],
        probe_with % f"token: {quoted}, count: 0",
        probe_with % f"token: [{quoted}]",
        probe_with % f"type: {quoted}",
        f"version: {quoted}",
        f"notify: {{channels: {quoted}, routes: [{{to: [{quoted}], events: [{quoted}], environments: [{quoted}]}}]}}",
        f"environments: {{staging: {quoted}}}",
        f"ignore: {{probe/slow: {{reason: {quoted}, until: {quoted}}}}}",
        f"deploy: [{quoted}]",
    ]


@unhurried
@given(SECRETS)
@example("bad '\"\\ value")
def test_no_value_of_the_file_is_in_any_message(secret: str) -> None:
    secret = f"ß{secret}".strip()  # no word of ours, and no blanks, which are left out
    for text in places(secret):
        for message in problems(text):
            assert secret not in message


@unhurried
@given(SECRETS)
@example("bad '\"\\ value")
@example("bad\n\x07\xa0value")
def test_no_value_of_a_variable_is_in_any_message_or_repr(secret: str) -> None:
    secret = f"ß{secret}".strip()  # no word of ours, and no blanks, which are left out
    for text in places("${VALUE}"):
        found = loaded(text, {"VALUE": secret})
        assert secret not in "\n".join(str(each) for each in found.problems)
    found = loaded("verify: {checks: {probe: {token: '${VALUE}'}}}", {"VALUE": f"x{secret}"})
    assert f"x{secret}" not in repr(found)
    assert [each.reveal() for each in found.config.secrets] == [f"x{secret}"]


def test_a_short_secret_makes_the_plugin_s_own_sentence_neutral() -> None:
    assert problems("verify: {checks: {probe: {token: bad-one}}}") == [
        "ci-ops.yml:1:34 verify.checks.probe.token: this value is not accepted"
    ]


@unhurried
@given(st.text("xyz'\" ", max_size=7))
def test_no_short_secret_is_in_any_message(secret: str) -> None:
    (message,) = problems("verify: {checks: {probe: {token: '${VALUE}'}}}", {"VALUE": f"bad{secret}"})
    assert f"bad{secret}" not in message


def test_variables_with_the_name_of_a_secret_are_secrets_wherever_they_stand() -> None:
    env: dict[str, Any] = {"API_TOKEN": "abc-token-abc", "HOST": "shop.example.com"}
    found = loaded("verify: {url: 'https://${HOST}/${API_TOKEN}'}", env)
    assert [each.reveal() for each in found.config.secrets] == ["abc-token-abc"]
