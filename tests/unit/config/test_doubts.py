from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.config.check import check_text
from ci_ops.config.load import Source
from ci_ops.config.scripts import missing_script

WORKFLOW = """\
on: {trigger}
jobs:
  look:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - {step}
"""
READINESS = 'uses: org/ci-ops/actions/readiness@v1\n        env: {SECRET_KEY: "${{ secrets.SECRET_KEY }}"}'


def warnings(folder: Path, text: str, **env: str) -> list[str]:
    """The warnings of `config check`, without the place in front."""
    (folder / "ci-ops.yml").write_text(f"version: 1\n{text}")
    lines = check_text(Source(env=env, start=folder)).splitlines()[1:]
    assert all(each.startswith("warning: ci-ops.yml:") for each in lines)
    return [each.partition(" ")[2].partition(" ")[2] for each in lines]


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("./deploy.sh", "./deploy.sh"),
        ("./deploy.sh --now && echo ok", "./deploy.sh"),
        ("echo ok && ./deploy.sh", "./deploy.sh"),
        ("echo a\n./deploy.sh\n", "./deploy.sh"),
        ("sh scripts/deploy.sh", "scripts/deploy.sh"),
        ("bash -eu scripts/deploy.sh", ""),
        ("python manage.py migrate", "manage.py"),
        ("FLAG=1 exec python3 tools/x.py", "tools/x.py"),
        ("./there.sh", ""),
        ("cd x && ./deploy.sh", ""),
        ("python -m shop", ""),
        ("sh -c './deploy.sh'", ""),
        ("$TOOL/deploy.sh", ""),
        ("make deploy", ""),
        ("curl -o deploy.sh https://host && ./deploy.sh", "./deploy.sh"),
        ("printf x > run.sh; sh run.sh", ""),
        ("../elsewhere.sh", ""),
        ("/opt/deploy.sh", ""),
        ("./deploy.sh 'never closed", ""),
        ("", ""),
    ],
)
def test_a_script_that_a_command_starts_has_to_exist(tmp_path: Path, command: str, missing: str) -> None:
    (tmp_path / "there.sh").write_text("")
    assert missing_script(command, tmp_path) == missing


def test_a_missing_script_is_a_warning_at_its_line_and_one_that_is_switched_off_is_none(
    tmp_path: Path,
) -> None:
    text = (
        "readiness:\n  checks:\n    style: {type: command, run: ./style.sh}\n"
        "    off: {type: command, run: ./off.sh, enabled: false}\n"
        "deploy: {target: {type: command, run: ./deploy.sh}}\n"
    )
    assert warnings(tmp_path, text) == [
        "readiness.checks.style.run: the script ./style.sh does not exist in this checkout",
        "deploy.target.run: the script ./deploy.sh does not exist in this checkout",
    ]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://shop.example.com", "example.com"),
        ("https://EXAMPLE.org/health", "example.org"),
        ("http://shop.test:8000", "shop.test"),
        ("https://shop.invalid", "shop.invalid"),
        ("https://example.com.shop.io", ""),
        ("https://myexample.com", ""),
        ("https://shop.io/latest/test", ""),
    ],
)
def test_a_name_for_documentation_is_a_warning(tmp_path: Path, url: str, name: str) -> None:
    found = warnings(tmp_path, f"verify: {{url: '{url}'}}\n")
    assert found == ([f"verify.url: {name} is a name for documentation that no service has"] if name else [])


def test_a_channel_without_its_secret_is_told_with_what_will_happen(tmp_path: Path) -> None:
    text = 'notify: {channels: {ops: {type: webhook, url: "${HOOK}"}}}\n'
    (warning,) = warnings(tmp_path, text)
    assert warning.startswith("notify.channels.ops.url: the variable HOOK is not set; without it `deploy`")
    assert warning.endswith("leave the channel out, and `notify` stops with exit code 2")
    assert warnings(tmp_path, text, HOOK="https://hooks.shop.io/x") == []


@pytest.mark.parametrize(
    ("trigger", "step", "settings", "is_told"),
    [
        ("[push, pull_request]", READINESS, "", True),
        ("pull_request", READINESS, "", True),
        ("{pull_request: {branches: [main]}}", "run: ci-ops readiness", "", True),
        ("push", READINESS, "", False),
        ("pull_request", "run: make test", "", False),
        ("pull_request", "run: ci-ops readiness\n        env: {SECRET_KEY: only-for-tests}", "", False),
        ("pull_request", READINESS, ", when-absent: warn", False),
        ("pull_request", READINESS, ", enabled: false", False),
        ("pull_request: [", READINESS, "", False),
    ],
)
def test_secrets_that_a_pull_request_cannot_have_are_told(
    tmp_path: Path, trigger: str, step: str, settings: str, *, is_told: bool
) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "pr.yml").write_text(WORKFLOW.replace("{trigger}", trigger).replace("{step}", step))
    project = tmp_path / "api"
    project.mkdir()
    found = warnings(project, f"readiness: {{checks: {{env-vars: {{required: [SECRET_KEY]{settings}}}}}}}\n")
    assert len(found) == is_told
    assert all("SECRET_KEY is not set for pull requests" in each for each in found)
    assert all(".github/workflows/pr.yml runs readiness" in each for each in found)
