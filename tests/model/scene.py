"""One world: two services in two environments, on a laptop or on GitHub's runners."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.model.recipes import SHELL, Kind, Place, configuration
from tests.model.running import Death, Ran, Timer, run, run_apart, run_killed
from tests.model.truth import Truth, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.model.outside import Outside

SERVICES = ("shop", "api")
ENVIRONMENTS = ("production", "staging")
TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True)
class Site:
    """One service in one environment."""

    service: str
    environment: str
    kind: Kind
    box: Path

    @property
    def name(self) -> str:
        """How a contradiction names it."""
        return f"{self.service}/{self.environment} ({self.kind})"


@dataclass(kw_only=True)
class Scene:
    """The files of a world, and the commands that are run in it."""

    outside: Outside
    kinds: tuple[Kind, Kind]
    keep: int
    probe: bool
    on_github: bool = False
    holds: bool = False
    """True where a release that could not be measured is kept."""
    pause: str = ""
    """Seconds that each step takes; empty for no time."""
    is_stubborn: bool = False
    """True where no step ends on TERM."""
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="ci-ops-model-")))
    job: int = 100

    def __post_init__(self) -> None:
        """Write the project."""
        self.project = self.root / "project"
        self.project.mkdir()
        self.sites = tuple(
            Site(service=service, environment=environment, kind=kind, box=self.root / service / environment)
            for service, kind in zip(SERVICES, self.kinds, strict=True)
            for environment in ENVIRONMENTS
        )
        ports = dict(zip(self.sites, self.outside.ports, strict=True))
        for site in self.sites:
            (site.box / "srv").mkdir(parents=True)
            told = {
                "BOX": site.box,
                "PAUSE": self.pause,
                "STUBBORN": "1" * self.is_stubborn,
            }
            lines = "".join(f"{name}={value}\n" for name, value in told.items())
            (site.box / "shell").write_text(lines + SHELL)
        for service, kind in zip(SERVICES, self.kinds, strict=True):
            places = tuple(
                Place(environment=site.environment, box=site.box, port=ports[site])
                for site in self.sites
                if site.service == service
            )
            text = configuration(service, kind, places, keep=self.keep, probe=self.probe, holds=self.holds)
            (self.project / f"{service}.yml").write_text(text)
        self.outside.say(folders=[str(site.box) for site in self.sites], forget=True)
        self.begin_job()

    def close(self) -> None:
        """Wait for what was left running, then remove everything."""
        self.wait_for_left()
        shutil.rmtree(self.root, ignore_errors=True)

    def begin_job(self) -> None:
        """A fresh runner; on a laptop nothing changes."""
        self.outside.say(runs={self.job: "completed", self.job + 1: "in_progress"})
        self.job += 1
        (self.root / f"temp-{self.job}").mkdir()

    def state(self, site: Site) -> Path:
        """The folder of that site's ledger and journals."""
        if site.kind == "releases":
            return site.box / "srv" / ".ci-ops"
        if self.on_github:
            return self.root / f"temp-{self.job}" / "ci-ops" / site.service / site.environment
        return self.project / ".ci-ops" / site.service / site.environment

    def measure(self, *, fault: Mapping[str, object] | None) -> dict[Site, Truth]:
        """Read what is so at every site; from then on GitHub has that fault, or none."""
        deployments = self.outside.say(fault=fault)
        return {
            site: measure(
                site.kind,
                site.box,
                self.state(site),
                service=site.service,
                environment=site.environment,
                github=[each for each in deployments if _of(each, site)] if self.on_github else None,
            )
            for site in self.sites
        }

    def run(
        self, site: Site, *arguments: str, death: Death | Timer | None = None, apart: bool = False
    ) -> Ran:
        """One command on that site."""
        told = (*arguments, "--config", f"{site.service}.yml", "-e", site.environment, "--format", "json")
        env = {name: os.environ[name] for name in ("PATH",)} | {"HOME": str(self.root), "LANG": "C.UTF-8"}
        if self.on_github:
            told = (*told, "--token", TOKEN)
            env |= self._runner()
        if death is None and not apart:
            return run(told, env, self.project)
        if isinstance(death, Timer):
            return run_killed(told, env, self.project, death)
        return run_apart(told, env, self.project, box=site.box, death=death)

    def tell(self, site: Site, mishap: str) -> None:
        """What becomes of a step of the next run; empty for nothing."""
        (site.box / "ledger").write_text(f"{self.state(site) / 'ledger.jsonl'}\n")
        path = site.box / "mishap"
        path.write_text(f"{mishap}\n") if mishap else path.unlink(missing_ok=True)

    def mend(self, site: Site) -> None:
        """After a run: nothing is told any more, and a ledger that was put aside is back in its place."""
        self.tell(site, "")
        aside = site.box / "ledger.aside"
        if aside.exists():
            ledger = self.state(site) / "ledger.jsonl"
            if ledger.is_dir():
                ledger.rmdir()
            aside.replace(ledger)

    def sick(self, site: Site) -> frozenset[str]:
        """Revisions that the test made sick."""
        path = site.box / "sick"
        return frozenset(path.read_text().split()) if path.exists() else frozenset()

    def wait_for_left(self) -> None:
        """Wait until the steps that killed runs left behind have ended."""
        end = time.monotonic() + 30
        while self._is_at_work():
            assert time.monotonic() < end, "a step of a killed run never ends"
            time.sleep(0.005)

    def _is_at_work(self) -> bool:
        """True while a process of this world runs: HOME in its environment says whose it is."""
        ours = f"HOME={self.root}".encode()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it has ended meanwhile, or is a zombie
                if ours in environ.read_bytes().split(b"\0"):
                    return True
        return False

    def _runner(self) -> dict[str, str]:
        temp = self.root / f"temp-{self.job}"
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "org/app",
            "GITHUB_RUN_ID": str(self.job),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SERVER_URL": "https://github.invalid",
            "GITHUB_API_URL": self.outside.github,
            "GITHUB_WORKSPACE": str(self.project),
            "GITHUB_EVENT_NAME": "workflow_dispatch",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_OUTPUT": str(temp / "output"),
            "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
            "RUNNER_TEMP": str(temp),
        }


def _of(deployment: dict[str, Any], site: Site) -> bool:
    payload = deployment["payload"]
    service = payload.get("service") if isinstance(payload, dict) else None
    return deployment["environment"] == site.environment and service in {None, site.service}
