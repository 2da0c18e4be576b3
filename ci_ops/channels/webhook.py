"""Posts a signed JSON event to an HTTP address of your own.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
`webhook-id` stays the same however often an event is sent: receivers use it
to drop repetitions. Without a secret the event is sent unsigned.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ci_ops.channels._post import check_address, encoded, host_of, post
from ci_ops.core.fields import Duration, Secret
from ci_ops.core.message import Message, Undeliverable
from ci_ops.core.plugin import Channel
from ci_ops.core.text.signed_message import (
    ID_HEADER,
    SECRET_PREFIX,
    SIGNATURE_HEADER,
    TIME_HEADER,
    sign,
    signing_key,
)

if TYPE_CHECKING:
    from datetime import datetime

    from ci_ops.core.ports.world import World

SCHEMA = 1
"""Major version of the payload."""
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook(Channel):
    """Posts a signed JSON event to an HTTP address of your own."""

    is_general: ClassVar[bool] = True

    url: Secret
    """The address that receives each event; it may hold a token."""
    secrets: tuple[Secret, ...] = ()
    """`whsec_` and base64, as the receiver has them; while one is being replaced, the new and the old."""
    timeout: Duration = 5.0
    """For one try."""

    def __post_init__(self) -> None:
        check_address("url", self.url)

    def send(self, message: Message, world: World) -> str:
        """Post the event; the reference is its `webhook-id`."""
        now = world.clock.now()
        document = payload(message, at=now)
        reference = reference_of(message)
        headers = {ID_HEADER: reference, TIME_HEADER: str(int(now.timestamp()))}
        if self.secrets:
            headers[SIGNATURE_HEADER] = signatures(self.secrets, headers, encoded(document))
        place = f"the webhook at {host_of(self.url.reveal())}"
        post(world, self.url, document, place=place, timeout_seconds=self.timeout, headers=headers)
        return reference

    @classmethod
    def recognise(cls, address: str) -> Self | None:
        """Recognise any http or https URL that no more specific channel recognises."""
        return cls(url=Secret(address)) if _ADDRESS.fullmatch(address) and host_of(address) else None


def payload(message: Message, *, at: datetime) -> dict[str, Any]:
    """Return the published document, version `SCHEMA`; `at` replaces a missing time of the record."""
    record = message.record
    happened_at = (record.finished_at or record.started_at if record else None) or at
    return {
        "type": message.event,
        "timestamp": happened_at.isoformat(),
        "schema": SCHEMA,
        "data": {
            "id": message.event_id,
            "sequence": message.sequence,
            "severity": str(message.severity),
            "title": message.title,
            "lines": list(message.lines),
            "facts": [{"label": label, "value": value} for label, value in message.facts],
            "links": [{"label": link.label, "url": link.url} for link in message.links],
            "deployment": record.to_json() if record else None,
        },
    }


def reference_of(message: Message) -> str:
    """Return the event's `webhook-id`: the same for every try, without a full stop (signed format)."""
    return f"msg_{hashlib.sha256(message.event_id.encode('utf-8', 'replace')).hexdigest()[:32]}"


def signatures(secrets: tuple[Secret, ...], headers: dict[str, str], body: bytes) -> str:
    """Return one signature per secret, so that receivers can rotate theirs without losing an event."""
    message_id, timestamp = headers[ID_HEADER], headers[TIME_HEADER]
    return " ".join(
        sign(_key(secret), body, message_id=message_id, timestamp=timestamp) for secret in secrets
    )


def _key(secret: Secret) -> bytes:
    try:
        return signing_key(secret.reveal())
    except ValueError:
        raise Undeliverable(
            f"a webhook secret is not base64 after `{SECRET_PREFIX}`; make one with: openssl rand -base64 32",
            retry=False,
        ) from None
