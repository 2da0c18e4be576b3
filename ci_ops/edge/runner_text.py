"""The syntax of the GitHub runner's commands and files, with its escaping.

How text is written so that it stays text.
"""

from __future__ import annotations

import re
import secrets

from ci_ops.core.text.lines import one_line, without_invisible

MAX_SUMMARY_BYTES = 1 << 20
"""Source: GitHub's limit for a step summary; a longer one is dropped whole."""
MAX_OUTPUT_BYTES = 64 * 1024
"""An output travels on in one environment variable (Linux: 128 KiB) and, with all
others of its job, within 1 MB of UTF-16. Source: GitHub Docs, usage limits of outputs."""
MAX_MESSAGE_UNITS = 4096
"""UTF-16 units of one annotation. Source: actions/runner ExecutionContext.cs."""
CUT = (
    "\n> **Cut here:** the rest is longer than the 1 MiB that GitHub shows. The report file has all of it.\n"
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LINE_END = re.compile(r"\r\n?")
_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"
)
"""Colours and movements (CSI); window titles and other strings (OSC, DCS, SOS, PM, APC). Source: ECMA-48, 5.4, 8.3."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_FENCE = re.compile(r"^ {0,3}(`{3,64}|~{3,64})(.*)$")


def encoded(text: str) -> bytes:
    """Return the text in UTF-8; a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace")


def escape_data(text: str) -> str:
    """Return the message of a workflow command on one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return the escaped value of a workflow command's property."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def command(name: str, message: str = "", **properties: str) -> str:
    """Return one workflow command for the runner; empty properties are left out.

    Source: actions/runner ActionCommand.cs. A property's value may begin
    neither with a blank nor with an equals sign: the runner's parser eats them.
    """
    texts = {key: one_line(value).lstrip("= ") for key, value in properties.items()}
    listed = ",".join(f"{key}={escape_property(value)}" for key, value in texts.items() if value)
    head = f"{name} {listed}" if listed else name
    return f"::{head}::{escape_data(encoded(message).decode())}\n"


def cut_message(message: str) -> str:
    """Return the message within the runner's limit, with a mark where it was cut."""
    if len(message.encode("utf-16-le", "replace")) <= 2 * MAX_MESSAGE_UNITS:
        return message
    head = message.encode("utf-16-le", "replace")[: 2 * (MAX_MESSAGE_UNITS - 8)]
    return head.decode("utf-16-le", "ignore") + " … (cut)"


def output_entry(name: str, value: str) -> str:
    r"""Return one entry of an output file, whatever the value contains.

    Line ends become `\n`: a runner on Linux would keep a `\r`, one on Windows
    would drop some. Raises ValueError for a name that the file cannot carry.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of an output")
    value = _cut_output(_LINE_END.sub("\n", encoded(value).decode()))
    delimiter = fresh_token(value)
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _cut_output(value: str) -> str:
    raw = value.encode()
    if len(raw) <= MAX_OUTPUT_BYTES:
        return value
    return raw[: MAX_OUTPUT_BYTES - 16].decode("utf-8", "ignore") + " … (cut)"


def fresh_token(text: str) -> str:
    """Return 128 random bits as text that does not occur in the given text."""
    while (token := f"ci-ops-{secrets.token_hex(16)}") in text:
        continue  # pragma: no cover - one chance in 2^128
    return token


def inert(text: str) -> str:
    """Return lines without control sequences for terminals and without `##[…]` commands.

    Colours, window titles and direction marks are dropped.

    Source: actions/runner ActionCommand.cs: `##[name]` counts anywhere in a line.
    """
    text = _TERMINAL_SEQUENCE.sub("", _LINE_END.sub("\n", without_invisible(encoded(text).decode())))
    return _CONTROLS.sub("\ufffd", text).replace("##[", "## [")


def fit_summary(markdown: str, room_bytes: int) -> bytes:
    """Return the summary in at most that many bytes, cut at a line end with a notice.

    An open code fence is closed before the notice. Empty when not even the
    notice has room.
    """
    raw = encoded(markdown)
    if len(raw) <= room_bytes:
        return raw
    head = _whole_lines(raw, room_bytes - len(encoded(CUT)) - 66)
    ending = encoded(_closing_fence(head.decode()) + CUT)
    return head + ending if len(head) + len(ending) <= room_bytes else b""


def _whole_lines(raw: bytes, room_bytes: int) -> bytes:
    """Return as many whole lines as fit, or the beginning of the first one."""
    head = raw[: max(0, room_bytes)]
    if (end := head.rfind(b"\n")) >= 0:
        return head[: end + 1]
    return encoded(head.decode("utf-8", "ignore") + "\n") if head else b""


def _closing_fence(markdown: str) -> str:
    """Return the line that closes the open code fence; empty for none."""
    opened = ""
    for line in markdown.split("\n"):
        match = _FENCE.match(line)
        if match is None:
            continue
        fence, rest = match.groups()
        if not opened:
            opened = fence
        elif fence[0] == opened[0] and len(fence) >= len(opened) and not rest.strip():
            opened = ""
    return f"{opened}\n" if opened else ""
