from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.compiles import Compiles
from ci_ops.core.errors import Interrupted
from ci_ops.core.result import Location, Result
from ci_ops.core.status import Status
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import a_subject, a_world, clean_env, rules_of, the_result


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


def test_files_can_be_chosen_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, shop__a="x = 1\n", shop__data__b="(\n", other="(\n", one="x = 1\n")
    result = look(tmp_path, paths=("shop", "one.py"), exclude=("shop/data/*",))
    assert (result.status, result.measured) == (Status.PASS, 2)


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
