"""Two services in two environments, on a laptop or on GitHub's runners."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.model.recipes import SHELL, Instance, Kind, configuration
from tests.model.running import Outcome, SelfSignal, Timer, run, run_forked, run_killed
from tests.model.truth import Truth, measure
from tests.support.waiting import wait_until

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
        """Name of the site in a contradiction."""
        return f"{self.service}/{self.environment} ({self.kind})"


@dataclass(kw_only=True)
class Scene:
    """The files of a project and its services, and the commands that run in it."""

    outside: Outside
    kinds: tuple[Kind, Kind]
    keep: int
    probe: bool
    on_github: bool = False
    holds: bool = False
    """True where the configuration keeps a release that could not be measured."""
    pause: str = ""
    """Seconds that each step sleeps; empty for none."""
    is_stubborn: bool = False
    """True where every step ignores SIGTERM."""
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="ci-ops-model-")))
    job: int = 100

    def __post_init__(self) -> None:
        """Write the files of the project."""
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
            settings = {
                "BOX": site.box,
                "PAUSE": self.pause,
                "STUBBORN": "1" * self.is_stubborn,
            }
            lines = "".join(f"{name}={value}\n" for name, value in settings.items())
            (site.box / "shell").write_text(lines + SHELL)
        for service, kind in zip(SERVICES, self.kinds, strict=True):
            instances = tuple(
                Instance(environment=site.environment, box=site.box, port=ports[site])
                for site in self.sites
                if site.service == service
            )
            text = configuration(service, kind, instances, keep=self.keep, probe=self.probe, holds=self.holds)
            (self.project / f"{service}.yml").write_text(text)
        self.outside.send(folders=[str(site.box) for site in self.sites], reset=True)
        self.begin_job()

    def close(self) -> None:
        """Wait for orphaned steps, then remove every file."""
        self.wait_for_orphans()
        shutil.rmtree(self.root, ignore_errors=True)

    def begin_job(self) -> None:
        """Start a job on a fresh runner; on a laptop nothing changes."""
        self.outside.send(runs={self.job: "completed", self.job + 1: "in_progress"})
        self.job += 1
        (self.root / f"temp-{self.job}").mkdir()

    def state(self, site: Site) -> Path:
        """Return the folder of that site's ledger and journals."""
        if site.kind == "releases":
            return site.box / "srv" / ".ci-ops"
        if self.on_github:
            return self.root / f"temp-{self.job}" / "ci-ops" / site.service / site.environment
        return self.project / ".ci-ops" / site.service / site.environment

    def measure(self, *, github_fault: Mapping[str, object] | None) -> dict[Site, Truth]:
        """Measure every site, and make GitHub answer with that fault from then on; None for no fault."""
        deployments = self.outside.send(github_fault=github_fault)
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
        self,
        site: Site,
        *arguments: str,
        kill: SelfSignal | Timer | None = None,
        is_forked: bool = False,
    ) -> Outcome:
        """Run one command on that site."""
        given = (*arguments, "--config", f"{site.service}.yml", "-e", site.environment, "--format", "json")
        env = {name: os.environ[name] for name in ("PATH",)} | {"HOME": str(self.root), "LANG": "C.UTF-8"}
        if self.on_github:
            given = (*given, "--token", TOKEN)
            env |= self._runner()
        if kill is None and not is_forked:
            return run(given, env, self.project)
        if isinstance(kill, Timer):
            return run_killed(given, env, self.project, kill)
        return run_forked(given, env, self.project, box=site.box, kill=kill)

    def inject(self, site: Site, fault: str) -> None:
        """Inject a fault into a step of the next run; empty for none."""
        (site.box / "ledger").write_text(f"{self.state(site) / 'ledger.jsonl'}\n")
        path = site.box / "fault"
        path.write_text(f"{fault}\n") if fault else path.unlink(missing_ok=True)

    def repair(self, site: Site) -> None:
        """Remove the injected fault after a run, and put a ledger that it moved back in its place."""
        self.inject(site, "")
        aside = site.box / "ledger.aside"
        if aside.exists():
            ledger = self.state(site) / "ledger.jsonl"
            if ledger.is_dir():
                ledger.rmdir()
            aside.replace(ledger)

    def unhealthy(self, site: Site) -> frozenset[str]:
        """Return the revisions that the test made unhealthy."""
        path = site.box / "unhealthy"
        return frozenset(path.read_text().split()) if path.exists() else frozenset()

    def wait_for_orphans(self) -> None:
        """Wait until the steps that killed runs left behind have ended."""
        wait_until(lambda: not self._has_processes())

    def _has_processes(self) -> bool:
        """Return True while a process of this scene runs, known by HOME in its environment."""
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
