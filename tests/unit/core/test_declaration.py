from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ci_ops.core.contract.document import digits_of
from ci_ops.core.contract.variables import Contract, Variable
from ci_ops.core.declaration import project_python, read_declaration
from ci_ops.core.errors import UsageError
from ci_ops.edge.world import RealWorld

ROOT = Path(__file__).resolve().parents[3]
DECLARATION = """
import sys
from ci_ops.core.contract.variables import Contract, Variable

print("the application prints when it is imported", end="")
contract = Contract(Variable("SECRET_KEY", secret=True), Variable("TOKEN", pattern="token=.+"))
"""


def env(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def ask(folder: Path, app: str = "shop.settings:contract", python: str = sys.executable) -> Contract:
    world = RealWorld(env=env())
    return read_declaration(app, world.process, root=folder, env=world.env, python=python)


def refusal(folder: Path, app: str = "shop.settings:contract", python: str = sys.executable) -> UsageError:
    with pytest.raises(UsageError) as caught:
        ask(folder, app, python)
    assert caught.value.where == app
    return caught.value


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "settings.py").write_text(DECLARATION)
    return tmp_path


def test_a_declaration_is_read_in_a_child_and_leaves_nothing_in_this_process(shop: Path) -> None:
    declared = ask(shop)
    assert declared == Contract(Variable("SECRET_KEY", secret=True), Variable("TOKEN", pattern="token=.+"))
    assert "shop.settings" not in sys.modules


@pytest.mark.parametrize(
    ("source", "app", "sentence"),
    [
        ("", "shop.settings:contract", "shop.settings has no contract"),
        ("contract = 5", "shop.settings:contract", "a int is no contract, and has none as its `contract`"),
        ("", "shop.nothing:contract", "there is no module shop.nothing"),
        ("import nothing_here", "shop.settings:contract", "there is no module nothing_here"),
        (
            "\nraise ValueError('hunter2')",
            "shop.settings:contract",
            "importing shop.settings raises ValueError in settings.py, line 2",
        ),
        (
            "raise SystemExit(3)",
            "shop.settings:contract",
            "importing shop.settings raises SystemExit in settings.py, line 1",
        ),
        (
            "x = (",
            "shop.settings:contract",
            "importing shop.settings raises SyntaxError in settings.py, line 1",
        ),
        (
            "import os; os._exit(9)",
            "shop.settings:contract",
            "its interpreter ended with exit code 9: it printed nothing",
        ),
    ],
)
def test_a_declaration_that_cannot_be_read_says_why(shop: Path, source: str, app: str, sentence: str) -> None:
    (shop / "shop" / "settings.py").write_text(source)
    assert refusal(shop, app).what == sentence


@pytest.mark.parametrize("app", ["shop.settings", "shop.settings:", "--help", "a:b c", ":x", "a/b:c"])
def test_a_name_of_another_form_is_refused(tmp_path: Path, app: str) -> None:
    assert "module:name" in refusal(tmp_path, app).what


def test_an_interpreter_without_the_kit_says_what_to_install(shop: Path) -> None:
    world = RealWorld(env=env(PYTHONPATH=""))
    bare = shop / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(UsageError) as caught:
        read_declaration("shop.settings:contract", world.process, root=shop, env=world.env, python=str(bare))
    assert caught.value.what == "the interpreter that imports it has no ci-ops"
    assert f"{bare} -m pip install ci-ops" in caught.value.hint


def test_an_interpreter_that_is_not_there_is_told(shop: Path) -> None:
    assert "exit code 127: program not found" in refusal(shop, python="no-such-python").what


def test_an_import_that_never_ends_is_ended(shop: Path) -> None:
    (shop / "shop" / "settings.py").write_text("import threading; threading.Event().wait()")
    world = RealWorld(env=env())
    with pytest.raises(UsageError, match="importing it took longer than"):
        read_declaration(
            "shop.settings:contract",
            world.process,
            root=shop,
            env=world.env,
            python=sys.executable,
            timeout_seconds=0.5,
        )


def test_a_contract_of_another_schema_is_told(shop: Path) -> None:
    answer = digits_of(b'{"schema": 9}')
    (shop / "shop" / "settings.py").write_text(f"print('ci-ops-contract:{answer}'); import os; os._exit(0)")
    (shop / "python").write_text(f"#!/bin/sh\necho ci-ops-contract:{answer}\n")
    (shop / "python").chmod(0o755)
    error = refusal(shop, python=str(shop / "python"))
    assert "a version that differs too much: not a contract of schema 1" in error.what


def test_the_projects_own_environment_comes_before_the_active_one_and_the_path(tmp_path: Path) -> None:
    path = os.environ["PATH"]
    assert project_python(tmp_path, {"PATH": ""}) == sys.executable
    assert Path(project_python(tmp_path, {"PATH": path})).name in {"python", "python3"}
    for place in ("active/bin", "project/.venv/bin"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "python").touch()
    active = {"VIRTUAL_ENV": str(tmp_path / "active"), "PATH": path}
    assert project_python(tmp_path, active) == str(tmp_path / "active/bin/python")
    assert project_python(tmp_path / "project", active) == str(tmp_path / "project/.venv/bin/python")
