"""What the test module of a channel shows as its `EXAMPLE`, pointed at a receiver."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.channels._dispatch import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ci_ops.core.plugin import Channel

SECRET_PATH = "/services/T0001SECRET/B0001SECRET/abcdefgh12345678"
"""Of the receiver's address; every part of it is a credential."""


@dataclass(frozen=True, kw_only=True)
class ChannelExample:
    """A channel as a user would configure it."""

    make: Callable[[str, float], Channel]
    """From the receiver's address and the seconds for one try."""
    escape: Callable[[str], str] = str
    """The channel's own escaping of a short text."""
    uses_http: bool = True
    """False for a channel that writes to this process's output."""


def credentials_of(channel: Channel) -> list[str]:
    """Return the parts of the channel's secrets that no output may show."""
    return [part for secret in secrets_of(channel) for part in re.findall(r"[A-Za-z0-9]{9,}", secret)]


def texts_of(body: str) -> str:
    """Return every text of a JSON document, one below the other; any other body as it is."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    return "\n".join(_texts(document))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
