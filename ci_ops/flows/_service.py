"""Measurement of the live service: its health, and the revisions that it serves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ci_ops.checks._http.gate import gate_of
from ci_ops.checks._http.refusal import FORBIDDEN
from ci_ops.checks._http.sign import probe_headers
from ci_ops.checks._run import run_checks
from ci_ops.checks.revision import Revision
from ci_ops.checks.revision.spelling import same_revision
from ci_ops.core.health.document import parse_health
from ci_ops.core.health.status import Status
from ci_ops.core.named import NamedCheck
from ci_ops.core.plugin import Phase
from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.listeners import Servers
from ci_ops.core.text.weburl import at_path, has_path, is_loopback, port_of, read_url, safe_url

if TYPE_CHECKING:
    from ci_ops.core.ports.http import Response
    from ci_ops.flows._job import Job

_BROKEN_OFF = frozenset({"refused", "reset", "body", "protocol"})
"""Kinds of HttpError that only the service's own end can cause."""
_ANY_REVISION = "f" * 40
"""Compared with what is served where no revision is expected; never a commit."""


class Reach(StrEnum):
    """How far a request got."""

    NOT_ASKED = "not-asked"
    """No address is configured."""
    ANSWERS = "answers"
    DOWN = "down"
    """The service itself refused, broke off, or answered 5xx."""
    UNREACHABLE = "unreachable"
    """No answer, for a reason that may lie with this runner: name, route, proxy, trust, time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The observations over fresh connections to the service."""

    reach: Reach
    revisions: frozenset[str] = frozenset()
    """Every revision that was served, as the service wrote it; empty where it names none."""
    servers: Servers | None = None
    """The processes of this machine that served it; None where they could not be seen."""
    has_health_document: bool = False
    """True when the health address answered a health document."""
    is_blocked: bool = False
    """True when its address answered 403."""
    sentence: str = ""
    """Why it is down or unreachable."""

    @property
    def revision(self) -> str:
        """The revision that every connection observed; empty for none or several."""
        return next(iter(self.revisions)) if len(self.revisions) == 1 else ""

    @property
    def is_mixed(self) -> bool:
        """True when several revisions are served at once."""
        return len(self.revisions) > 1

    @property
    def still_answers(self) -> bool:
        """True when some process serves: it answered, or reported its revision."""
        return self.reach is Reach.ANSWERS or bool(self.revisions)

    def serves_other_than(self, revision: str) -> bool:
        """Return True when another revision than this one is served."""
        return any(not same_revision(each, revision) for each in self.revisions)


def measure_service(job: Job, *, url: str = "", expected: str = "") -> Service:
    """Request the service over new connections; `url` is the default for the configuration's."""
    address = job.config.verify.url or url
    if not address:
        return Service(reach=Reach.NOT_ASKED)
    timeout = job.config.verify.timeout
    try:
        answer = _get(job, address, timeout)
    except HttpError as error:
        is_down = error.kind in _BROKEN_OFF or (error.kind == "timeout" and is_loopback(read_url(address)))
        return Service(reach=Reach.DOWN if is_down else Reach.UNREACHABLE, sentence=error.sentence)
    gate = gate_of(answer)
    if gate and has_path(read_url(address)):  # a front page may send visitors to a sign-in of its own accord
        sentence = f"{safe_url(address)} is answered by {job.world.redact(gate)}, not by the service"
        return Service(reach=Reach.UNREACHABLE, sentence=sentence)
    return Service(
        reach=Reach.DOWN if answer.status >= 500 else Reach.ANSWERS,
        servers=_servers(job, address),
        has_health_document=_has_health_document(job, address, answer),
        revisions=_revisions(job, address, expected or _ANY_REVISION),
        is_blocked=answer.status == FORBIDDEN,
        sentence=_failure(answer),
    )


def _get(job: Job, address: str, timeout_seconds: float) -> Response:
    headers = probe_headers(job.world, "GET", address)
    return job.world.http.request(
        "GET", address, timeout_seconds=timeout_seconds, headers=headers, fresh=True
    )


def _servers(job: Job, url: str) -> Servers | None:
    parts = read_url(url)
    return job.world.listeners.at(port_of(parts)) if is_loopback(parts) else None


def _has_health_document(job: Job, url: str, answer: Response) -> bool:
    """Return True when the check `health`, as configured, would read a health document."""
    health = next((each for each in job.config.verify.checks if each.plugin.plugin_name() == "health"), None)
    path = getattr(health.plugin, "path", "") if health is not None else ""
    if path:
        address, timeout = at_path(read_url(url), path), job.config.verify.timeout
        try:
            answer = _get(job, address, timeout)
        except HttpError:
            return False
    return parse_health(answer.body).status is not Status.ERROR


def _failure(answer: Response) -> str:
    return f"its address answers {answer.status}" if answer.status >= 500 else ""


def _revisions(job: Job, url: str, expected: str) -> frozenset[str]:
    """Return every revision that the check `revision`, as configured, observes in one round."""
    configured = (each for each in job.config.verify.checks if each.plugin.plugin_name() == "revision")
    check = next(configured, None) or NamedCheck(name="revision", plugin=Revision())
    results = run_checks(
        (check,),
        job.subject(url=url, revision=expected),
        job.world,
        phase=Phase.VERIFY,
        deadline_seconds=job.config.verify.deadline,
        is_patient=False,
        waits=job.waits,
    )
    return frozenset(name for result in results for name in result.facts.get("revisions", ()))
