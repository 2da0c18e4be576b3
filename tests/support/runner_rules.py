"""The GitHub runner's own rules, written again from its source for the tests.

Source: actions/runner ActionCommand.cs, ActionCommandManager.cs,
FileCommandManager.cs, ExecutionContext.cs (Linux behaviour).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

REGISTERED = {
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
}
ISSUES = {"error", "warning", "notice"}
MAX_PER_KIND = 10
MAX_MESSAGE_UNITS = 4096
MAX_SUMMARY_BYTES = 1024 * 1024


class StepFails(Exception):
    """The runner would fail the step over what it read in a file."""


def _read_line(text: str, index: int) -> tuple[str | None, int, bool]:
    """The next line, the index behind it, and whether it had a line end."""
    if index >= len(text):
        return None, index, False
    end = text.find("\n", index)
    if end < 0:
        return text[index:], len(text), False
    return text[index:end], end + 1, True


def parse_file(content: bytes) -> dict[str, str]:
    """What a file of outputs or variables sets; raises StepFails as the runner does."""
    text = content.decode("utf-8")
    values: dict[str, str] = {}
    line, index, _ = _read_line(text, 0)
    while line is not None:
        if line:
            name, value, index = _parse_entry(text, line, index)
            values[name] = value
        line, index, _ = _read_line(text, index)
    return values


def _parse_entry(text: str, line: str, index: int) -> tuple[str, str, int]:
    equals, heredoc = line.find("="), line.find("<<")
    if equals >= 0 and (heredoc < 0 or equals < heredoc):
        name, _, value = line.partition("=")
        return name, value, index
    if heredoc < 0:
        raise StepFails(f"Invalid format '{line}'")
    name, _, delimiter = line.partition("<<")
    if not name or not delimiter:
        raise StepFails(f"Invalid format '{line}'")
    start = end = index
    current, index, ended = _read_line(text, index)
    while current != delimiter:
        if current is None or not ended:
            raise StepFails(f"Matching delimiter not found '{delimiter}'")
        end = index - 1
        current, index, ended = _read_line(text, index)
    return name, text[start:end] if end > start else "", index


@dataclass
class Command:
    """One command as the runner understood it."""

    name: str
    properties: dict[str, str]
    data: str


def _unescape(text: str, table: tuple[tuple[str, str], ...]) -> str:
    for replacement, token in table:
        text = text.replace(replacement, token)
    return text


_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_LEGACY = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))


def _properties(text: str, separator: str, table: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found = {}
    for pair in filter(None, text.split(separator)):
        name, equals, value = pair.lstrip("=").partition("=")
        value = value.lstrip("=")  # .NET's Split with RemoveEmptyEntries
        if equals and name and value:
            found[name] = _unescape(value, table)
    return found


def parse_command(line: str, registered: set[str]) -> Command | None:
    """The command in a line of output: `::name …::data`, else `##[name …]data` anywhere in it."""
    trimmed = line.lstrip()
    if trimmed.startswith("::") and (end := trimmed.find("::", 2)) >= 0:
        name, _, rest = trimmed[2:end].partition(" ")
        if name in registered:
            properties = _properties(rest.strip(), ",", _PROPERTY)
            return Command(name, properties, _unescape(trimmed[end + 2 :], _DATA))
    start = line.find("##[")
    if start >= 0 and (end := line.find("]", start)) >= 0:
        name, _, rest = line[start + 3 : end].partition(" ")
        if name in registered:
            return Command(name, _properties(rest, ";", _LEGACY), _unescape(line[end + 1 :], _LEGACY))
    return None


@dataclass
class Log:
    """What the runner made of a step's output."""

    commands: list[Command] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """The lines that were plain text, masked."""
    masks: list[str] = field(default_factory=list)

    def annotations(self, kind: str) -> list[Command]:
        """The annotations of a kind that the runner keeps, cut as it cuts them."""
        return [each for each in self.commands if each.name == kind][:MAX_PER_KIND]

    def hides(self, text: str) -> bool:
        """True when nothing of the text would be readable in the log."""
        return any(mask in text for mask in self.masks)


def read_log(text: str) -> Log:
    """Read a step's output as the runner does, line by line."""
    log, registered, stop_token = Log(), set(REGISTERED), ""
    lines = re.split(r"\r\n|\r|\n", text)
    for line in lines if lines[-1] else lines[:-1]:
        found = parse_command(line, registered)
        if stop_token:
            if found is not None and found.name.casefold() == stop_token.casefold():
                registered.discard(stop_token)
                stop_token = ""
            else:
                log.shown.append(_masked(line, log.masks))
        elif found is None:
            log.shown.append(_masked(line, log.masks))
        elif found.name == "stop-commands":
            stop_token = found.data
            registered.add(stop_token)
        else:
            log.commands.append(found)
            if found.name == "add-mask":
                log.masks.extend(part for part in re.split(r"[\r\n]", found.data) if part)
    if stop_token:
        raise StepFails("commands were stopped and never resumed")
    return log


def _masked(line: str, masks: list[str]) -> str:
    for mask in sorted(masks, key=len, reverse=True):
        line = line.replace(mask, "***")
    return line


def summary_is_kept(content: bytes) -> bool:
    """False when the runner drops the whole summary."""
    return len(content) <= MAX_SUMMARY_BYTES
