"""A Twilio account through the twilio package, with every request sent by the Http port."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from ci_ops.checks._verdict import Fault
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.retry_after import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.checks.messages import Schedule
    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World

PAGE_SIZE = 1000
LEAD = timedelta(minutes=15)
"""Twilio schedules more than five minutes and at most 35 days ahead. Source: twilio.com/docs/api/errors/35115."""
MAX_BODY_BYTES = 8 << 20
_DENIED = frozenset({401, 403})
PROBE_TEXT = "ci-ops verification: this message is canceled before it is sent."


class ServiceError(Exception):
    """Twilio gave no usable answer."""

    def __init__(
        self,
        sentence: str,
        *,
        is_denied: bool = False,
        is_invalid: bool = False,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.is_invalid = is_invalid
        """True where Twilio refused what the request asked for."""
        self.is_denied = is_denied
        """True where the credentials were not accepted."""
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of the account, without its text and numbers."""

    status: str
    is_outbound: bool
    created_at: datetime
    error_code: int | None = None


class TwilioAccount:
    """One account. Every method raises ServiceError where Twilio gives no usable answer."""

    def __init__(
        self, world: World, account_sid: str, auth: tuple[str, str], *, base_url: str, timeout: float
    ) -> None:
        """Raise ModuleNotFoundError where the twilio package is missing."""
        from twilio.base.exceptions import TwilioException, TwilioRestException  # noqa: PLC0415 - a driver
        from twilio.rest import Client  # noqa: PLC0415 - a driver, 0.2 s

        self._world = world
        self._rest_error, self._error = TwilioRestException, TwilioException
        transport = _Transport(world, auth, base_url=base_url, timeout=timeout)
        # Without an environment of its own the client would take region and edge from ours.
        settings = {"TWILIO_ACCOUNT_SID": account_sid}
        self._client: Any = Client(*auth, account_sid, http_client=transport, environment=settings)
        self._sid = account_sid

    def status(self) -> str:
        """Return the account's status: active, suspended or closed."""
        return str(self._call(lambda: self._client.api.v2010.accounts(self._sid).fetch().status))

    def messages(self, limit: int) -> list[Message]:
        """Return the newest messages, whatever their state.

        Without a filter: one by the date of sending would leave out those that wait.
        """
        listed = self._call(lambda: self._client.messages.list(limit=limit, page_size=min(limit, PAGE_SIZE)))
        return [
            Message(
                status=str(each.status),
                is_outbound=str(each.direction).startswith("outbound"),
                created_at=each.date_created,
                error_code=each.error_code if isinstance(each.error_code, int) else None,
            )
            for each in listed
            if isinstance(each.date_created, datetime)
        ]

    def try_schedule(self, schedule: Schedule) -> Iterator[Fault]:
        """Schedule a message and cancel it; yield what did not work."""
        send_at = self._world.clock.now().astimezone(UTC) + LEAD
        try:
            created = self._call(lambda: self._create(schedule, send_at.replace(microsecond=0)))
        except ServiceError as error:
            if not error.is_invalid:
                raise
            yield Fault(
                rule="not-scheduled",
                severity=Status.FAIL,
                sentence="Twilio refuses to schedule a message.",
                expected="scheduled",
                observed=self._world.redact(error.sentence),
                subject="schedule",
            )
            return
        sid, status = created
        if status != "scheduled":
            yield Fault(
                rule="not-scheduled",
                severity=Status.FAIL,
                sentence=f"A message for later, {sid}, is {status}, not scheduled.",
                expected="scheduled",
                observed=status,
                subject="schedule",
            )
        try:
            ended = str(self._call(lambda: self._client.messages(sid).update(status="canceled").status))
        except ServiceError as error:
            ended = error.sentence
        if ended != "canceled":
            yield Fault(
                rule="not-canceled",
                severity=Status.FAIL,
                sentence=f"The message {sid} could not be canceled: it is sent at {send_at:%Y-%m-%d %H:%M} UTC.",
                expected="canceled",
                observed=self._world.redact(ended),
                subject="schedule",
            )

    def _create(self, schedule: Schedule, send_at: datetime) -> tuple[str, str]:
        created = self._client.messages.create(
            to=schedule.to,
            messaging_service_sid=schedule.messaging_service_sid,
            body=PROBE_TEXT,
            schedule_type="fixed",
            send_at=send_at,
        )
        if not created.sid:
            raise ValueError("a message without a SID")
        return str(created.sid), str(created.status)

    def _call(self, request: Any) -> Any:
        try:
            return request()
        except HttpError as error:
            raise ServiceError(error.sentence) from None
        except self._rest_error as error:
            raise ServiceError(
                f"{error.status}, error {error.code}: {error.msg}",
                is_denied=error.status in _DENIED,
                is_invalid=error.status == 400,
            ) from None
        except (self._error, ValueError, KeyError, TypeError, AttributeError) as error:
            # The package takes an answer for granted; one of another shape ends in any of these.
            raise ServiceError(f"an answer that cannot be read ({type(error).__name__})") from None


class _Transport:
    """The package's HTTP client over our port: its deadline, proxy, authorities and redaction."""

    def __init__(self, world: World, auth: tuple[str, str], *, base_url: str, timeout: float) -> None:
        self._world = world
        self._auth = base64.b64encode(":".join(auth).encode()).decode()
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        world.redact.add(auth[1], self._auth)

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - the package's own signature
    ) -> Any:
        from twilio.http.response import Response as TwilioResponse  # noqa: PLC0415 - a driver

        del auth, timeout, allow_redirects
        parts = urlsplit(url)
        query = "&".join(filter(None, (parts.query, urlencode(params or {}, doseq=True))))
        target = f"{self._base_url}{parts.path}" + (f"?{query}" if query else "")
        body = urlencode(data, doseq=True).encode() if data else None
        answer = self._world.http.request(
            method,
            target,
            timeout_seconds=self._timeout,
            headers={**(headers or {}), "Authorization": f"Basic {self._auth}"},
            body=body,
            max_body=MAX_BODY_BYTES,
        )
        self._refuse_limit(answer)
        return TwilioResponse(answer.status, answer.text, answer.headers)

    def _refuse_limit(self, answer: Response) -> None:
        """Raise ServiceError where Twilio wants fewer requests. Source: twilio.com/docs/api/errors/20429."""
        if answer.status == 429 or answer.status >= 500:
            seconds = parse_retry_after(answer.headers.get("retry-after", ""), now=self._world.clock.now())
            raise ServiceError(f"status {answer.status}", wait_seconds=seconds)
