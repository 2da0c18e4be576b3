"""Whether Twilio delivers the service's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.checks.messages.account import ServiceError, TwilioAccount
from ci_ops.checks.messages.delivery import Delivery
from ci_ops.core.fields import Duration, Secret
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.text.weburl import read_url

if TYPE_CHECKING:
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_MESSAGES = 10_000


@dataclass(frozen=True, kw_only=True)
class Share:
    """Limits for the share of messages that were not delivered, from 0 to 1."""

    warn: float = 0.05
    """More is a warning."""
    fail: float = 0.2
    """More is a failure."""

    def __post_init__(self) -> None:
        if not (0 <= self.warn <= 1 and 0 <= self.fail <= 1):
            raise ValueError("warn, fail: shares from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A message that is scheduled and canceled again, so that it is never sent."""

    messaging_service_sid: str
    """The messaging service, such as `MG0123456789abcdef`: without one Twilio would send the message at once."""
    to: str
    """Number that the message is for, such as `+15005550006`; it never gets it."""

    def __post_init__(self) -> None:
        if not self.messaging_service_sid.startswith("MG"):
            raise ValueError("messaging-service-sid: the SID of a messaging service starts with MG")
        if not self.to:
            raise ValueError("to: name a number")


@dataclass(frozen=True, kw_only=True)
class Messages(Check):
    """Twilio's account is active, and the service's messages arrive.

    The messages since the deployment (at most those of `window`) are held against
    those of the window before it: a share of failed and undelivered ones that
    was as high before is no fault of the release. Messages that wait too long
    are named. With `schedule`, one message is scheduled and canceled again.
    Nothing sent is inconclusive. Numbers and texts are never shown.

    Source: twilio.com/docs/messaging/api/message-resource.
    """

    needs: ClassVar[str] = "sms"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.VERIFY})
    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = {
        "driver": Rule(
            sentence="The package twilio is not installed.",
            advice='Install it: `pipx install "ci-ops[cli,sms]"`; the actions do so by themselves.',
        ),
        "credentials": Rule(
            sentence="Twilio does not accept the credentials.",
            advice="Give the account's SID with its auth token, or an API key (`SK…`) with its secret.",
        ),
        "unanswered": Rule(
            sentence="Twilio gave no usable answer.",
            advice="See status.twilio.com, the proxy and the network of the machine that runs ci-ops.",
        ),
        "account": Rule(
            sentence="The Twilio account is not active.",
            advice="Settle in Twilio's console why the account is suspended or closed.",
        ),
        "nothing-sent": Rule(
            sentence="No message was sent in the window, so nothing is known of their delivery.",
            advice="Raise `window`, or configure `schedule`, which tries the account without sending a message.",
        ),
        "small-sample": Rule(
            sentence="Too few messages were sent to judge their delivery.",
            advice="Raise `window`, or lower `min-sample`.",
        ),
        "undelivered": Rule(
            sentence="Too many messages are not delivered.",
            advice="Look the error codes up at twilio.com/docs/api/errors; compare sender, texts and numbers with the "
            "release before.",
        ),
        "undelivered-before": Rule(
            sentence="Many messages are not delivered, as many as before the deployment.",
            advice="Look the error codes up at twilio.com/docs/api/errors; the release did not change them.",
        ),
        "stuck": Rule(
            sentence="Messages wait to be sent for too long.",
            advice="See the queue of the sender in Twilio's console, and its rate limit.",
        ),
        "not-scheduled": Rule(
            sentence="A message for later was not scheduled.",
            advice="See that the messaging service has a sender, and that scheduling is on for it.",
        ),
        "not-canceled": Rule(
            sentence="A scheduled message could not be canceled: it will be sent.",
            advice="Cancel it now in Twilio's console, or by POST Status=canceled to its resource.",
        ),
    }

    account_sid: str
    """The account, such as `AC0123456789abcdef`."""
    secret: Secret
    """Its auth token, such as `${TWILIO_AUTH_TOKEN}`; with `api-key`, the secret of that key."""
    api_key: str = ""
    """SID of an API key in place of the auth token, such as `SK0123456789abcdef`."""
    window: Duration = 3600.0
    """How far back messages count."""
    min_sample: int = 20
    """Number of messages below which their share is not judged."""
    share: Share = field(default_factory=Share)
    """Limits for the share that was not delivered."""
    stuck_after: Duration = 600.0
    """How long a message may be queued or accepted."""
    max_messages: int = 1000
    """How many messages are read at most, newest first."""
    schedule: Schedule | None = None
    """A message that is scheduled and canceled again; none by default."""
    base_url: str = "https://api.twilio.com"
    """Where the API is, such as `https://api.ie1.twilio.com`, or a proxy of yours."""

    def __post_init__(self) -> None:
        if not self.account_sid.startswith("AC"):
            raise ValueError("account-sid: the SID of an account starts with AC")
        if self.api_key and not self.api_key.startswith("SK"):
            raise ValueError("`api-key`: the SID of an API key starts with SK")
        if self.window <= 0 or self.stuck_after <= 0:
            raise ValueError("window, stuck-after: more than 0 seconds")
        if self.min_sample < 1 or not 1 <= self.max_messages <= MAX_MESSAGES:
            raise ValueError(f"min-sample, max-messages: at least 1, and at most {MAX_MESSAGES} messages")
        try:
            read_url(self.base_url)
        except ValueError as error:
            raise ValueError(f"base-url: {error}") from None

    @property
    def max_tries(self) -> int | None:
        """A message is scheduled once."""
        return 1 if self.schedule else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Ask Twilio about the account, its messages and, where configured, the schedule."""
        auth = self.api_key or self.account_sid, self.secret.reveal()
        try:
            account = TwilioAccount(
                world, self.account_sid, auth, base_url=self.base_url, timeout=subject.timeout_seconds
            )
        except ModuleNotFoundError:
            yield conclude(
                self, [Fault(rule="driver", severity=Status.ERROR, sentence="")], sentence="", measured=0
            )
            return
        faults: list[Fault] = []
        try:
            faults += self._account_faults(account.status())
            delivery = Delivery(self, world, now=world.clock.now(), deployed_at=subject.deployed_at)
            delivery.read(account.messages(self.max_messages))
            faults += delivery.faults(is_account_tried=self.schedule is not None)
            if self.schedule is not None:
                faults += account.try_schedule(self.schedule)
        except ServiceError as error:
            faults.append(_no_answer(world, error))
            yield conclude(self, faults, sentence="", measured=0)
            return
        scheduled = "" if self.schedule is None else " A message was scheduled and canceled."
        yield conclude(
            self,
            faults,
            sentence=delivery.sentence + scheduled,
            measured=delivery.measured + (self.schedule is not None),
            facts=delivery.facts,
        )

    def _account_faults(self, status: str) -> Iterator[Fault]:
        if status != "active":
            yield Fault(
                rule="account",
                severity=Status.FAIL,
                sentence=f"The Twilio account is {status}.",
                expected="active",
                observed=status,
            )


def _no_answer(world: World, error: ServiceError) -> Fault:
    return Fault(
        rule="credentials" if error.is_denied else "unanswered",
        severity=Status.ERROR,
        sentence="" if error.is_denied else "Twilio could not be asked.",
        expected="an answer of Twilio's API",
        observed=evidence(world, error.sentence),
        transient=not error.is_denied,
        wait_seconds=error.wait_seconds,
    )
