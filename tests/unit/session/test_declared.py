from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
APP = "shop_settings:contract"
DECLARATION = """
from ci_ops.core.contract.variables import Contract, Variable

contract = Contract(
    Variable("SHOP_KEY", secret=True, min_length=32, description="Signs things."),
    Variable("SHOP_PORT", kind="int", minimum=1, default=8000, fallbacks=("PORT",)),
)
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop_settings.py").write_text(DECLARATION)
    return tmp_path


def config(folder: Path, *words: str, **env: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `ci-ops config …`."""
    done = subprocess.run(
        [sys.executable, "-m", "ci_ops", "config", *words, "--python", sys.executable],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_fit_environment_is_told_in_one_line(shop: Path) -> None:
    answer = config(shop, "check", "--app", APP, SHOP_KEY="k" * 32)
    assert answer == (0, f"{APP}: 1 of 2 variables are set, no problems.\n", "")


def test_every_problem_is_printed_and_the_exit_code_is_two(shop: Path) -> None:
    code, out, err = config(shop, "check", "--app", APP, SHOP_KEY="hunter2-hunter2", PORT="hunter2")
    assert (code, out) == (2, "")
    key, port, hint = err.splitlines()
    form = "a whole number of at least 1, found a value of 7 characters"
    strength = "text of at least 32 characters, found a value of 15 characters"
    assert key == f"error: {APP}: SHOP_KEY is too easy to guess: expected {strength}"
    assert port == f"error: {APP}: PORT does not have the expected form: expected {form}"
    assert f"`ci-ops config variables --app {APP}`" in hint
    assert "hunter2" not in err


def test_what_is_only_doubtful_is_a_warning(shop: Path) -> None:
    code, out, err = config(shop, "check", "--app", APP, SHOP_KEY="k" * 32, SHOP_PROT="9000")
    assert (code, err) == (0, "")
    assert out.startswith(f"warning: {APP}: SHOP_PORT is not set, but SHOP_PROT is: expected")


def test_beside_an_error_a_warning_is_told_as_one(shop: Path) -> None:
    code, out, err = config(shop, "check", "--app", APP, SHOP_KEY="short", SHOP_PROT="9000")
    assert (code, out) == (2, "")
    told = f"error: {APP}: only a warning: SHOP_PORT is not set, but SHOP_PROT is: expected"
    assert err.splitlines()[1].startswith(told)


def test_variables_of_the_one_secret_count(shop: Path) -> None:
    assert config(shop, "check", "--app", APP, CI_OPS_ENV=f"SHOP_KEY={'k' * 32}")[0] == 0


def test_a_declaration_that_is_not_there_says_so(shop: Path) -> None:
    code, _, err = config(shop, "check", "--app", "shop_settings:nothing")
    assert code == 2
    assert "error: shop_settings:nothing: shop_settings has no nothing\nhint: It was imported by" in err


def test_the_declaration_is_printed_as_an_example_file(shop: Path) -> None:
    code, out, _ = config(shop, "variables", "--app", APP)
    assert code == 0
    assert out == (
        "# Signs things. Secret: text of at least 32 characters.\nSHOP_KEY=\n\n"
        "# A whole number of at least 1. Else PORT is read.\n# SHOP_PORT=8000\n"
    )


def test_the_declaration_is_printed_as_a_table_and_as_json(shop: Path) -> None:
    assert config(shop, "variables", "--app", APP, "--format", "markdown")[1].splitlines()[2:] == [
        "| `SHOP_KEY` (secret) | text of at least 32 characters | **required** | Signs things. |",
        "| `SHOP_PORT`, else `PORT` | a whole number of at least 1 | `8000` |  |",
    ]
    document = json.loads(config(shop, "variables", "--app", APP, "--format", "json")[1])
    assert [each["name"] for each in document["variables"]] == ["SHOP_KEY", "SHOP_PORT"]
