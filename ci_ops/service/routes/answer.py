"""Answers of the health routes, for any server or framework.

| path | answer |
|---|---|
| /health/live | the liveness state and checks tagged `live`; never a dependency |
| /health/ready, /health | the readiness state and checks tagged `ready` |
| /health/check | every check; with details also circuit breakers and degraded features |
| /health/summary | status and counts |
| /health/metrics | Prometheus text, or JSON by Accept; details only |
| /health/security | abuse flags and blocked addresses; details only |
| /health/NAME | a group of that name |
| /__version__ | source, version, commit and build of this process |
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ci_ops.core.health.writing import MEDIA_TYPE, build_health, encode_health
from ci_ops.core.text.weburl import NONCE_HEADER
from ci_ops.service.health.availability import DRAINING, STARTING
from ci_ops.service.health.gate import Asker, Gate
from ci_ops.service.health.model import RESERVED_GROUPS, HealthReport, HealthStatus
from ci_ops.service.health.paths import VERSION_PATH, health_paths
from ci_ops.service.health.providers import Topic, read_topic
from ci_ops.service.health.service import HealthCheckService, health_service
from ci_ops.service.release import Release, current_release
from ci_ops.service.routes import exposition
from ci_ops.service.routes.accept import preferred
from ci_ops.service.routes.body import as_json

if TYPE_CHECKING:
    from ci_ops.core.health.document import Component

log = logging.getLogger("ci_ops.service.health.service")

RETRY_AFTER_SECONDS = 5
_CLOSED = (
    b"details are shown to bearers of the token in CI_OPS_HEALTH_TOKEN; where no proxy runs on this machine, "
    b"CI_OPS_HEALTH_DETAILS=loopback shows them to it too\n"
)
_NONCE = re.compile(r"[0-9a-f]{16}", re.ASCII)
_NONCE_QUERY = re.compile(r"(?:^|&)ci-ops=([0-9a-f]{16})(?:&|$)", re.ASCII)
_JSON = "application/json"
_BODIES = (MEDIA_TYPE, _JSON, "text/plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRequest:
    """A request to a health route."""

    method: str
    asker: Asker
    query: str = ""
    """The query string as it was sent."""

    @property
    def nonce(self) -> str:
        """Nonce of a verifier, from a header or the query; empty for anything else."""
        given = self.asker.headers.get(NONCE_HEADER.lower())
        if given is not None:
            return given if _NONCE.fullmatch(given) else ""
        found = _NONCE_QUERY.search(self.query)
        return found[1] if found else ""

    @property
    def wants_fresh(self) -> bool:
        """True when the client wants no cached result, as verification does."""
        headers = self.asker.headers
        return "no-cache" in headers.get("cache-control", "") or "no-cache" in headers.get("pragma", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, ready to send."""

    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def header_pairs(self) -> list[tuple[str, str]]:
        """Return every header; nothing may be stored, and browsers may not guess the type."""
        return [
            ("Content-Type", self.media_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Vary", "Accept, Authorization"),
            *self.headers.items(),
        ]


class HealthRoutes:
    """The health routes under a prefix; the release is read when they are created, at startup."""

    def __init__(
        self,
        health: HealthCheckService | None = None,
        *,
        prefix: str = "/health",
        version_path: str = VERSION_PATH,
        gate: Gate | None = None,
        show_components: bool = False,
    ) -> None:
        """`show_components` shows names and statuses, nothing more, to every client."""
        self.health = health_service if health is None else health
        self.prefix = "/" + prefix.strip("/")
        self.version_path = "/" + version_path.strip("/")
        if "/" in {self.prefix, self.version_path}:
            raise ValueError("the health routes need a path of their own: / belongs to the application")
        self.gate = Gate() if gate is None else gate
        self.show_components = show_components
        health_paths.add(self.prefix, self.version_path)
        current_release()

    def find(self, path: str) -> str | None:
        """Return the name of the route at a path; None for any other path."""
        path = path.rstrip("/")
        if path == self.version_path:
            return "version"
        if path == self.prefix:
            return "ready"
        head, _, name = path.rpartition("/")
        is_ours = head == self.prefix and (name in self.health.groups or name in RESERVED_GROUPS)
        return name if is_ours else None

    def paths(self) -> tuple[str, ...]:
        """Return every current path, for frameworks whose routes are created once."""
        self.health.fix_paths()
        names = dict.fromkeys((*self.health.groups, *RESERVED_GROUPS))
        return (self.prefix, *(f"{self.prefix}/{name}" for name in names), self.version_path)

    def reply(self, name: str, request: HealthRequest) -> Reply:
        """Answer a synchronous server."""
        reply = self._early(name, request)
        if reply is None:
            report = self.health.report(_group(name), fresh=request.wants_fresh)
            reply = self._render(name, request, report)
        return _echoed(reply, request)

    async def reply_async(self, name: str, request: HealthRequest) -> Reply:
        """Answer an asynchronous server."""
        reply = self._early(name, request)
        if reply is None:
            report = await self.health.report_async(_group(name), fresh=request.wants_fresh)
            reply = self._render(name, request, report)
        return _echoed(reply, request)

    def _early(self, name: str, request: HealthRequest) -> Reply | None:
        """Return the answer that needs no check to run."""
        if name == "ready":
            self.health.availability.was_probed = True
        if request.method not in {"GET", "HEAD"}:
            return Reply(
                status=405, media_type="text/plain", body=b"GET or HEAD\n", headers={"Allow": "GET, HEAD"}
            )
        if name == "version":
            shown = current_release().document(detailed=self.gate.admits(request.asker))
            return Reply(status=200, media_type=_JSON, body=encode_health(shown))
        if name in {"metrics", "security"}:
            return self._details_only(name, request)
        return None

    def _details_only(self, name: str, request: HealthRequest) -> Reply:
        if not self.gate.admits(request.asker):
            return Reply(status=403, media_type="text/plain", body=_CLOSED)
        try:
            return self._security() if name == "security" else self._metrics(request)
        except Exception:
            log.exception("the provider of %s failed", name)
            return Reply(status=500, media_type="text/plain", body=b"it could not be told; see the log\n")

    def _security(self) -> Reply:
        security = read_topic("security")
        shown = {"available": False} if security is None else security
        return Reply(status=200, media_type=_JSON, body=as_json(shown))

    def _metrics(self, request: HealthRequest) -> Reply:
        report = self.health.last_report()
        accept = request.asker.headers.get("accept", "")
        if preferred(accept, ("text/plain", _JSON)) == _JSON:
            snapshot = {
                **(read_topic("metrics-snapshot") or {}),
                "health": self._members(report, detailed=True),
            }
            return Reply(status=200, media_type=_JSON, body=as_json(snapshot))
        text = str(read_topic("metrics-text") or "")
        text += "\n" if text and not text.endswith("\n") else ""
        text += exposition.health_metrics(report, current_release())
        text += exposition.recovery_metrics(read_topic("circuit-breakers"), read_topic("degraded-features"))
        return Reply(status=200, media_type=exposition.MEDIA_TYPE, body=text.encode(errors="replace"))

    def _render(self, name: str, request: HealthRequest, report: HealthReport) -> Reply:
        detailed = self.gate.admits(request.asker)
        if name == "summary":
            return self._documented(self._counts(report), report, request)
        document = self._members(report, detailed=detailed)
        if detailed:
            document["instance"] = current_release().instance
            document["uptimeSeconds"] = round(self.health.uptime_seconds, 3)
            if name == "check":
                document["availability"] = self._availability()
                document["circuitBreakers"] = _topic("circuit-breakers")
                document["degradedFeatures"] = _topic("degraded-features")
        return self._documented(document, report, request)

    def _counts(self, report: HealthReport) -> dict[str, Any]:
        counts = {one.value: 0 for one in HealthStatus}
        for component in report.components:
            counts[component.status.value] += 1
        return {**self._members(report, detailed=False), **counts}

    def _members(self, report: HealthReport, *, detailed: bool) -> dict[str, Any]:
        shown = detailed or self.show_components
        components: tuple[Component, ...] = ()
        if shown:
            components = tuple(one.as_component(detailed=detailed) for one in report.components)
        release: Release = current_release()
        is_public = report.refusal in {DRAINING, STARTING}
        document = build_health(
            components,
            status=report.status.status,
            age_seconds=report.age_seconds if detailed else None,
            members={
                "releaseId": release.release_id,
                "version": release.version,
                "output": report.refusal if detailed or is_public else "",
            },
        )
        document["checked"] = len(report.components)
        if report.note:
            document["notes"] = [report.note]
        return document

    def _availability(self) -> dict[str, Any]:
        state = self.health.availability
        return {"live": not state.broken, "ready": not state.refusal, "draining": state.is_draining}

    def _documented(self, document: dict[str, Any], report: HealthReport, request: HealthRequest) -> Reply:
        media_type = preferred(request.asker.headers.get("accept", ""), _BODIES)
        body = f"{document['status']}\n".encode() if media_type == "text/plain" else as_json(document)
        headers = {"Age": str(int(report.age_seconds))}
        status = report.status.http_status
        if status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return Reply(status=status, media_type=media_type, body=body, headers=headers)


def _echoed(reply: Reply, request: HealthRequest) -> Reply:
    """Return the answer with the verifier's nonce, which a cache on the way does not know."""
    nonce = request.nonce
    return replace(reply, headers={**reply.headers, NONCE_HEADER: nonce}) if nonce else reply


def _group(name: str) -> str:
    return "check" if name == "summary" else name


def _topic(topic: Topic) -> Any:
    """Return the value of a topic; None where its provider fails, which must not fail the health answer."""
    try:
        return read_topic(topic)
    except Exception:
        log.exception("the provider of %s failed", topic)
        return None
