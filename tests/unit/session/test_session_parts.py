"""The small parts of a session: its environment, its call and its groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.core.errors import CiOpsError, UsageError
from ci_ops.session.call import Call, traits_of
from ci_ops.session.environment import secret_lines, user_environment
from ci_ops.session.needs import BOOTSTRAP, have_groups, naming_the_extra

COMMANDS = ("readiness", "deploy", "verify", "notify", "rollback", "finish", "history")
BOOT = """
class SetupFailed(Exception):
    def __init__(self, sentence, hint):
        self.sentence, self.hint = sentence, hint

def ensure(groups):
    with open(__file__ + ".asked", "a") as file:
        file.write(",".join(groups) + "\\n")
    if "sms" in groups:
        raise SetupFailed("no way to the package index", "Name a mirror.")
"""


def test_many_variables_come_as_one_secret() -> None:
    text = "# the shop's\nKEY=a=b\n\n NAME = kept as it is \nEMPTY=\n"
    assert secret_lines(text) == {"KEY": "a=b", "NAME": " kept as it is ", "EMPTY": ""}
    assert secret_lines("") == {}


@pytest.mark.parametrize("line", ["no equals sign", "1NAME=x", "a b=x", "=x", "NAME-X=x"])
def test_a_line_of_another_form_is_named_by_its_number_and_never_shown(line: str) -> None:
    with pytest.raises(UsageError, match="line 2 is not of the form NAME=value") as caught:
        secret_lines(f"OK=1\n{line}")
    assert line not in str(caught.value)


def test_programs_see_the_users_variables_and_none_of_our_inputs() -> None:
    env = {
        "PATH": "/bin",
        "KEY": "mine",
        "CI_OPS_CONFIG": "x.yml",
        "CI_OPS_BOOTSTRAP": "/b",
        "CI_OPS_PYTHON": "py",
        "CI_OPS_VERIFY_TOKEN": "t",
        "CI_OPS_DEPLOY_RUN": "r",
        "CI_OPS_HISTORY_TOKEN": "t",
        "CI_OPS_INIT_URL": "u",
        "CI_OPS_CHECK_RUN_ID": "7",
        "CI_OPS_HEALTH_TOKEN": "the deployed application's own",
        "ACTIONS_RUNTIME_TOKEN": "t",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
        "CI_OPS_ENV": "KEY=theirs\nMORE=1",
    }
    assert user_environment(env) == {
        "PATH": "/bin",
        "KEY": "mine",
        "CI_OPS_CONFIG": "x.yml",
        "CI_OPS_HEALTH_TOKEN": "the deployed application's own",
        "MORE": "1",
    }


def test_only_what_was_said_counts_as_an_option() -> None:
    call = Call.of("verify", {"url": "", "report": (), "deadline": None, "fail_on": "warn", "token": "t"})
    assert call.options == {"fail_on": "warn", "token": "t"}
    assert call.overrides() == {"verify.fail-on": ("warn", "--fail-on")}
    assert not call.asks_forge


def test_groups_are_asked_for_once_and_sorted(tmp_path: Path) -> None:
    (boot := tmp_path / "boot.py").write_text(BOOT)
    have_groups(["sms", "github"], {})
    have_groups([], {BOOTSTRAP: str(boot)})
    assert not (asked := tmp_path / "boot.py.asked").exists()
    have_groups(["github", "email", "github"], {BOOTSTRAP: str(boot)})
    assert asked.read_text() == "email,github\n"
    with pytest.raises(CiOpsError, match="no way to the package index") as caught:
        have_groups(["sms"], {BOOTSTRAP: str(boot)})
    assert (caught.value.reason.name, caught.value.exit_code) == ("setup-failed", 69)
    assert caught.value.hint == "Name a mirror."


def test_a_call_has_the_traits_that_stand_beside_its_flow() -> None:
    assert Call.of("rollback").traits.changes
    assert not Call.of("verify").traits.changes
    assert Call.of("deploy", {"dry_run": True}).used_sections == {"deploy", "verify"}
    for name in ("deplyo", "_job", "explain"):
        with pytest.raises(UsageError, match="there is no command"):
            Call.of(name)


def test_every_flow_that_a_command_runs_has_traits_of_that_name() -> None:
    assert {name: traits_of(name).command for name in COMMANDS} == {name: name for name in COMMANDS}


def test_a_missing_library_is_named_with_the_line_that_installs_it() -> None:
    @naming_the_extra
    def opens(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    with pytest.raises(UsageError, match="ci-ops needs yaml, which is not installed") as caught:
        opens("yaml.nodes")
    assert caught.value.hint == 'pipx install "ci-ops[cli]"'
    with pytest.raises(ModuleNotFoundError):
        opens("shop.settings")
