"""What the rules need of the world outside, as small Protocols.

`edge` implements them; tests hand in real ones, or a clock of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ci_ops.core.errors import Problem

if TYPE_CHECKING:
    from ci_ops.core.text.redact import Redactor

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """One HTTP answer.

    Header names are lower-case; repeated ones are joined by `, `.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    """From the start of the request to the end of the body."""
    url: str
    """The address that answered, after redirects."""
    redirects: tuple[str, ...] = ()
    """Every address that was passed on the way, without user info."""
    address: str = ""
    """The IP address of the peer; empty when a proxy hides it."""
    truncated: bool = False
    """True when the body was longer than `max_body` and was cut there."""

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")


class HttpError(Exception):
    """No usable answer came.

    `kind` is one word; the sentence has no secret in it.
    """

    def __init__(self, kind: str, sentence: str, *, transient: bool, lasting: bool = False) -> None:
        super().__init__(sentence)
        self.kind = kind
        """dns, route (this machine has no way there), refused, reset, timeout, tls, redirect, body, proxy,
        url, header (nothing was sent), http2 (the server speaks nothing else) or protocol."""
        self.sentence = sentence
        self.transient = transient
        self.lasting = lasting
        """True for a transient error that seldom goes away by itself: a name that does not exist."""


class Http(Protocol):
    """HTTP with a hard deadline, a bounded body and no hidden retries."""

    def request(  # noqa: PLR0913 - the one place that names everything a request can ask for
        self,
        method: str,
        url: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        fresh: bool = False,
        connect_to: str = "",
        follow: int = 0,
        max_body: int = MAX_BODY_BYTES,
    ) -> Response:
        """Send one request and read the answer, all within `timeout_seconds`.

        `fresh` opens a new connection; `connect_to` is an IP address to use
        instead of the name's own, with SNI and Host kept; `follow` is the
        number of redirects that may be followed. Raises HttpError.
        """
        ...

    def addresses(self, url: str) -> tuple[str, ...]:
        """Return every IP address of the URL's host, in the resolver's order.

        None where a proxy leads there, which looks the name up. Raises HttpError.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """What one TLS handshake showed."""

    address: str
    protocol: str
    """Such as `TLSv1.3`."""
    verified: bool
    """True when chain and host name are good."""
    problem: str = ""
    """Why not: hostname, expired, not-yet-valid, chain or other; empty when verified."""
    detail: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    subject_names: tuple[str, ...] = ()
    issuer: str = ""
    serial: str = ""
    chain_not_after: datetime | None = None
    """When the first of its issuers ends, the trusted one included; None where the chain was not verified."""
    chain_ends_with: str = ""
    """The name of that issuer, as it was written into the certificate."""


class Tls(Protocol):
    """One TLS handshake, looked at closely."""

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        """Shake hands with that address under that name.

        An empty address leaves the choice to the resolver, or to the proxy
        that leads there. Raises HttpError when none comes about.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A program that has ended, or was ended."""

    exit_code: int
    """Negative signal number when a signal ended it; 127 when it does not exist."""
    output: str
    """Tail of stdout and stderr together, at most `max_output` bytes, redacted."""
    seconds: float
    timed_out: bool = False
    interrupted: bool = False
    """True when we were told to stop and ended it."""
    truncated: bool = False
    stdout: str = ""
    """Tail of stdout alone, redacted."""


class Process(Protocol):
    """Child programs in a session of their own, ended as a group."""

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout_seconds: float,
        env: Mapping[str, str] | None = None,
        directory: Path | None = None,
        max_output: int = 64 * 1024,
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """Run to the end. A str goes to the shell (to its first failing line), a sequence does not.

        stdin is closed. `env` is the whole environment; None hands on ours.
        On a stop request or at the time limit the group gets TERM, four
        seconds later KILL. A program that does not exist gives exit code 127.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """Processes that listened on a port, and what ran beside them at that moment."""

    listening: frozenset[tuple[int, int]]
    """Process id and start of each; a number alone may be used again."""
    users: frozenset[int]
    known: frozenset[tuple[int, int]]
    """Every process of these users."""


class Listeners(Protocol):
    """Which processes of this machine serve a port."""

    def at(self, port: int) -> Servers | None:
        """Return the processes that listen on that port; None where none can be seen."""
        ...

    def have_ended(self, servers: Servers) -> bool:
        """Return True when they are gone and their users have started no other process since.

        Any new process may be the server that starts anew, however slowly.
        """
        ...


class Clock(Protocol):
    """Time, and waiting that a stop request ends."""

    def now(self) -> datetime:
        """The time in UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait; raises Interrupted when asked to stop meanwhile."""
        ...


class Stop(Protocol):
    """Whether a signal asked us to stop."""

    @property
    def requested(self) -> int:
        """The signal's number; 0 for none."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for a request at most so long; True when there is one."""
        ...

    def check(self) -> None:
        """Raise Interrupted when there is a request."""
        ...


class Lines(Protocol):
    """An append-only file of lines: journal and ledger."""

    def read(self) -> tuple[str, ...]:
        """Every whole line, without line ends; a torn last line is left out."""
        ...

    def append(self, line: str) -> None:
        """Add one line and have it on the disk before returning."""
        ...


class Lock(Protocol):
    """A claim on an environment; a distributed lease has the same doors."""

    def check(self) -> None:
        """Raise LockHeld when the claim is no longer ours.

        Called before each change.
        """
        ...

    def release(self) -> None:
        """Give it up; harmless when it is not held."""
        ...


class Store(Protocol):
    """Where records, journals and locks of one environment are kept."""

    def lines(self, name: str) -> Lines:
        """The file of lines with that name."""
        ...

    def names(self, suffix: str) -> tuple[str, ...]:
        """The names of the files of lines with that suffix, sorted."""
        ...

    def write(self, name: str, text: str) -> Path:
        """Write a whole file atomically."""
        ...

    def read(self, name: str) -> str | None:
        """A whole file; None when there is none."""
        ...

    def acquire(self, name: str, *, holder: str, since: datetime) -> Lock:
        """Take the lock or raise LockHeld with holder, since when and the way out."""
        ...


class Templates(Protocol):
    """Jinja templates from `templates/`.

    Sandboxed, undefined names are errors.
    """

    def render(self, name: str, /, **context: Any) -> str:
        """The named template, filled in.

        A name is a path such as `summaries/report.md.j2`.
        """
        ...

    def source(self, name: str, /) -> str:
        """A file under `templates/` as it is, such as `workflows/deploy.yml`."""
        ...


Env = Mapping[str, str]
"""The environment variables the user gave us."""


class World(Protocol):
    """Everything outside, in one bundle; members are made when first used."""

    @property
    def http(self) -> Http:
        """HTTP requests."""
        ...

    @property
    def tls(self) -> Tls:
        """TLS handshakes."""
        ...

    @property
    def process(self) -> Process:
        """Child programs."""
        ...

    @property
    def listeners(self) -> Listeners:
        """Which processes of this machine serve a port."""
        ...

    @property
    def clock(self) -> Clock:
        """Time and waiting."""
        ...

    @property
    def stop(self) -> Stop:
        """Whether we were asked to stop."""
        ...

    @property
    def env(self) -> Env:
        """The environment variables."""
        ...

    @property
    def redact(self) -> Redactor:
        """Takes secrets out of text."""
        ...

    @property
    def templates(self) -> Templates:
        """Message and summary templates."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is being looked at: given to every check."""

    root: Path
    """The project's root folder."""
    url: str = ""
    """The service's address as the user typed it; empty when there is none."""
    revision: str = ""
    """The commit that should be live; empty when nobody said."""
    previous_revision: str = ""
    is_revision_live: bool = False
    """True once the check `revision` saw the shipped commit on every connection."""
    servers: Servers | None = None
    """The processes that served the address before it was changed; None where they could not be seen."""
    had_health_document: bool = False
    """True when the health address answered a health document before."""
    published: frozenset[str] = frozenset()
    """Commits that GitHub has for sure: the run's event names them."""
    environment: str = "production"
    timeout_seconds: float = 10.0
    """For one try of one check; the machinery keeps the deadline over all tries."""
    config_file: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables as the deployed service will see them, where the user gave them."""
    config_problems: tuple[Problem, ...] | None = None
    """What is wrong with `config_file`; None when nobody looked."""
