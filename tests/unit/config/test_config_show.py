from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.config.check import check_text
from ci_ops.config.load import Source
from ci_ops.config.show import show_text
from ci_ops.core.errors import ConfigError, UsageError
from ci_ops.core.text.secret import Secret
from tests.support.configs import DATA, SAMPLES, unhurried

FILE = """\
service: shop
readiness: {checks: {tidy-up: }}
deploy:
  target: {type: place, path: /srv, run: 'echo ${NOT_OURS} token=abc'}
verify:
  url: https://user:password@${HOST}/
  checks:
    probe:
      required: false
      limits: {warn: 250ms}
      headers: {}
      token: a-literal-secret
      expected: {a: [1, null]}
      status: [200, "${CODE:-204}"]
notify:
  channels:
    ops: {type: pager, token: "${PAGER_TOKEN}", enabled: true}
    dev: {type: pager, token: "x${PAGER_TOKEN}"}
  routes:
    - {to: [ops], events: ["rollback.*"]}
    - {to: ["${SOMEBODY}"]}
ignore:
  probe/slow: {reason: "known: fixed soon", until: 2027-01-31}
environments:
  staging: {service: "on", verify: {checks: {probe: {limits: }}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ci-ops.yml").write_text(FILE)
    return tmp_path


def source(folder: Path, env: dict[str, str] | None = None, **more: Any) -> Source:
    return Source(env=env if env is not None else {"HOST": "shop"}, start=folder, root=SAMPLES, **more)


def lines(text: str) -> list[str]:
    """The lines with the space before their origins shortened."""
    return [re.sub(r" +# ", "  # ", line) for line in text.splitlines()]


def test_every_setting_is_shown_with_its_origin_and_without_secrets(folder: Path) -> None:
    expected = (DATA / "shown.txt").read_text(encoding="utf-8")
    assert show_text(source(folder, overrides={"verify.deadline": ("90", "flag --deadline")})) == expected


def test_a_secret_that_is_set_is_hidden_and_its_variable_named(folder: Path) -> None:
    shown = show_text(source(folder, {"HOST": "shop", "PAGER_TOKEN": "abc-token-abc"}))
    assert "token: ***  # ${PAGER_TOKEN}, ci-ops.yml:17" in "\n".join(lines(shown)).replace("      ", "")
    assert "abc-token-abc" not in shown


def test_lists_and_maps_are_shown_on_one_line(folder: Path) -> None:
    overrides: dict[str, tuple[object, str]] = {
        "verify.checks.probe.labels": (["b", "a"], "flag --labels"),
        "verify.checks.probe.headers": ({"Accept": "${NOT_FILLED_IN}"}, "flag --header"),
        "verify.checks.probe.extra": (["${A}"], "flag --extra"),
    }
    shown = lines(show_text(source(folder, {"HOST": "shop", "SOMEBODY": "ops"}, overrides=overrides)))
    assert '      labels: ["a", "b"]  # flag --labels' in shown
    assert '      headers: {"Accept": "${NOT_FILLED_IN}"}  # flag --header' in shown
    assert '      extra: ["${A}"]  # flag --extra' in shown
    routes = [each for each in shown if each.startswith("  routes: ")]
    assert routes == [
        '  routes: [{"to": ["ops"], "events": ["rollback.*"]}, {"to": ["ops"]}]  # ${SOMEBODY}, ci-ops.yml:20'
    ]


def test_a_text_with_a_secret_variable_in_it_is_shown_as_it_is_written(folder: Path) -> None:
    (folder / "ci-ops.yml").write_text("verify: {url: 'https://${HOST}/${API_TOKEN}'}")
    shown = lines(show_text(source(folder, {"HOST": "shop", "API_TOKEN": "short"})))
    assert "  url: https://${HOST}/${API_TOKEN}  # ${HOST}, ${API_TOKEN}, ci-ops.yml:1" in shown


def test_a_map_of_secrets_that_cannot_be_read_is_hidden_whole(folder: Path) -> None:
    overlay = "verify: {checks: {endpoints: {paths: {/: }, send-headers: {A: 'secret', B: '${NO}'}}}}\n"
    (folder / "ci-ops.yml").write_text(overlay)
    shown = lines(show_text(Source(env={}, start=folder)))
    assert "      send-headers: ***  # ${NO} (not set), ci-ops.yml:1" in shown


def test_secrets_in_maps_and_behind_options_are_hidden(folder: Path) -> None:
    checks = "{endpoints: {paths: {/: }, send-headers: {A: secret}}, revision: {send-headers: }}"
    (folder / "ci-ops.yml").write_text(f"verify: {{checks: {checks}}}")
    shown = lines(show_text(Source(env={}, start=folder)))
    assert '      send-headers: {"A": "***"}  # ci-ops.yml:1' in shown
    (folder / "ci-ops.yml").write_text("verify: {checks: {probe: {token: 'x${NO}'}}}")
    assert "      token: ***  # ${NO} (not set), ci-ops.yml:1" in lines(show_text(source(folder)))


def test_what_an_environment_changes_says_so(folder: Path) -> None:
    shown = lines(show_text(source(folder, environment="Staging")))
    assert shown[0] == "environment: Staging  # requested"
    assert 'service: "on"  # environment staging, ci-ops.yml:25' in [
        *shown,
        *[each.replace("on  #", '"on"  #') for each in shown],
    ]
    assert "        warn: 0.5s  # default" in shown


def test_secrets_from_flags_are_hidden(folder: Path) -> None:
    shown = show_text(
        source(folder, overrides={"verify.checks.probe.token": (Secret("abcdefgh"), "flag --t")})
    )
    assert "      token: ***  # flag --t" in lines(shown)


def test_problems_other_than_missing_variables_are_raised(folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown key"):
        show_text(source(folder, overrides={"verify.nothing": ("x", "flag --nothing")}))


@unhurried
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=30))
def test_no_secret_and_no_line_of_its_own_comes_from_a_value(
    tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "shown"
    folder.mkdir(exist_ok=True)
    (folder / "ci-ops.json").write_text(
        '{"service": "${SERVICE}", "verify": {"checks": {"probe": {"token": "${T}"}}}}'
    )
    env = {"T": f"#{secret}#".replace("\0", ""), "SERVICE": f"${secret}\n#".replace("\0", "")}
    shown = show_text(source(folder, env))
    assert env["T"] not in shown
    assert len(shown.splitlines()) == len(
        show_text(source(folder, {"T": "x" * 9, "SERVICE": "y"})).splitlines()
    )


def test_a_good_file_is_summed_up_in_one_line(folder: Path) -> None:
    env = {"HOST": "shop", "PAGER_TOKEN": "t", "SOMEBODY": "ops"}
    assert check_text(source(folder, env)) == (
        "ci-ops.yml: no problems in 2 checks, target place, 2 channels, 2 environments (production, staging).\n"
    )


def test_every_environment_is_checked_and_each_problem_told_once(folder: Path) -> None:
    (folder / "ci-ops.yml").write_text(
        "service: ${NO}\nenvironments:\n  dev: {serivce: a}\n  qa: {verify: {url: 'http://no'}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        check_text(source(folder))
    assert str(caught.value).splitlines() == [
        "ci-ops.yml:1:10 service: the variable NO is not set",
        "ci-ops.yml:3:9 serivce: unknown key; did you mean service?",
    ]
    assert check_text(source(folder, {"NO": "x"}, environment="qa")) == (
        "ci-ops.yml: no problems in 0 checks, no target, 0 channels, 1 environment (qa).\n"
    )


def test_an_environment_that_the_file_does_not_list_is_a_warning(folder: Path) -> None:
    (folder / "ci-ops.yml").write_text("environments: {staging: }\n")
    assert check_text(source(folder, environment="stagign")) == (
        "ci-ops.yml: no problems in 0 checks, no target, 0 channels, 1 environment (stagign).\n"
        "warning: ci-ops.yml:1:1 environments: the file lists no environment stagign, so its own values hold; "
        "did you mean staging?\n"
    )


def test_the_default_environment_is_counted_once_by_either_name(folder: Path) -> None:
    (folder / "ci-ops.yml").write_text("environments: {prod: }\n")
    assert "1 environment (prod)." in check_text(source(folder))


def test_a_variable_that_is_not_set_here_is_no_fault_of_the_file(folder: Path) -> None:
    (folder / "ci-ops.yml").write_text("verify: {url: '${NOWHERE}'}\nenvironments: {qa: }\n")
    summary, warning = check_text(source(folder)).splitlines()
    assert summary.endswith(
        "no problems in 0 checks, no target, 0 channels, 2 environments (production, qa)."
    )
    assert warning == (
        "warning: ci-ops.yml:1:15 verify.url: the variable NOWHERE is not set; "
        "without it `verify`, `deploy` and `rollback` stop with exit code 2"
    )


def test_without_a_file_there_is_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no ci-ops.yml from here up"):
        check_text(source(tmp_path))
