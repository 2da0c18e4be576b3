"""The package as users get it: built from an sdist, installed without a network, run where nothing else is."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import parts

ROOT = parts.ROOT


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it with nothing in the environment but a PATH and a home."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), **environ}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def tracked(*under: str) -> set[str]:
    """The project's own files below these folders."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--", *under], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).exists()}


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a release uploads."""

    sdist: Path
    wheel: Path

    @property
    def members(self) -> set[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return {name for name in archive.namelist() if not name.endswith("/")}

    def metadata(self, name: str) -> str:
        with zipfile.ZipFile(self.wheel) as archive:
            (member,) = [each for each in archive.namelist() if each.endswith(f".dist-info/{name}")]
            return archive.read(member).decode()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """sdist from the project's files, wheel from the unpacked sdist."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    hatchling = (sys.executable, "-m", "hatchling", "build")
    done = run(*hatchling, "-t", "sdist", "-d", folder, cwd=source)
    assert done.returncode == 0, done.stderr
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    done = run(*hatchling, "-t", "wheel", "-d", folder, cwd=folder / sdist.name.removesuffix(".tar.gz"))
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return Built(sdist=sdist, wheel=wheel)


def installed(built: Built, folder: Path, extras: str = "") -> Path:
    """A fresh environment with the wheel in it, from what is at hand; its folder of programs."""
    uv, wheels = parts.require("uv"), parts.require("wheels")
    python = folder / "venv" / "bin" / "python"
    install = ("pip", "install", "--offline", "--no-index", "--find-links", wheels, "--python", python)
    for command in (
        ("venv", "--python", sys.executable, folder / "venv"),
        (*install, f"{built.wheel}{extras}"),
    ):
        done = run(uv, "--quiet", "--no-config", *command, cwd=folder, UV_CACHE_DIR=str(folder / "cache"))
        assert done.returncode == 0, done.stderr
    return python.parent


def test_the_wheel_holds_the_package_and_the_templates_and_nothing_else(built: Built) -> None:
    ours = {name for name in built.members if ".dist-info/" not in name}
    templates = {f"ci_ops/{name}" for name in tracked("templates")}
    assert ours == tracked("ci_ops") | templates
    assert templates


def test_the_licence_and_the_readme_come_along(built: Built) -> None:
    assert built.metadata("licenses/LICENSE") == (ROOT / "LICENSE").read_text()
    metadata = email.message_from_string(built.metadata("METADATA"))
    assert metadata.get_payload() == (ROOT / "README.md").read_text()
    assert metadata["License-Expression"] == "Apache-2.0"


def test_an_application_that_installs_the_kit_gets_nothing_else(built: Built) -> None:
    metadata = email.message_from_string(built.metadata("METADATA"))
    needed = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert needed == []
    assert set(metadata.get_all("Provides-Extra", [])) >= {"cli", "github", "demo"}


def test_without_extras_the_kit_works_and_the_command_says_what_is_missing(
    built: Built, tmp_path: Path
) -> None:
    programs = installed(built, tmp_path)
    kit = run(programs / "python", "-I", "-c", "import ci_ops.service as kit; kit.HealthStatus", cwd=tmp_path)
    assert (kit.returncode, kit.stderr) == (0, "")
    bare = run(programs / "ci-ops", "verify", cwd=tmp_path)
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr == (
        'error: ci-ops needs click, which is not installed\nhint: pipx install "ci-ops[cli]"\n'
    )


def test_the_demo_runs_from_an_installed_wheel(built: Built, tmp_path: Path) -> None:
    programs = installed(built, tmp_path, "[cli,demo]")
    done = run(programs / "ci-ops", "demo", "--folder", tmp_path / "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "demo" / "summary.md").read_text().startswith("#")
    assert str(tmp_path / "demo" / "report.json") in done.stdout + done.stderr


def test_the_demo_without_its_server_says_what_to_install(built: Built, tmp_path: Path) -> None:
    programs = installed(built, tmp_path, "[cli]")
    done = run(programs / "ci-ops", "demo", "--folder", tmp_path / "demo", cwd=tmp_path)
    assert done.returncode == 2
    assert "gunicorn" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
