"""A server that speaks Twilio's API for messages, as its published document says: accounts, messages, schedules.

Source: twilio-oai, spec/json/twilio_api_v2010.json.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.support.reports import NOW
from tests.support.web import Asked, Reply

ACCOUNT, TOKEN = "AC" + "1" * 32, "token-of-the-account"
ROOT = f"/2010-04-01/Accounts/{ACCOUNT}"


@dataclass
class TwilioServer:
    """Handler for `serving`: one account, its messages, and what goes wrong."""

    status: str = "active"
    messages: list[dict[str, Any]] = field(default_factory=list)
    accepts: tuple[str, str] = (ACCOUNT, TOKEN)
    created_status: str = "scheduled"
    canceled_status: str = "canceled"
    refusal: Reply | None = None
    """Answer to every request instead."""
    schedule_error: int = 0
    """Error code with which a schedule is refused."""
    created: list[dict[str, str]] = field(default_factory=list)
    """Parameters of every message that was created."""
    canceled: list[str] = field(default_factory=list)

    def add(
        self,
        status: str,
        count: int = 1,
        *,
        minutes_ago: float = 5.0,
        error_code: int | None = None,
        direction: str = "outbound-api",
    ) -> None:
        """Add messages of that status."""
        at = NOW - timedelta(minutes=minutes_ago)
        for _ in range(count):
            sid = f"SM{len(self.messages):032d}"
            self.messages.append(_message(sid, status, at, error_code=error_code, direction=direction))

    def __call__(self, asked: Asked) -> Reply:
        """Answer one request."""
        if self.refusal is not None:
            return self.refusal
        given = asked.headers.get("authorization", "").removeprefix("Basic ")
        if given != base64.b64encode(":".join(self.accepts).encode()).decode():
            return _error(401, 20003, "Authenticate")
        route = (asked.method, asked.path)
        if route == ("GET", f"{ROOT}.json"):
            return _json({"sid": ACCOUNT, "status": self.status, "friendly_name": "shop", "type": "Full"})
        if route == ("GET", f"{ROOT}/Messages.json"):
            return self._page(asked.target)
        if route == ("POST", f"{ROOT}/Messages.json"):
            return self._create(dict(parse_qsl(asked.body.decode())))
        if asked.method == "POST" and asked.path.startswith(f"{ROOT}/Messages/"):
            return self._cancel(asked.path, dict(parse_qsl(asked.body.decode())))
        return _error(404, 20404, f"The requested resource {asked.path} was not found")

    def _page(self, target: str) -> Reply:
        query = parse_qs(urlsplit(target).query)
        size, page = int(query.get("PageSize", ["50"])[0]), int(query.get("Page", ["0"])[0])
        newest = sorted(self.messages, key=lambda each: each["at"], reverse=True)
        listed = newest[page * size : (page + 1) * size]
        more = len(newest) > (page + 1) * size
        following = f"{ROOT}/Messages.json?PageSize={size}&Page={page + 1}&PageToken=PA{page}"
        return _json(
            {
                "messages": [{key: value for key, value in each.items() if key != "at"} for each in listed],
                "page": page,
                "page_size": size,
                "next_page_uri": following if more else None,
                "first_page_uri": "",
                "previous_page_uri": None,
                "uri": target,
                "start": 0,
                "end": len(listed),
            }
        )

    def _create(self, given: dict[str, str]) -> Reply:
        self.created.append(given)
        if "MessagingServiceSid" not in given:
            return _error(400, 35111, "MessagingServiceSid is required to schedule a message")
        if self.schedule_error:
            return _error(400, self.schedule_error, "The message cannot be scheduled")
        lead = datetime.fromisoformat(given["SendAt"]) - NOW
        if not timedelta(seconds=300) < lead <= timedelta(days=35):
            return _error(400, 35115, "SendAt is outside of the allowed window")
        return _json(_message(f"SM{'a' * 32}", self.created_status, NOW), 201)

    def _cancel(self, path: str, given: dict[str, str]) -> Reply:
        if given != {"Status": "canceled"}:
            return _error(400, 20001, "Invalid Status")
        self.canceled.append(path.rpartition("/")[2].removesuffix(".json"))
        return _json(_message(f"SM{'a' * 32}", self.canceled_status, NOW))


def _message(
    sid: str, status: str, at: datetime, *, error_code: int | None = None, direction: str = "outbound-api"
) -> dict[str, Any]:
    was_sent = status not in {"queued", "accepted", "scheduled"}
    return {
        "sid": sid,
        "account_sid": ACCOUNT,
        "status": status,
        "direction": direction,
        "date_created": format_datetime(at),
        "date_sent": format_datetime(at) if was_sent else None,
        "date_updated": format_datetime(at),
        "error_code": error_code,
        "error_message": None,
        "to": "+15558675310",
        "from": "+15017122661",
        "body": "your order 4711 was shipped",
        "messaging_service_sid": None,
        "num_segments": "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "api_version": "2010-04-01",
        "uri": f"{ROOT}/Messages/{sid}.json",
        "subresource_uris": {},
        "at": at.isoformat(),
    }


def _json(document: Any, status: int = 200) -> Reply:
    return Reply(
        status=status, body=json.dumps(document).encode(), headers={"Content-Type": "application/json"}
    )


def _error(status: int, code: int, message: str) -> Reply:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return _json({"code": code, "message": message, "more_info": more, "status": status}, status)
