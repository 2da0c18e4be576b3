"""Request ids and trace context, in and out.

Spans are not made here: a `traceparent` is read, put on every line and passed
on as it came, so that a trace stays whole. None is invented for other
services: its flags would decide for them whether they record anything.

Source: W3C Trace Context, sections 3.2 (traceparent) and 3.3 (tracestate).
"""

from __future__ import annotations

import random
import re

from ci_ops.service._process.forks import tell_after_fork
from ci_ops.service.logs.context import Frame, frame

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:+/=@-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.{0,200})?")
_TRACE_STATE = re.compile(r"[\x20-\x7e\t]{1,512}")
_NO_TRACE = "0" * 32
_NO_PARENT = "0" * 16


def trace_id_of(traceparent: str) -> str:
    """Return the trace id in a traceparent; empty when it is not valid."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return ""
    version, trace_id, parent_id, rest = found.groups()
    is_known = version != "ff" and (version != "00" or rest is None)
    return trace_id if is_known and trace_id != _NO_TRACE and parent_id != _NO_PARENT else ""


def valid_request_id(text: str) -> str:
    """Return the request id that a client sent; empty when it is too long or has odd characters."""
    return text if _REQUEST_ID.fullmatch(text) else ""


class _Ids:
    """Random numbers for names, not for secrets: half the time of asking the system for each."""

    def __init__(self) -> None:
        self.after_fork()
        tell_after_fork(self)

    def after_fork(self) -> None:
        """Begin a sequence of its own, from the system's randomness."""
        self.next_bits = random.Random().getrandbits  # noqa: S311 - see the class


ids = _Ids()


def new_request_id() -> str:
    """Return 32 random hexadecimal digits: unique, but no secret."""
    return ids.next_bits(128).to_bytes(16, "big").hex()


def request_frame(*, request_id: str = "", traceparent: str = "", tracestate: str = "") -> Frame:
    """Return the lowest frame of a request, from its headers.

    Its id is the one that was sent, else that of the trace, else a new one.
    """
    trace_id = trace_id_of(traceparent) if traceparent else ""
    request_id = (valid_request_id(request_id) if request_id else "") or trace_id or new_request_id()
    made = Frame({"request_id": request_id})
    if trace_id:
        made.fields["trace_id"] = trace_id
        has_state = _TRACE_STATE.fullmatch(tracestate) is not None
        made.carried = {"traceparent": traceparent, **({"tracestate": tracestate} if has_state else {})}
    return made


def outgoing_headers() -> dict[str, str]:
    """Return headers for calls to other services, so that they log the same ids; none outside of requests."""
    top = frame.get()
    if top is None:
        return {}
    request_id = top.fields.get("request_id")
    return {**top.carried, "x-request-id": str(request_id)} if request_id else dict(top.carried)
