"""Whether webhooks are accepted from their sender alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.compare import gate_fault
from ci_ops.checks._http.expect import NO_ANSWER_RULES, Expectation
from ci_ops.checks._http.refusal import BLOCKED, is_limit, refused, refused_fault
from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.checks.webhook_auth.attempts import Attempt, forgeries, genuine
from ci_ops.checks.webhook_auth.senders import SENDERS, Sender, SenderName, twilio_sender
from ci_ops.core.fields import Secret
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.signed_message import signing_key
from ci_ops.core.text.weburl import at_path, safe_url, without_user_info

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

_EVERY_STATUS_BUT_429 = Expectation(status=tuple(status for status in range(200, 600) if status != 429))
_NO_ENDPOINT = frozenset({404, 405, 410, 501})
_PLAIN_PATH = re.compile(r"(?!.*//)(?!.*/\.{1,2}(?:/|$|\?))/[^%?#\s]*(?:\?[^%#\s]+)?")
_USUAL_REASONS = (
    "An endpoint that refuses its sender has one of three reasons in most cases: the scheme (TLS ends at a proxy whose "
    "`X-Forwarded-Proto` the application does not use), the Host (the proxy does not hand it on), or a path that the "
    "framework has decoded or a proxy has rewritten before the signature is compared. Else compare the secret."
)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One endpoint for webhooks."""

    sender: SenderName
    """Whose signature it expects; `twilio` is for form parameters, `twilio-json` for JSON bodies."""
    secret: Secret | None = None
    """What the sender signs with, such as `${TWILIO_AUTH_TOKEN}`; without it two forgeries are tried instead of all."""
    send_signed: bool = False
    """Send one correctly signed, harmless message too: without it nothing shows that the endpoint accepts any."""
    key_id: str = ""
    """Id of Twilio's shared key, such as `webhooks_sharedkey_1`: then the signature is made with SHA-256."""
    body: str = ""
    """Body of the requests, such as `ssl_check=1`, where the harmless one of ci-ops does not fit."""
    refusals: tuple[int, ...] = (401, 403)
    """HTTP statuses that refuse a request, such as `400`."""

    def __post_init__(self) -> None:
        if self.key_id and not self.sender.startswith("twilio"):
            raise ValueError("key-id: only Twilio has shared keys")
        if not self.refusals or not all(400 <= status <= 499 for status in self.refusals):
            raise ValueError("refusals: name at least one status from 400 to 499")
        if self.sender == "standard-webhooks" and self.secret:
            try:
                signing_key(self.secret.reveal())
            except ValueError as error:
                raise ValueError(f"`secret`: {error}") from None

    @property
    def how(self) -> Sender:
        """How its sender signs."""
        if self.key_id:
            return twilio_sender(is_json=self.sender == "twilio-json", key_id=self.key_id)
        return SENDERS[self.sender]


@dataclass(frozen=True, kw_only=True)
class WebhookAuth(HttpCheck):
    """Endpoints for webhooks refuse forgeries and accept their sender.

    Each endpoint is sent an unsigned request and one signed with another key;
    with the secret also one whose body was changed, one that was signed for
    another address (Twilio), and one that was signed an hour ago (Stripe, Slack,
    Standard Webhooks). All have to be refused. Only `send-signed` shows that
    the endpoint accepts its sender: one that refuses everything would be
    broken, and is inconclusive. The messages are harmless, and redirects are
    not followed.

    Source: twilio.com/docs/usage/webhooks/webhooks-security,
    docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries,
    docs.stripe.com/webhooks/signature,
    docs.slack.dev/authentication/verifying-requests-from-slack, standardwebhooks.com.
    """

    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        "accepts-forgery": Rule(
            sentence="Critical: the endpoint accepts a request that its sender did not sign.",
            advice="Compare the signature before anything else is done, over the raw body and, for Twilio, the public "
            "address; refuse with 403. Until then anyone can send events.",
        ),
        "crashes": Rule(
            sentence="The endpoint fails instead of refusing or accepting a request.",
            advice="Treat a signature that is missing or malformed as a wrong one, and answer 401 or 403; "
            "the service's log has the exception.",
        ),
        "other-status": Rule(
            sentence="The endpoint refuses a forgery with another status.",
            advice="Answer 401 or 403; where another status is meant, name it in `refusals`.",
        ),
        "not-found": Rule(
            sentence="There is no endpoint for webhooks at this path, so none was tried.",
            advice="Name the path that the sender is configured with, in `paths`.",
        ),
        "refuses-all": Rule(
            sentence="The endpoint refuses correctly signed requests too, so its check says nothing.",
            advice=_USUAL_REASONS,
        ),
        "one-sided": Rule(
            sentence="Only refusals were tried: nothing shows that the endpoint accepts its sender.",
            advice="Give the `secret` and set `send-signed: true`; the message that is then sent is harmless.",
        ),
    }

    paths: Mapping[str, Webhook]
    """Path to its sender: `{/webhooks/sms: {sender: twilio, secret: "${TWILIO_AUTH_TOKEN}"}}`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.paths:
            raise ValueError("paths: name at least one")
        for path in self.paths:
            if not _PLAIN_PATH.fullmatch(path):
                raise ValueError(
                    "paths: a path starts with one slash, without `%`, dot segments or an empty query: "
                    "proxies and frameworks change those, and the signature with them"
                )

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Try every endpoint."""
        question = replace(self.question(subject, world), busts_caches=False, fresh=False)
        faults: list[Fault] = []
        measured, proven = 0, 0
        statuses: dict[str, dict[str, int]] = {}
        for path, webhook in self.paths.items():
            endpoint = _Endpoint(world, question, at_path(parts, path), webhook)
            faults += endpoint.faults()
            measured += len(endpoint.statuses)
            proven += endpoint.is_proven
            statuses[path.partition("?")[0]] = endpoint.statuses
        many = f"All {len(self.paths)} endpoints" if len(self.paths) > 1 else next(iter(statuses))
        verbs = (
            "refuse forgeries and accept their"
            if len(self.paths) > 1
            else "refuses forgeries and accepts its"
        )
        return conclude(
            self,
            faults,
            sentence=f"{many} {verbs} sender.",
            measured=measured,
            facts={"endpoints": len(self.paths), "proven": proven, "answers": statuses},
        )


class _Endpoint:
    """One endpoint, and what it answered."""

    def __init__(self, world: World, question: Question, url: str, webhook: Webhook) -> None:
        self._world = world
        self._question = question
        self._url = url
        self._webhook = webhook
        self._name = safe_url(url)
        self.statuses: dict[str, int] = {}
        """Title of each attempt that was answered, and the status."""
        self.is_proven = False
        """True when it accepted a correctly signed request."""

    def faults(self) -> list[Fault]:
        """Send the forgeries, then the genuine message, and return what is wrong with the answers."""
        webhook, how = self._webhook, self._webhook.how
        body = webhook.body.encode() or how.body
        signed_url = without_user_info(self._url)
        now = int(self._world.clock.now().timestamp())
        secret = webhook.secret.reveal() if webhook.secret else ""
        found: list[Fault] = []
        for attempt in forgeries(how, signed_url, body, secret=secret, now=now):
            found += self._judged(attempt)
            if attempt.title not in self.statuses or any(fault.rule == "not-found" for fault in found):
                return found
        if webhook.send_signed and secret:
            found += self._judged(genuine(how, signed_url, body, secret=secret, now=now))
        elif not found:
            why = ", because there is no `secret` to sign with" if webhook.send_signed else ""
            sentence = f"{self._name} refuses forgeries; that it accepts {how.title} was not tried{why}."
            found.append(Fault(rule="one-sided", severity=Status.WARN, sentence=sentence, subject=self._name))
        return found

    def _judged(self, attempt: Attempt) -> Iterator[Fault]:
        answer = self._ask(attempt)
        if isinstance(answer, HttpError):
            yield unanswered(self._world, answer, subject=self._name)
            return
        gate = gate_fault(self._world, answer, self._name)
        if gate is not None:
            yield gate
        elif answer.status == 403 and is_limit(self._world, answer):
            error = refused(BLOCKED, answer, self._world, is_signed=False)
            yield refused_fault(error, subject=self._name, where="")
        else:
            self.statuses[attempt.title] = answer.status
            yield from self._faults_of(attempt, answer)

    def _ask(self, attempt: Attempt) -> Response | HttpError:
        headers = {
            **self._question.headers,
            **{name: Secret(value) for name, value in attempt.headers.items()},
        }
        question = replace(self._question, method="POST", body=attempt.body, headers=headers)
        netloc = urlsplit(self._url).netloc  # with the user info, which is not signed
        return question.ask(urlsplit(attempt.url)._replace(netloc=netloc).geturl(), _EVERY_STATUS_BUT_429)

    def _faults_of(self, attempt: Attempt, answer: Response) -> Iterator[Fault]:
        status, is_accepted = answer.status, 200 <= answer.status <= 299
        if status >= 500 and status not in _NO_ENDPOINT:
            yield self._fault("crashes", Status.FAIL, f"answers {status} to {attempt.title}", answer)
        elif status in _NO_ENDPOINT and status not in self._webhook.refusals:
            yield self._fault("not-found", Status.ERROR, f"answers {status} to {attempt.title}", answer)
        elif attempt.is_genuine:
            self.is_proven = is_accepted
            if not is_accepted:
                yield self._fault("refuses-all", Status.ERROR, f"answers {status} to {attempt.title}", answer)
        elif is_accepted:
            yield self._fault("accepts-forgery", Status.FAIL, f"accepts {attempt.title}", answer)
        elif status not in self._webhook.refusals:
            yield self._fault("other-status", Status.FAIL, f"answers {status} to {attempt.title}", answer)

    def _fault(self, rule: str, severity: Status, words: str, answer: Response) -> Fault:
        statuses = " or ".join(map(str, self._webhook.refusals))
        critical = "Critical: " if rule == "accepts-forgery" else ""
        said = evidence(self._world, answer.text, 160)
        return Fault(
            rule=rule,
            severity=severity,
            sentence=f"{critical}{self._name} {words}.",
            expected="2xx" if rule == "refuses-all" else statuses,
            observed=f"{answer.status}: {said}" if said else str(answer.status),
            subject=f"{self._name} {words}",
            transient=rule in {"crashes", "not-found"},
        )
