"""Posts to a Slack channel through an incoming webhook.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
The payload is Block Kit, built as data. Links are text, not buttons: a click on
a button of an app without an interactivity address shows a warning to the
reader. A message that Slack took but whose answer was lost is posted again: at
least once, not at most once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ci_ops.channels._post import body_words, check_address, post
from ci_ops.core.fields import Duration, Secret
from ci_ops.core.health.status import Status
from ci_ops.core.message import Link, Message, Undeliverable
from ci_ops.core.plugin import Channel
from ci_ops.core.text.json_document import parse_json
from ci_ops.core.text.lines import one_line

if TYPE_CHECKING:
    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World

HEADER_CHARACTERS = 150
"""Source: https://docs.slack.dev/reference/block-kit/blocks/header-block"""
SECTION_CHARACTERS = 3000
MAX_FIELDS = 10
"""Source: https://docs.slack.dev/reference/block-kit/blocks/section-block"""
FIELD_CHARACTERS = 500
"""Slack takes 2,000, but all blocks together only about 13,200 characters (slackapi/bolt-js issue 2509)."""
LABEL_CHARACTERS = 80
MAX_LINKS = 10
FALLBACK_CHARACTERS = 4000
"""Source: https://docs.slack.dev/reference/methods/chat.postMessage (text, recommended length)"""

_ADDRESS = re.compile(
    r"https://hooks\.slack(?:-gov)?\.com/\S+|https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?/services/\S+",
    re.IGNORECASE,
)
_LOOKS = {
    Status.PASS: ("✅", "good"),
    Status.WARN: ("⚠️", "warning"),
    Status.SKIP: ("⏭️", "warning"),
    Status.FAIL: ("❌", "danger"),
    Status.ERROR: ("❌", "danger"),
}
_STARTED = ("⏳", "#439fe0")
_ADVICE = {
    "action_prohibited": "an administrator of the workspace restricts posting to this channel",
    "channel_is_archived": "unarchive the channel, or make a webhook for another one",
    "channel_not_found": "the channel is gone; make a webhook for another one",
    "invalid_token": "the webhook was revoked; make a new one and store its address",
    "no_active_hooks": "the webhook was disabled; make a new one and store its address",
    "no_service": "the webhook was removed or disabled; make a new one and store its address",
    "no_team": "the workspace is gone, or the address is mistyped",
    "team_disabled": "the workspace is disabled",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Slack(Channel):
    """Posts to a Slack channel through an incoming webhook."""

    webhook_url: Secret
    """`https://hooks.slack.com/services/…`; any other server that speaks the same is fine."""
    timeout: Duration = 5.0
    """For one try."""

    def __post_init__(self) -> None:
        check_address("webhook-url", self.webhook_url)

    def send(self, message: Message, world: World) -> str:
        """Post the message; Slack's webhooks return no reference."""
        try:
            answer = post(
                world, self.webhook_url, payload(message), place="Slack", timeout_seconds=self.timeout
            )
        except Undeliverable as failure:
            raise _advised(failure) from None
        if not _was_taken(answer):
            refusal = body_words(answer, self.webhook_url)
            raise Undeliverable(
                f"Slack answered {answer.status} but not `ok`{refusal}; is it a webhook's address?",
                retry=False,
            )
        return ""

    @classmethod
    def recognise(cls, address: str) -> Self | None:
        """Recognise Slack's webhook hosts; on this machine any URL whose path starts with /services/."""
        return cls(webhook_url=Secret(address)) if _ADDRESS.fullmatch(address) else None


def payload(message: Message) -> dict[str, Any]:
    """Return the request body in Block Kit: a header, and the rest beside a coloured bar."""
    emoji, colour = _STARTED if message.event.endswith(".started") else _LOOKS[message.severity]
    title = f"{emoji} {message.title}"
    details = _details(message)
    return {
        "text": mrkdwn(" — ".join([title, *message.lines[:1]]), FALLBACK_CHARACTERS),
        "blocks": [{"type": "header", "text": _plain(title, HEADER_CHARACTERS)}],
        "attachments": [{"color": colour, "blocks": details}] if details else [],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _details(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if message.lines:
        blocks.append({"type": "section", "text": _text(_joined(message.lines))})
    if message.facts:
        fields = [_text(_fact(label, value)) for label, value in message.facts[:MAX_FIELDS]]
        blocks.append({"type": "section", "fields": fields})
    if message.links:
        blocks.append({"type": "section", "text": _text(_links(message.links))})
    return blocks


def _joined(lines: tuple[str, ...]) -> str:
    """Return the lines that fit into one section, and the number of those that did not."""
    parts: list[str] = []
    room = SECTION_CHARACTERS - len("… and 1000000 more lines")
    for line in lines:
        text = mrkdwn(line, room)
        if len(parts) + 1 < len(lines) and len(text) + 1 >= room:
            break
        parts.append(text)
        room -= len(text) + 1
    left_out = len(lines) - len(parts)
    return "\n".join([*parts, f"… and {left_out} more lines"] if left_out else parts)


def _fact(label: str, value: str) -> str:
    head = f"*{mrkdwn(label, LABEL_CHARACTERS)}*\n"
    return head + mrkdwn(value, FIELD_CHARACTERS - len(head))


def _links(links: tuple[Link, ...]) -> str:
    """Return the links in one section, without URLs that are too long to show."""
    parts: list[str] = []
    room = SECTION_CHARACTERS - MAX_LINKS * (LABEL_CHARACTERS + len(" (address too long to show) · "))
    for link in links[:MAX_LINKS]:
        label = mrkdwn(link.label, LABEL_CHARACTERS).replace("|", "/")
        text = f"<{_address(link.url)}|{label}>"
        parts.append(text if len(text) <= room else f"{label} (address too long to show)")
        room -= len(text) if len(text) <= room else 0
    return " · ".join(parts)


def _address(url: str) -> str:
    """Return the URL with every character encoded that could end it or its link."""
    return escape(url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E").replace(" ", "%20"))


def mrkdwn(text: str, limit: int) -> str:
    """Return the text on one line, escaped and visibly truncated, never inside an entity."""
    escaped = escape(one_line(text))
    if len(escaped) <= limit:
        return escaped
    head = escaped[: limit - 1]
    start = head.rfind("&")
    return f"{head[:start] if start > head.rfind(';') else head}…"


def escape(text: str) -> str:
    """Return the text with the three characters of Slack's markup as entities.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str) -> dict[str, Any]:
    """Return a text object in which Slack turns nothing into a link or a mention by itself."""
    return {"type": "mrkdwn", "text": text or " ", "verbatim": True}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": mrkdwn(text, limit) or " ", "emoji": False}


def _was_taken(answer: Response) -> bool:
    text = answer.text.strip()
    if text == "ok":
        return True
    try:
        document = parse_json(text)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("ok") is True


def _advised(failure: Undeliverable) -> Undeliverable:
    advice = _ADVICE.get(failure.sentence.rpartition(": ")[2], "")
    return Undeliverable(
        f"{failure.sentence} ({advice})" if advice else failure.sentence,
        retry=failure.retry,
        after_seconds=failure.after_seconds,
    )
