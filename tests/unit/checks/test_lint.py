"""What is said of the code was measured by a linter that really read files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.lint import Lint
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location, Result
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = Lint(python=sys.executable)

BOTH = pytest.mark.parametrize("tool", ["flake8", "ruff"])
UNUSED = "import os\n\nx = 1\n"


def lint(root: Path, **settings: Any) -> Result:
    return the_result(Lint(**{"python": sys.executable, **settings}), a_subject(root), a_world())


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return root


@BOTH
def test_clean_code_passes_and_nothing_is_written(tmp_path: Path, tool: str) -> None:
    write(tmp_path, a="x = 1\n", b="y = 2\n")
    result = lint(tmp_path, tools=(tool,))
    assert (result.status, result.measured) == (Status.PASS, 2)
    assert result.sentence == f"{tool} (of the project) found nothing in 2 files."
    assert {path.name for path in tmp_path.iterdir()} == {"a.py", "b.py"}


@pytest.mark.reports("lint/violation")
@BOTH
def test_a_violation_has_its_file_line_and_code(tmp_path: Path, tool: str) -> None:
    (tmp_path / "shop").mkdir()
    write(tmp_path / "shop", a=f"y = 2\n{UNUSED}")
    result = lint(tmp_path, tools=(tool,))
    assert (result.status, result.measured, set(rules_of(result))) == (Status.FAIL, 1, {"violation"})
    unused = next(each for each in result.findings if "F401" in each.sentence)
    assert unused.location == Location(file="shop/a.py", line=2)
    assert "os" in unused.observed


@pytest.mark.reports("lint/syntax-error")
@BOTH
def test_a_file_that_cannot_be_parsed_is_an_error(tmp_path: Path, tool: str) -> None:
    result = lint(write(tmp_path, a="def f(:\n"), tools=(tool,))
    assert (result.status, set(rules_of(result))) == (Status.ERROR, {"syntax-error"})
    assert result.findings[0].location == Location(file="a.py", line=1)


@pytest.mark.reports("lint/no-files")
@BOTH
def test_a_folder_without_a_file_to_check_is_an_error(tmp_path: Path, tool: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    result = lint(tmp_path, tools=(tool,))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["no-files"], 0)
    write(tmp_path, a=UNUSED)
    (tmp_path / ".flake8").write_text("[flake8]\nexclude = a.py\n")
    (tmp_path / "ruff.toml").write_text('extend-exclude = ["a.py"]\n')
    assert rules_of(lint(tmp_path, tools=(tool,))) == ["no-files"]


@pytest.mark.reports("lint/missing-path")
def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    result = lint(write(tmp_path, a="x = 1\n"), paths=("a.py", "scr"))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["missing-path"], 0)
    assert result.sentence == "scr does not exist."


def test_those_linters_run_that_the_project_configures(tmp_path: Path) -> None:
    write(tmp_path, a="x = 1\n")
    assert lint(tmp_path).facts["linters"] == {"flake8": "flake8 (of the project)"}
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 99\n")
    assert list(lint(tmp_path).facts["linters"]) == ["ruff"]
    (tmp_path / "setup.cfg").write_text("[flake8]\nmax-line-length = 99\n")
    assert list(lint(tmp_path).facts["linters"]) == ["flake8", "ruff"]


def test_without_a_linter_in_the_project_ours_runs_and_a_module_of_the_checkout_does_not(
    tmp_path: Path,
) -> None:
    write(tmp_path, ruff="raise SystemExit(0)\n", flake8="raise SystemExit(0)\n", a=UNUSED)
    result = lint(tmp_path, python="/nonexistent/python", tools=("ruff", "flake8"), paths=("a.py",))
    assert result.facts["linters"] == {"ruff": "ruff (of ci-ops)", "flake8": "flake8 (of ci-ops)"}
    assert result.status is Status.FAIL


@pytest.mark.reports("lint/unavailable")
def test_without_any_linter_it_is_an_error_or_where_it_was_detected_a_skip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flake8", None)
    write(tmp_path, a="x = 1\n")
    python = "/nonexistent/python"
    assert rules_of(lint(tmp_path, python=python)) == ["unavailable"]
    skipped = lint(tmp_path, python=python, without_tool="skip")
    assert (skipped.status, skipped.measured) == (Status.SKIP, 0)
    half = lint(tmp_path, python=python, without_tool="skip", tools=("ruff", "flake8"))
    assert (half.status, rules_of(half)) == (Status.WARN, ["unavailable"])


@pytest.mark.reports("lint/unreadable")
@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".flake8", "[flake8]\nquiet = 1\n"),
        (".flake8", "[flake8]\nmax-line-length = long\n"),
        ("ruff.toml", 'required-version = "<0.1"\n'),
        ("ruff.toml", "line-length = [\n"),
    ],
    ids=["quiet", "broken configuration", "other version", "broken file"],
)
def test_a_linter_that_says_nothing_understood_is_an_error(tmp_path: Path, file: str, text: str) -> None:
    write(tmp_path, a=UNUSED)
    (tmp_path / file).write_text(text)
    result = lint(tmp_path, tools=("flake8" if "flake8" in file else "ruff",))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unreadable"], 0)


def test_ruff_mends_nothing_although_the_project_lets_it(tmp_path: Path) -> None:
    write(tmp_path, a=UNUSED)
    (tmp_path / "ruff.toml").write_text("fix = true\nfix-only = true\n")
    assert lint(tmp_path).status is Status.FAIL
    assert (tmp_path / "a.py").read_text() == UNUSED


def test_the_source_and_the_statistics_of_flake8_do_not_hide_a_violation(tmp_path: Path) -> None:
    write(tmp_path, a=UNUSED)
    (tmp_path / ".flake8").write_text("[flake8]\nshow-source = true\nstatistics = true\nexit-zero = true\n")
    result = lint(tmp_path)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["violation"])


def test_a_path_may_look_like_an_option(tmp_path: Path) -> None:
    (tmp_path / "--version").mkdir()
    write(tmp_path / "--version", a=UNUSED)
    result = lint(tmp_path, tools=("flake8", "ruff"), paths=("--version",))
    assert rules_of(result) == ["violation"] * 2
    assert {str(each.location) for each in result.findings} == {"--version/a.py:1"}


def test_many_violations_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    result = lint(write(tmp_path, a="".join(f"import mod{i}\n" for i in range(90))), tools=("flake8",))
    assert len(result.findings) == 61
    assert len(json.dumps(result.to_json())) < 100_000


def test_it_applies_where_a_linter_is_configured(tmp_path: Path) -> None:
    write(tmp_path, a="x = 1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = shop\n")
    assert Lint.detect(tmp_path) is None
    (tmp_path / ".ruff.toml").write_text("")
    assert Lint.detect(tmp_path) == Lint(without_tool="skip")
