"""Health of an application: checks that cannot harm it, however often they are requested."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.nearmiss import did_you_mean
from ci_ops.core.text.redact import redact_patterns
from ci_ops.service._process.figures import is_count, is_time
from ci_ops.service._process.forks import tell_after_fork
from ci_ops.service.health.availability import Availability
from ci_ops.service.health.model import (
    RESERVED_GROUPS,
    Check,
    ComponentHealth,
    HealthCheck,
    HealthReport,
    HealthStatus,
    is_name,
    worst_health,
)
from ci_ops.service.health.runs import CheckState, Run, Tools
from ci_ops.service.health.workers import LoopThread, Workers, is_on_loop, until_done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger("ci_ops.service.health.service")

_BUILT_IN_GROUPS = ("live", "ready", "check")
NOTHING_CHECKED = "no health check is registered here: nothing but the state of the process was measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    members: tuple[str, ...]
    tags: tuple[str, ...]
    on_empty: HealthStatus


class HealthCheckService:
    """Health checks, groups of them, and the availability that the application states.

    Sync checks run on a few threads of their own, async checks on the loop of
    the caller. Each check has one run at a time, however many callers there are.
    Results are reused for `ttl_seconds` and shown a little longer while a new run
    is in progress, so a probe every few seconds costs next to nothing.
    """

    def __init__(
        self,
        *,
        deadline_seconds: float = 0.9,
        max_workers: int = 16,
        availability: Availability | None = None,
        on_empty: HealthStatus = HealthStatus.HEALTHY,
        hide: Callable[[str], str] = redact_patterns,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not is_time(deadline_seconds) or not is_count(max_workers):
            raise ValueError("a health service has a deadline above 0 and at least one worker")
        self.deadline_seconds = deadline_seconds
        """No answer takes longer; below the kubelet's default timeout of 1 s."""
        self.availability = availability or Availability()
        self._on_empty = on_empty
        self._max_workers = max_workers
        self._lock = threading.Lock()
        self._states: dict[str, CheckState] = {}
        self._groups: dict[str, _Group] = {}
        self.groups: tuple[str, ...] = _BUILT_IN_GROUPS
        """Every group that can be asked for: built-in, named, or made by a tag."""
        self._tools = Tools(
            monotonic=monotonic, now=now, hide=hide, workers=Workers(max_workers), loop_thread=LoopThread()
        )
        self._started = monotonic()
        self._has_fixed_paths = False
        tell_after_fork(self)

    def add(self, call: Check, *, name: str | None = None, **options: Any) -> HealthCheck:
        """Register a check and return its registration.

        The name defaults to the callable's own, with hyphens. `options` are the fields of
        HealthCheck; a built-in check brings its own defaults along. Raises
        ValueError for a name in use or a timeout above the deadline.
        """
        known = {field.name for field in fields(HealthCheck)} - {"name", "call"}
        if unknown := sorted(options.keys() - known):
            raise TypeError(
                f"unknown health check option {unknown[0]!r}; known are {', '.join(sorted(known))}"
            )
        options = {**getattr(call, "options", {}), **options}
        title = name or str(getattr(call, "name", "") or getattr(call, "__name__", "")).replace("_", "-")
        check = HealthCheck(name=title, call=call, **options)
        if check.timeout_seconds > self.deadline_seconds:
            raise ValueError(
                f"health check {check.name!r}: timeout_seconds {check.timeout_seconds:g} is above the "
                f"deadline of {self.deadline_seconds:g} s for a whole answer"
            )
        with self._lock:
            if check.name in self._states:
                raise ValueError(f"there is already a health check {check.name!r}")
            self._states = {**self._states, check.name: CheckState(check, self._tools)}
            self._list_groups()
        return check

    def check(self, name: str | None = None, **options: Any) -> Callable[[Check], Check]:
        """Register the decorated function as a check; the function stays as it is."""

        def register(call: Check) -> Check:
            self.add(call, name=name, **options)
            return call

        return register

    def remove(self, name: str) -> None:
        """Remove a check. Raises ValueError while a group names it."""
        with self._lock:
            holder = next((title for title, group in self._groups.items() if name in group.members), None)
            if holder is not None:
                raise ValueError(f"health check {name!r} is named by the group {holder!r}")
            self._known(name)
            self._states = {title: state for title, state in self._states.items() if title != name}
            self._list_groups()

    def group(
        self,
        name: str,
        *members: str,
        tags: Iterable[str] = (),
        on_empty: HealthStatus | None = None,
    ) -> None:
        """Define a group of checks, by name and by tag, at the path /health/NAME.

        `live`, `ready` and `check` may be narrowed in the same way. Raises
        ValueError at once for a member that is not registered. `on_empty` is the
        status while no check belongs to the group, as with a misspelt tag:
        UNHEALTHY by default, because nothing was measured.
        """
        if not is_name(name) or name in RESERVED_GROUPS:
            raise ValueError(f"a group of health checks cannot be called {name!r}")
        with self._lock:
            for member in members:
                self._known(member)
            if self._has_fixed_paths and name not in self.groups:
                log.warning(
                    "the group %s has no path where routes were made before it, as health_router is when it is "
                    "imported: name groups first, or put HealthApp or HealthWSGI around the application",
                    name,
                )
            policy = HealthStatus.UNHEALTHY if on_empty is None else on_empty
            group = _Group(members=members, tags=tuple(tags), on_empty=policy)
            self._groups = {**self._groups, name: group}
            self._list_groups()

    @property
    def uptime_seconds(self) -> float:
        """Time since the service was created."""
        return max(0.0, self._tools.monotonic() - self._started)

    @property
    def checks(self) -> tuple[HealthCheck, ...]:
        """Every registered check."""
        return tuple(state.check for state in self._states.values())

    def report(self, group: str = "check", *, fresh: bool = False) -> HealthReport:
        """Return the health of a group, measured now or a few seconds ago.

        `fresh` requests results that are at most a second old. Raises KeyError for
        an unknown group and RuntimeError on an event loop.
        """
        if is_on_loop():
            raise RuntimeError("await report_async() on an event loop: report() would block it")
        begun = self._begin(group, fresh=fresh, loop=None)
        for state, run in begun:
            if run is not None:
                concurrent.futures.wait([run.finished], timeout=max(0.0, state.remaining_seconds(run)))
        return self._report(group, [state.result(run) for state, run in begun])

    async def report_async(self, group: str = "check", *, fresh: bool = False) -> HealthReport:
        """Return the health of a group to asynchronous callers; a cancelled caller cancels no check."""
        begun = self._begin(group, fresh=fresh, loop=asyncio.get_running_loop())
        for state, run in begun:
            if run is not None:
                await until_done(run.finished, state.remaining_seconds(run))
        return self._report(group, [state.result(run) for state, run in begun])

    def last_report(self, group: str = "check") -> HealthReport:
        """Return the health of a group by its last results, without running a check."""
        shown = [known for state in self._select(group) if (known := state.last_result())]
        return self._report(group, shown)

    def fix_paths(self) -> None:
        """Note that a framework's routes were made of the current groups."""
        self._has_fixed_paths = True

    def close(self) -> None:
        """Close what the checks hold open, such as connections."""
        for check in self.checks:
            end = getattr(check.call, "close", None)
            if end is not None:
                try:
                    end()
                except Exception:
                    log.exception("the health check %s could not be closed; going on", check.name)

    def _begin(
        self, group: str, *, fresh: bool, loop: asyncio.AbstractEventLoop | None
    ) -> list[tuple[CheckState, Run | None]]:
        if self._refusal(group):  # the answer is no already: a draining process spares its dependencies
            return []
        return [(state, state.begin(fresh=fresh, loop=loop)) for state in self._select(group)]

    def _select(self, group: str) -> list[CheckState]:
        chosen = self._groups.get(group)
        states = self._states.values()
        if chosen is not None:
            tags = {*chosen.tags}
            return [one for one in states if one.check.name in chosen.members or tags & {*one.check.tags}]
        found = [one for one in states if group == "check" or group in one.check.tags]
        if not found and group not in _BUILT_IN_GROUPS:
            raise KeyError(group)
        return found

    def _list_groups(self) -> None:
        tags = (tag for check in self.checks for tag in check.tags)
        self.groups = tuple(dict.fromkeys((*_BUILT_IN_GROUPS, *self._groups, *tags)))

    def _refusal(self, group: str) -> str:
        if group == "live":
            return self.availability.broken
        return self.availability.refusal if group == "ready" else ""

    def _report(self, group: str, shown: list[tuple[ComponentHealth, float]]) -> HealthReport:
        refusal = self._refusal(group)
        components = tuple(one for one, _ in shown)
        status = worst_health([one.status for one in components])
        if status is None:
            chosen = self._groups.get(group)
            status = self._on_empty if chosen is None else chosen.on_empty
            if status is HealthStatus.UNHEALTHY:
                refusal = refusal or f"no check belongs to the group {group}"
        return HealthReport(
            group=group,
            status=HealthStatus.UNHEALTHY if refusal else status,
            components=components,
            age_seconds=max((age for _, age in shown), default=0.0),
            refusal=refusal,
            note="" if components or refusal or group == "live" else NOTHING_CHECKED,
        )

    def _known(self, name: str) -> None:
        if name not in self._states:
            raise ValueError(f"there is no health check {name!r}{did_you_mean(name, self._states)}")

    def after_fork(self) -> None:
        """Start over in a forked child, with its own threads and no run in progress."""
        self._lock = threading.Lock()
        self._tools = Tools(
            monotonic=self._tools.monotonic,
            now=self._tools.now,
            hide=self._tools.hide,
            workers=Workers(self._max_workers),
            loop_thread=LoopThread(),
        )
        for state in self._states.values():
            state.after_fork(self._tools)


health_service = HealthCheckService()
"""The application's own service, used by the ready-made routes and the lifecycle."""
