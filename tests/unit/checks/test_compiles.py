"""What is said of a file's syntax was measured, and nothing of the project was run for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.compiles import Compiles
from ci_ops.core.errors import Interrupted
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location, Result
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import a_subject, a_world, clean_env, rules_of, the_result

EXAMPLE = Compiles()


def look(root: Path, **settings: Any) -> Result:
    return the_result(Compiles(**settings), a_subject(root), a_world())


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_files_that_compile_pass_and_nothing_is_written_into_the_project(tmp_path: Path) -> None:
    write(tmp_path, app="x = 1\n", shop__views="def view(): return 2\n")
    before = everything(tmp_path)
    result = look(tmp_path)
    assert (result.status, result.measured) == (Status.PASS, 2)
    assert everything(tmp_path) == before


def test_every_broken_file_is_a_finding_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, good="x = 1\n", shop__bad="x = 1\ndef broken(:\n", zz="print 'old'\n")
    (tmp_path / "null.py").write_bytes(b"x = 1\x00\n")
    (tmp_path / "latin.py").write_bytes(b"x = '\xe4'\n")
    (tmp_path / "it's.py").write_text("(\n")
    result = look(tmp_path)
    assert (result.status, set(rules_of(result)), result.measured) == (Status.FAIL, {"broken"}, 6)
    places = {finding.location for finding in result.findings}
    assert Location(file="shop/bad.py", line=2) in places
    assert {place.file for place in places if place} == {
        "shop/bad.py",
        "zz.py",
        "null.py",
        "latin.py",
        "it's.py",
    }
    bad = next(finding for finding in result.findings if finding.subject == "shop/bad.py")
    assert "SyntaxError" in bad.observed or "invalid syntax" in bad.observed


def test_code_of_others_is_left_out(tmp_path: Path) -> None:
    broken = "def broken(:\n"
    write(tmp_path, app="x = 1\n", node_modules__a=broken, venv__lib__b=broken, **{".tox__c": broken})
    assert look(tmp_path).measured == 1


def git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", *arguments], cwd=root, check=True
    )


@pytest.mark.parametrize("folder", ["build", "dist", "env", "venv", ".github", "shop/build", "odd[1]/build"])
def test_a_tracked_package_counts_whatever_its_name(tmp_path: Path, folder: str) -> None:
    write(tmp_path, app="x = 1\n", node_modules__gyp="print 'old'\n")
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "module.py").write_text("def broken(:\n")
    git(tmp_path, "init", "-q")
    assert look(tmp_path).measured == 1
    git(tmp_path, "add", "-f", ".")
    result = look(tmp_path)
    assert [finding.subject for finding in result.findings] == [f"{folder}/module.py"]
    assert result.measured == 2


@pytest.mark.reports("compiles/broken")
def test_a_checkout_runs_nothing_of_its_own_while_it_is_compiled(tmp_path: Path) -> None:
    root, ran = tmp_path / "work", tmp_path / "ran"
    names = (
        "compileall",
        "json",
        "struct",
        "warnings",
        "stat",
        "sitecustomize",
        "usercustomize",
        "encodings",
    )
    trap = f"open({str(ran)!r}, 'w').close()\n"
    write(root, broken="def broken(:\n", **dict.fromkeys(names, trap))
    (root / "cookie.py").write_text("# coding: mycodec\nx = 1\n")
    write(root, mycodec=trap)
    world = RealWorld(env=clean_env(PYTHONPATH=str(root), PYTHONSTARTUP=str(root / "json.py")))
    result = the_result(Compiles(), a_subject(root), world)
    assert {finding.subject for finding in result.findings} == {"broken.py", "cookie.py"}
    assert not ran.exists()


@pytest.mark.reports("compiles/unread")
def test_only_what_was_compiled_counts(tmp_path: Path) -> None:
    write(tmp_path, app="x = 1\n")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "device.py").symlink_to("/dev/zero")
    (tmp_path / "nowhere.py").symlink_to("gone")
    (tmp_path / ".#app.py").symlink_to("user@host.1:2")
    result = look(tmp_path)
    assert (result.status, result.measured, rules_of(result)) == (Status.ERROR, 1, ["unread"] * 3)
    assert {finding.subject for finding in result.findings} == {"pipe.py", "device.py", "nowhere.py"}


def test_a_name_with_a_line_end_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "odd\nname.py").write_text("def broken(:\n")
    (tmp_path / os.fsdecode(b"odd\xff.py")).write_text("x = 1\n")
    result = look(tmp_path)
    assert (result.status, result.measured, rules_of(result)) == (Status.FAIL, 2, ["broken"])


NEWER = f"3.{sys.version_info.minor + 1}"
DEMANDS = {
    ".python-version": f"# for pyenv\n{NEWER}.0\n",
    "runtime.txt": f"python-{NEWER}.1\n",
    ".tool-versions": f"nodejs 22\npython {NEWER}.1\n",
    "Pipfile": f'[requires]\npython_version = "{NEWER}"\n',
    "pyproject.toml": f'[project]\nrequires-python = ">={NEWER}"\n',
    "setup.cfg": f"[options]\npython_requires = >={NEWER}\n",
}


@pytest.mark.parametrize("source", DEMANDS)
@pytest.mark.reports("compiles/other-python")
def test_a_newer_python_than_ours_is_named_and_nothing_is_called_broken(tmp_path: Path, source: str) -> None:
    (tmp_path / source).write_text(DEMANDS[source])
    write(
        tmp_path,
        shop="try:\n    pass\nexcept ValueError, TypeError:\n    pass\n" if NEWER == "3.14" else "(\n",
    )
    alone = RealWorld(env={"PATH": "/nonexistent", "HOME": "/nonexistent"})
    result = the_result(Compiles(), a_subject(tmp_path), alone)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["other-python"])
    assert NEWER in result.sentence
    assert source in result.sentence
    assert "not compile one file" in result.sentence
    write(tmp_path, shop="x = 1\n")
    result = the_result(Compiles(), a_subject(tmp_path), alone)
    assert (result.status, result.measured) == (Status.WARN, 1)


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ("^3.11", True),
        ("~3.9", False),
        (">=3.9,<4.0", True),
        ("*", True),
        ("3.9.*", False),
        ("3.9 || 3.10", True),
    ],
)
def test_poetry_says_it_in_its_own_words(tmp_path: Path, said: str, allowed: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.poetry.dependencies]\npython = "{said}"\n')
    write(tmp_path, app="(\n")
    alone = RealWorld(env={"PATH": "/nonexistent", "HOME": "/nonexistent"})
    assert rules_of(the_result(Compiles(), a_subject(tmp_path), alone)) == [
        "broken" if allowed else "other-python"
    ]


STAND_IN = """#!/bin/sh
# Stands in for a newer interpreter: this one, under another version.
[ "$3" = -c ] && exec PYTHON -c "print('NEWER.2')"
shift 3
exec PYTHON -c "
import runpy, sys
sys.version_info = (*map(int, 'NEWER.2'.split('.')), 'final', 0)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')" "$@"
"""


def test_another_installed_interpreter_is_used_and_a_stand_in_that_fails_is_not(tmp_path: Path) -> None:
    root, shims, tools = tmp_path / "work", tmp_path / "shims", tmp_path / "tools"
    write(root, app="def broken(:\n")
    (root / ".python-version").write_text(f"{NEWER}\n")
    installed = tools / "Python" / f"{NEWER}.2" / "x64" / "bin" / "python3"
    trap = root / "bin" / f"python{NEWER}"
    for program, text in {
        shims / f"python{NEWER}": "#!/bin/sh\necho no version is set >&2\nexit 126\n",
        installed: STAND_IN.replace("PYTHON", sys.executable).replace("NEWER", NEWER),
        trap: f"#!/bin/sh\ntouch {tmp_path}/ran\n",
    }.items():
        program.parent.mkdir(parents=True)
        program.write_text(text)
        program.chmod(0o755)
    path = os.pathsep.join(map(str, (trap.parent, "bin", shims, Path("/usr/bin"), Path("/bin"))))
    world = RealWorld(env=clean_env(PATH=path, RUNNER_TOOL_CACHE=str(tools)))
    result = the_result(Compiles(), a_subject(root), world)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["broken"])
    assert f"Python {NEWER}.2" in result.sentence
    assert not (tmp_path / "ran").exists()


def test_files_can_be_chosen_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, shop__a="x = 1\n", shop__data__b="(\n", other="(\n", one="x = 1\n")
    result = look(tmp_path, paths=("shop", "one.py"), exclude=("shop/data/*",))
    assert (result.status, result.measured) == (Status.PASS, 2)


@pytest.mark.reports("compiles/no-python")
def test_a_project_without_python_is_an_error_and_not_detected(tmp_path: Path) -> None:
    result = look(tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["no-python"], 0)
    assert Compiles.detect(tmp_path) is None
    write(tmp_path, shop__a="x = 1\n")
    assert Compiles.detect(tmp_path) == Compiles()


@pytest.mark.parametrize("python", ["no-such-python", "false"])
def test_an_interpreter_that_cannot_compile_is_an_error(tmp_path: Path, python: str) -> None:
    write(tmp_path, app="x = 1\n")
    result = look(tmp_path, python=python)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unavailable"], 0)


@pytest.mark.reports("compiles/unavailable")
def test_a_compilation_that_takes_too_long_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, app="x = 1\n")
    slow = tmp_path / "slow-python"
    slow.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import threading; threading.Event().wait(60)'\n")
    slow.chmod(0o755)
    result = look(tmp_path, python=str(slow), timeout=0.2)
    assert (result.status, result.findings[0].observed) == (Status.ERROR, "it took too long")


def test_a_stop_request_ends_it(tmp_path: Path) -> None:
    write(tmp_path, app="x = 1\n")
    stop = StopSignal()
    stop.request(2)
    with pytest.raises(Interrupted):
        the_result(Compiles(), a_subject(tmp_path), RealWorld(env=clean_env(), stop=stop))
