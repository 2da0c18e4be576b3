"""The cold start of an action: real interpreters, real pip and uv, an index on loopback."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import parts
from tests.support.loading import load_by_path
from tests.support.spied import Spied
from tests.support.wheelhouse import Index, serve_index, tiny_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOTSTRAP = parts.ROOT / "actions" / "bootstrap.py"
CHILD_ENVIRONMENT = parts.ROOT / "ci_ops" / "core" / "child_environment.py"
COMMAND = """
import json, os, sys

def main():
    import tinycore
    loaded = sorted(sys.modules)
    import importlib.util
    if "--sms" in sys.argv:
        import runpy
        runpy.run_path(os.environ["CI_OPS_BOOTSTRAP"])["ensure"](["sms"])
    names = ("tinycore", "tinyhub", "tinysms")
    found = {name: importlib.import_module(name).__file__ for name in names if importlib.util.find_spec(name)}
    print(json.dumps({"argv": sys.argv, "found": found, "path": sys.path, "loaded": loaded, "tiny": tinycore.NAME}))
    return 3 if "--fail" in sys.argv else 0
"""


@dataclass(frozen=True, kw_only=True)
class Action:
    """A checkout of the action, a workspace beside it, and the index its packages come from."""

    checkout: Path
    workspace: Path
    temp: Path
    index: Index
    environ: dict[str, str]
    askers: set[str]
    """The programs that ask the index for packages."""

    def arguments(self, *command: str, python: Path | str = sys.executable) -> list[str]:
        """What the last line of the action's bash step runs."""
        return [str(python), "-I", "-X", "utf8", str(self.checkout / "actions" / "bootstrap.py"), *command]

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """One step, from start to end."""
        return subprocess.run(
            self.arguments(*command),
            cwd=self.workspace,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> list[str]:
        """The groups that are there, and anything else in their folder."""
        home = self.temp / "ci-ops" / "env"
        return sorted(folder.name.partition("-")[0] for folder in home.iterdir()) if home.exists() else []


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with serve_index() as served:
        yield served


@pytest.fixture(params=["own", "pip", "uv"])
def action(request: pytest.FixtureRequest, index: Index, tmp_path: Path) -> Action:
    checkout, workspace, temp, programs = (
        tmp_path / name for name in ("checkout", "workspace", "temp", "bin")
    )
    for folder in (checkout / "actions" / "locks", workspace, temp, programs):
        folder.mkdir(parents=True)
    for program in ("bootstrap.py", "packages.py", "wheels.py"):
        shutil.copy(parts.ROOT / "actions" / program, checkout / "actions")
    shutil.copytree(
        parts.ROOT / "ci_ops" / "core", checkout / "ci_ops" / "core", ignore=shutil.ignore_patterns("*.pyc")
    )
    (checkout / "ci_ops" / "__main__.py").write_text(COMMAND)
    (checkout / "ci_ops" / "__init__.py").touch()
    for group in ("core", "github", "sms"):
        name = "tiny" + group.replace("github", "hub")
        (checkout / "actions" / "locks" / f"{group}.txt").write_text(index.add(name))
    if request.param == "uv":
        (programs / "uv").symlink_to(parts.require("uv"))
        (tmp_path / ".cache" / "uv").mkdir(parents=True)  # it ran here before
    index.forget()
    index.speaks_json = request.param == "own"
    environ = {
        "PATH": os.pathsep.join([str(programs), "/usr/bin", "/bin"]),
        "HOME": str(tmp_path),
        "RUNNER_TEMP": str(temp),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index.url,
        "PIP_RETRIES": "0",
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    askers = {"own": {"ci-ops"}, "pip": {"ci-ops", "pip"}, "uv": {"uv"}}[request.param]
    return Action(
        checkout=checkout, workspace=workspace, temp=temp, index=index, environ=environ, askers=askers
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What the command said of its surroundings."""
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below the folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_first_use_installs_and_the_second_needs_no_network(action: Action) -> None:
    first = told(action.run("verify", "--fast"))
    assert first["argv"] == ["ci-ops", "verify", "--fast"]
    assert first["found"]["tinycore"].startswith(str(action.temp / "ci-ops" / "env" / "core-"))
    assert action.installed() == ["core"]
    assert action.index.askers == action.askers
    action.index.asked.clear()
    again = told(action.run("verify", PIP_INDEX_URL="http://127.0.0.1:1/simple"))
    assert again["found"] == first["found"]
    assert action.index.asked == []


def test_deploy_and_rollback_bring_the_github_group_too(action: Action) -> None:
    assert set(told(action.run("deploy"))["found"]) == {"tinycore", "tinyhub"}
    assert action.installed() == ["core", "github"]
    assert set(told(action.run("rollback"))["found"]) == {"tinycore", "tinyhub"}


def test_a_second_start_loads_nothing_that_only_an_installation_needs(action: Action) -> None:
    told(action.run("verify"))
    loaded = set(told(action.run("verify"))["loaded"])
    bare = "import __future__, hashlib, importlib.machinery, json, os, signal, sys; print(*sys.modules)"
    command = [sys.executable, "-I", "-X", "utf8", "-c", bare]
    done = subprocess.run(command, env=action.environ, capture_output=True, text=True, check=True)
    assert loaded - set(done.stdout.split()) == {"ci_ops", "ci_ops.__main__", "tinycore"}


def test_a_running_command_adds_the_groups_its_configuration_needs(action: Action) -> None:
    assert set(told(action.run("notify", "--sms"))["found"]) == {"tinycore", "tinysms"}
    assert action.installed() == ["core", "sms"]
    assert action.index.askers == action.askers


def test_the_exit_code_is_the_commands_own(action: Action) -> None:
    assert action.run("verify", "--fail").returncode == 3


def test_four_steps_at_once_install_once(action: Action) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: action.run("verify"), range(4)))
    assert [told(each)["tiny"] for each in done] == ["tinycore"] * 4
    assert action.installed() == ["core"]


def test_nothing_is_written_into_the_folder_of_the_action(action: Action) -> None:
    before = snapshot(action.checkout)
    told(action.run("verify"))
    told(action.run("verify", "--sms"))
    assert snapshot(action.checkout) == before
    compiled = [path.name for path in (action.temp / "ci-ops").rglob("__main__.*.pyc")]
    assert compiled == [f"__main__.{sys.implementation.cache_tag}.pyc"]


def test_a_read_only_folder_of_the_action_is_enough(action: Action) -> None:
    for path in sorted(action.checkout.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert told(action.run("verify"))["tiny"] == "tinycore"
    finally:
        for path in action.checkout.rglob("*"):
            path.chmod(0o755)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_installation_stopped_half_way_leaves_nothing_that_harms(
    action: Action, number: signal.Signals
) -> None:
    action.index.held.clear()
    action.index.go_on.clear()
    try:
        step = subprocess.Popen(
            action.arguments("verify"),
            cwd=action.workspace,
            env=action.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert action.index.held.wait(30)
        if number == signal.SIGKILL:
            os.killpg(step.pid, number)
        else:
            step.send_signal(number)  # the runner signals the entry process alone
        output, errors = step.communicate(timeout=30)
    finally:
        action.index.go_on.set()
    assert output == ""
    assert "Traceback" not in errors
    assert step.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert action.installed() == ([".new"] if number == signal.SIGKILL else [])
    assert told(action.run("verify"))["tiny"] == "tinycore"


def test_what_a_killed_installation_left_is_removed_later(action: Action) -> None:
    left = action.temp / "ci-ops" / "env" / ".new-left"
    left.mkdir(parents=True)
    (action.temp / "ci-ops" / "env").chmod(0o700)
    fresh = left.with_name(".new-fresh")
    fresh.mkdir()
    os.utime(left, (0, 0))
    told(action.run("verify"))
    assert not left.exists()
    assert fresh.exists()


def test_a_half_removed_environment_is_installed_again(action: Action) -> None:
    told(action.run("verify"))
    (home,) = (action.temp / "ci-ops" / "env").iterdir()
    (home / ".complete").unlink()
    (home / "lib" / "tinycore.py").unlink()
    assert told(action.run("verify"))["tiny"] == "tinycore"
    assert action.installed() == ["core"]


def test_another_lock_gets_another_environment(action: Action) -> None:
    told(action.run("verify"))
    lock = action.checkout / "actions" / "locks" / "core.txt"
    lock.write_text(lock.read_text() + action.index.add("tinymore"))
    told(action.run("verify"))
    assert action.installed() == ["core", "core"]


def test_no_network_ends_with_outputs_an_annotation_and_69(action: Action) -> None:
    secret = "hunter2hunter2"
    done = action.run("deploy", PIP_INDEX_URL=f"http://me:{secret}@127.0.0.1:1/simple", UV_HTTP_RETRIES="0")
    assert done.returncode == 69
    assert done.stdout == ""
    (annotation,) = [line for line in done.stderr.splitlines() if line.startswith("::error")]
    assert annotation.startswith("::error title=ci-ops set-up failed::the packages in core.txt could not")
    assert "PIP_INDEX_URL" in annotation
    assert secret not in done.stderr
    assert done.stderr.startswith("::stop-commands::")
    assert Path(action.environ["GITHUB_OUTPUT"]).read_text() == "status=error\nreason=setup-failed\n"
    assert action.installed() == []


def test_without_a_runner_the_failure_is_two_plain_lines(action: Action) -> None:
    done = action.run(
        "verify", PIP_INDEX_URL="http://127.0.0.1:1/simple", UV_HTTP_RETRIES="0", GITHUB_ACTIONS=""
    )
    error, hint = done.stderr.splitlines()[-2:]
    assert error == "error: the packages in core.txt could not be installed"
    assert hint.startswith("hint: Does this runner reach its package index?")


def test_without_pip_and_uv_the_failure_says_what_to_install(action: Action, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    (tmp_path / "bin" / "uv").unlink(missing_ok=True)
    command = action.arguments("verify", python=tmp_path / "bare" / "bin" / "python")
    done = subprocess.run(command, env=action.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert "neither uv nor pip is there for" in done.stderr


def test_other_files_than_those_locked_are_refused(action: Action) -> None:
    action.index.add("tinycore", "raise SystemExit('hostile')\n")
    done = action.run("verify")
    assert done.returncode == 69
    assert "served files that differ from those locked" in done.stderr
    assert action.installed() == []


def test_a_file_that_was_changed_on_its_way_is_refused(action: Action) -> None:
    hostile = tiny_wheel("tinycore", "raise SystemExit('hostile')\n")
    action.index.damage = lambda path, body: hostile if path.startswith("/files") else body
    done = action.run("verify")
    assert done.returncode == 69
    assert "served files that differ from those locked" in done.stderr
    assert action.installed() == []
    if action.askers == {"ci-ops"}:
        assert action.index.askers == {"ci-ops"}  # nobody is asked to try again


def test_with_debugging_switched_on_the_log_says_why_pip_was_asked(action: Action) -> None:
    done = action.run("verify", RUNNER_DEBUG="1", PIP_TRUSTED_HOST="127.0.0.1")
    assert told(done)["tiny"] == "tinycore"
    reason = "::debug::ci-ops leaves its packages to uv or pip: pip is configured with trusted-host\n"
    assert done.stderr == ("" if "uv" in action.askers else reason)
    assert "ci-ops" not in action.index.askers


def test_a_uv_that_nobody_set_up_comes_after_our_own_way(action: Action, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / ".cache", ignore_errors=True)
    (tmp_path / "bin" / "uv").unlink(missing_ok=True)
    (tmp_path / "bin" / "uv").symlink_to(parts.require("uv"))
    told(action.run("verify"))
    assert action.index.askers == {"ci-ops"} | ({"uv"} if not action.index.speaks_json else set())


def test_an_unknown_group_is_a_failed_set_up(action: Action) -> None:
    (action.checkout / "actions" / "locks" / "github.txt").unlink()
    done = action.run("deploy")
    assert done.returncode == 69
    assert "no group of packages called github" in done.stderr


def test_modules_of_the_workspace_are_never_imported(action: Action) -> None:
    for name in ("tinycore", "json", "ci_ops", "subprocess", "pip", "sitecustomize", "usercustomize"):
        (action.workspace / f"{name}.py").write_text("open('pwned', 'w').close()\n")
    told(action.run("verify", PYTHONPATH=str(action.workspace), PYTHONSTARTUP="json.py", PYTHONINSPECT="1"))
    answer = told(action.run("verify", PYTHONPATH=str(action.workspace), PYTHONHOME="/nowhere"))
    assert not (action.workspace / "pwned").exists()
    own = (str(action.checkout), str(action.temp), f"{sys.base_prefix}/lib")
    assert all(path.startswith(own) and "packages" not in path for path in answer["path"])


def test_the_installers_and_the_interpreters_asked_get_no_secret_of_the_job(
    action: Action, tmp_path: Path
) -> None:
    action.index.speaks_json = False
    spied = Spied(programs := tmp_path / "spied", "uv", real=str(parts.require("uv")))
    (tmp_path / ".cache" / "uv").mkdir(parents=True, exist_ok=True)
    secrets = {"GITHUB_TOKEN": "t", "CI_OPS_ENV": "A=b", "CI_OPS_DEPLOY_TOKEN": "t", "LEGACY": "l"}
    path = f"{programs}{os.pathsep}{action.environ['PATH']}"
    told(action.run("verify", PATH=path, UV_INDEX_MINE_PASSWORD="kept", AWS_PROFILE="mine", **secrets))
    (env,) = spied.seen("uv")
    assert env["UV_INDEX_MINE_PASSWORD"] == "kept"
    assert {"PATH", "HOME", "PIP_INDEX_URL"} <= set(env)
    assert not {*secrets, "AWS_PROFILE", "GITHUB_OUTPUT", "RUNNER_TEMP"} & set(env)
    shutil.rmtree(action.temp / "ci-ops")
    told(action.run("verify", PATH=path, UV_KEYRING_PROVIDER="subprocess", AWS_PROFILE="mine"))
    assert [env.get("AWS_PROFILE") for env in spied.seen("uv")].count("mine") == 1


def test_settings_of_the_job_for_pip_and_uv_change_nothing(action: Action) -> None:
    elsewhere = action.workspace / "elsewhere"
    (action.workspace / "pyproject.toml").write_text('[tool.uv]\nindex-url = "http://127.0.0.1:1/simple"\n')
    settings = {"PIP_TARGET": elsewhere, "PIP_PREFIX": elsewhere, "PIP_USER": "1", "PIP_DRY_RUN": "1"}
    settings |= {"UV_TARGET": elsewhere, "UV_PYTHON": "/nowhere", "UV_EXCLUDE_NEWER": "2001-01-01"}
    settings |= {"PIP_REQUIRE_VIRTUALENV": "1", "PIP_NO_BINARY": ":all:", "UV_NO_BINARY": "1"}
    assert (
        told(action.run("verify", **{name: str(value) for name, value in settings.items()}))["tiny"]
        == "tinycore"
    )
    assert not elsewhere.exists()


@pytest.mark.parametrize("obstacle", ["a file", "writable for the group", "not set"])
def test_without_a_usable_folder_of_the_job_the_users_own_is_taken(action: Action, obstacle: str) -> None:
    temp = action.temp
    if obstacle == "a file":
        temp = action.temp / "file"
        temp.write_text("")
    elif obstacle == "writable for the group":
        (temp / "ci-ops" / "env").mkdir(parents=True)
        (temp / "ci-ops" / "env").chmod(0o770)
    answer = told(action.run("verify", RUNNER_TEMP="" if obstacle == "not set" else str(temp)))
    own = Path(action.environ["HOME"]) / ".cache" / "ci-ops" / "env"
    assert answer["found"]["tinycore"].startswith(str(own))
    assert own.stat().st_mode & 0o777 == 0o700


def test_without_any_own_folder_the_systems_temporary_one_serves(action: Action) -> None:
    (file := action.workspace / "file").write_text("")
    own = action.temp / f"ci-ops-env-{os.getuid()}"
    answer = told(action.run("verify", RUNNER_TEMP="", XDG_CACHE_HOME=str(file), TMPDIR=str(action.temp)))
    assert Path(answer["found"]["tinycore"]).is_relative_to(own)
    own.chmod(0o777)
    answer = told(action.run("verify", RUNNER_TEMP="", XDG_CACHE_HOME=str(file), TMPDIR=str(action.temp)))
    assert not Path(answer["found"]["tinycore"]).is_relative_to(own)


def test_a_folder_that_cannot_hold_programs_gives_way_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap = load_by_path(BOOTSTRAP)
    for name in ("RUNNER_TEMP", "XDG_CACHE_HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(tempfile, "tempdir", None)
    noexec = {"RUNNER_TEMP"}
    measured = os.statvfs

    def mounted(folder: str) -> Any:
        """As if these folders lay on a file system that is mounted noexec."""
        state = measured(folder)
        is_noexec = any(f"/{name}" in folder for name in noexec)
        return SimpleNamespace(f_flag=state.f_flag | (os.ST_NOEXEC if is_noexec else 0))

    monkeypatch.setattr(os, "statvfs", mounted)
    assert bootstrap.environment_home() == str(tmp_path / "XDG_CACHE_HOME" / "ci-ops" / "env")
    noexec.add("XDG_CACHE_HOME")
    assert bootstrap.environment_home() == str(tmp_path / "TMPDIR" / f"ci-ops-env-{os.getuid()}")
    noexec.add("TMPDIR")
    with pytest.raises(bootstrap.SetupFailed, match="no folder can hold the packages") as caught:
        bootstrap.environment_home()
    assert str(tmp_path / "RUNNER_TEMP") in str(caught.value)
    assert "noexec" in caught.value.hint


def test_a_home_that_is_not_known_never_leads_into_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap = load_by_path(BOOTSTRAP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNNER_TEMP", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(bootstrap.SetupFailed):
        bootstrap.environment_home()
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be_written_do_not_hide_why_the_set_up_failed(action: Action) -> None:
    done = action.run("deploy", GITHUB_OUTPUT=str(action.temp), PIP_INDEX_URL="http://127.0.0.1:1/simple")
    assert done.returncode == 69
    assert "::error title=ci-ops set-up failed::" in done.stderr


def test_every_python_from_3_11_on_can_start_an_action(action: Action) -> None:
    if (Path(action.environ["HOME"]) / "bin" / "uv").exists():
        pythons = parts.pythons()
    else:
        pythons = {"this": Path(sys.executable)}  # pip differs from one to the other and is not ours to test
    for version, python in pythons.items():
        done = subprocess.run(
            action.arguments("verify", python=python),
            env=action.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told(done)["tiny"] == "tinycore", version
    assert action.installed() == ["core"] * len(pythons)


@pytest.mark.parametrize("file", [BOOTSTRAP, CHILD_ENVIRONMENT], ids=lambda file: file.name)
def test_python_3_8_can_read_the_file(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 8))
    imports = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    imports |= {
        str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    assert imports <= set(sys.stdlib_module_names)


def test_a_newer_python_is_looked_for_on_the_path_and_in_the_tool_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap = load_by_path(BOOTSTRAP)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("RUNNER_TOOL_CACHE", str(tmp_path / "cache"))
    with pytest.raises(bootstrap.SetupFailed, match=r"needs Python 3\.11 or newer"):
        bootstrap.newer_python()
    for version, program in (("3.9.9", "/bin/false"), ("3.12.4", sys.executable), ("3.100.0", "/bin/false")):
        folder = tmp_path / "cache" / "Python" / version / "x64" / "bin"
        folder.mkdir(parents=True)
        (folder / "python3").symlink_to(program)
    assert bootstrap.newer_python() == str(
        tmp_path / "cache" / "Python" / "3.12.4" / "x64" / "bin" / "python3"
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.12").symlink_to("/bin/false")
    (tmp_path / "bin" / "python3.14").write_text("of no machine")
    (tmp_path / "bin" / "python3.14").chmod(0o755)
    (tmp_path / "bin" / "python3.11").symlink_to(sys.executable)
    assert bootstrap.newer_python() == str(tmp_path / "bin" / "python3.11")


def test_an_old_python_gives_way_to_a_newer_one_or_says_so(action: Action) -> None:
    old = [
        python
        for version in ("3.8", "3.9", "3.10")
        for python in parts.PYENV.glob(f"{version}.*/bin/python3")
    ]
    for python in old:
        newer = {"PATH": action.environ["PATH"] + os.pathsep + str(Path(sys.executable).parent)}
        command = action.arguments("verify", python=python)
        done = subprocess.run(
            command, env={**action.environ, **newer}, capture_output=True, text=True, check=False
        )
        assert told(done)["tiny"] == "tinycore"
        refused = subprocess.run(
            command, env={**action.environ, "PATH": "/nowhere"}, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 69
        assert "ci-ops needs Python 3.11 or newer" in refused.stderr
    assert BOOTSTRAP.exists()


def test_a_program_of_the_workspace_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap = load_by_path(BOOTSTRAP)
    (tmp_path / "uv").symlink_to("/bin/true")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([".", ""]))
    assert bootstrap.programs("uv") == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.programs("uv") == [str(tmp_path / "uv")]


def test_where_no_process_can_be_replaced_the_exit_code_is_passed_on(tmp_path: Path) -> None:
    child = "import signal, sys\ntry:\n print('up', flush=True)\n signal.pause()\n"
    child += "except KeyboardInterrupt:\n sys.exit(7)"
    parent = "import runpy, sys\n"
    parent += f"supervise = runpy.run_path({str(BOOTSTRAP)!r})['supervise']\n"
    parent += f"sys.exit(supervise([sys.executable, '-c', {child!r}]))"
    step = subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True, cwd=tmp_path
    )
    assert step.stdout is not None
    with step.stdout as output:
        assert output.readline() == b"up\n"
        os.killpg(step.pid, signal.SIGINT)
        assert step.wait(30) == 7
