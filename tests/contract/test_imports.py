"""What a start loads: no package that the command at hand does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.parts import ROOT
from tests.support.web import Reply, serving

HEAVY = {
    *("backoff", "certifi", "charset_normalizer", "cryptography", "github", "idna", "jinja2", "markupsafe"),
    *("packaging", "requests", "urllib3", "yaml", "asyncio"),
}
RUN = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from ci_ops.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print("loaded", code, *sys.modules)
"""
YAML = "version: 1\nservice: shop\nreadiness: {checks: {ok: {type: command, run: 'true'}}}\n"
JSON = '{"version": 1, "service": "shop"}'
HTTP = {"requests", "urllib3", "charset_normalizer", "idna", "certifi"}
PAGES = {"jinja2", "markupsafe"}


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    """The heavy packages that are there when the command has ended."""
    command = [sys.executable, "-I", "-c", RUN, *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("loaded ")]
    _, said, *modules = line.split()
    assert int(said) == 0, done.stderr
    return HEAVY & {module.split(".")[0] for module in modules}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *([command, "--help"] for command in ("readiness", "deploy", "verify", "notify", "rollback", "demo")),
        ["config", "check", "--help"],
        ["config", "schema"],
        ["explain"],
    ],
    ids=" ".join,
)
def test_what_only_tells_loads_nothing(tmp_path: Path, arguments: list[str]) -> None:
    assert loaded_by(tmp_path, *arguments) == set()


@pytest.mark.parametrize("words", ["check", "show"])
def test_reading_the_configuration_loads_yaml_for_yaml_alone(tmp_path: Path, words: str) -> None:
    (tmp_path / "ci-ops.json").write_text(JSON)
    assert loaded_by(tmp_path, "config", words) == set()
    (tmp_path / "ci-ops.json").unlink()
    (tmp_path / "ci-ops.yml").write_text(YAML)
    assert loaded_by(tmp_path, "config", words) == {"yaml"}


def test_readiness_loads_no_network_and_no_github(tmp_path: Path) -> None:
    (tmp_path / "ci-ops.yml").write_text(YAML)
    assert loaded_by(tmp_path, "readiness") == {"yaml"} | PAGES


def test_history_loads_nothing_that_it_does_not_show(tmp_path: Path) -> None:
    (tmp_path / "ci-ops.json").write_text(JSON)
    assert loaded_by(tmp_path, "history") == set()


def test_verification_loads_what_asks_and_what_writes_the_summary(tmp_path: Path) -> None:
    with serving(lambda _: Reply(body=b'{"status": "pass"}')) as server:
        loaded = loaded_by(tmp_path, "verify", "--url", server.url("/health"))
    assert loaded <= HTTP | PAGES | {"yaml"}
    assert loaded >= {"requests", "jinja2"}


@pytest.mark.parametrize("module", ["ci_ops", "ci_ops.service"])
def test_the_package_and_the_kit_are_imported_without_any_other_package(module: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("ci_ops")} == {"ci_ops", module}
    assert {name.split(".")[0] for name in loaded} - {"ci_ops"} <= sys.stdlib_module_names | {"__main__"}
