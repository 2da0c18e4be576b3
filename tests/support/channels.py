"""One example of every channel, as a user would configure it, pointed at a receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.channels.console import Console
from ci_ops.channels.slack import Slack
from ci_ops.channels.webhook import Webhook
from ci_ops.core.text.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.plugin import Channel

SECRET_PATH = "/services/T0001SECRET/B0001SECRET/abcdefgh12345678"
"""Every part of it is a credential."""
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SIGNING_SECRET = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
CREDENTIALS = (
    "T0001SECRET",
    "B0001SECRET",
    "abcdefgh12345678",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "b2xkb2xk",
)
"""What must be seen nowhere."""

EXAMPLES: dict[str, Callable[[str, float], Channel]] = {
    "slack": lambda url, timeout: Slack(webhook_url=Secret(url), timeout=timeout),
    "webhook": lambda url, timeout: Webhook(
        url=Secret(url), secrets=(Secret(SIGNING_SECRET), Secret(OLD_SIGNING_SECRET)), timeout=timeout
    ),
}
"""Channels that send over HTTP: from the receiver's address and the time for one try."""
LOCAL: dict[str, Callable[[], Channel]] = {"console": Console}
"""Channels that reach nobody outside."""
