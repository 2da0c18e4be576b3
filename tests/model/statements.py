"""Checks of the output of every run, whatever its command.

Each function yields contradictions between the output and the measured state. The rules are the promises
of ci-ops: it reports nothing that it did not measure; it reports as untouched what a failure did not
touch; exit code, status and reason always agree.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

from tests.model.episode import Episode

CODES = {
    "ok": 0,
    "warned": 0,
    "unchanged": 0,
    "delivery-failed": 0,
    "findings": 1,
    "invalid-usage": 2,
    "invalid-config": 2,
    "inconclusive": 3,
    "unreachable-baseline": 3,
    "held": 3,
    "nothing-measured": 4,
    "no-rollback-target": 4,
    "rolled-back": 5,
    "deploy-failed": 5,
    "rollback-failed": 6,
    "lock-held": 7,
    "interrupted": 130,
    "terminated": 143,
}
"""Exit codes by reason; for a reason that is not listed, the report's own exit code counts."""

_STATUS = {0: {"pass", "warn"}, 1: {"fail"}, 5: {"fail"}, 6: {"fail"}}
"""Statuses by exit code; every other code is an error."""

REFUSALS = {2, 3, 4, 7}
"""Exit codes of runs that changed nothing."""

_SIGNALLED = {129, 130, 143}
_LIVE = re.compile(r"\b([0-9a-f]{7}) is (?:already |still |now |again )?(?:live|serving|served)\b")
_BACK = re.compile(r"[Rr]olled back to ([0-9a-f]{7})\b")
_UNTOUCHED = re.compile(
    r"\b(?:nothing (?:was|has been) (?:changed|touched)|before any change|(?:is|was|stays) untouched)",
    re.IGNORECASE,
)
_PROVEN = re.compile(r"\b(?:and|is) (?:proven|verified)\b")
_RETURN = re.compile(r"previous release|release before|is whole|production is whole", re.IGNORECASE)
_TOUCHING = {
    "migrate",
    "switch",
    "switch-back",
    "reload",
    "restart",
    "run",
    "undo",
    "rollback",
    "stop",
    "start",
}
"""Keys of the steps that change the live release, or its database."""


def contradictions(episode: Episode) -> Iterator[str]:
    """Yield every statement of the run that contradicts the measured state."""
    if episode.outcome.code < 0:
        yield from _killed(episode)
        return
    yield from _form(episode)
    yield from _place(episode)
    yield from _change(episode)
    yield from _sentences(episode)
    yield from _records(episode)
    yield from _damage(episode)


def _killed(episode: Episode) -> Iterator[str]:
    """Yield a signal other than SIGKILL that ended a run after a change without exit code and report."""
    changed = episode.before.live != episode.after.live or episode.before.written != episode.after.written
    if episode.outcome.code != -signal.SIGKILL and changed:
        yield f"{signal.Signals(-episode.outcome.code).name} ended it without an exit code and a report"


def _form(episode: Episode) -> Iterator[str]:
    outcome = episode.outcome
    if outcome.code in {70, 99} or "Traceback" in outcome.err:
        yield f"internal error: exit {outcome.code}"
    if not outcome.report:
        if outcome.code not in REFUSALS | _SIGNALLED | {1, 6, 70}:
            yield f"exit {outcome.code} without a report"
        return
    if outcome.report["exit_code"] != outcome.code:
        yield f"exit {outcome.code}, and the report says {outcome.report['exit_code']}"
    if CODES.get(outcome.reason, outcome.code) != outcome.code:
        yield f"exit {outcome.code} for reason {outcome.reason}"
    if outcome.report["status"] not in _STATUS.get(outcome.code, {"error"}):
        yield f"exit {outcome.code} with status {outcome.report['status']}"
    if not outcome.report["sentence"]:
        yield "a report without a sentence"


def _place(episode: Episode) -> Iterator[str]:
    record = episode.outcome.record
    if record and (record["service"], record["environment"]) != (episode.service, episode.environment):
        yield f"the report is about {record['service']}/{record['environment']}"
    link = episode.after.link
    if link and link not in episode.after.folders:
        yield f"`current` names {link}, which is not a complete release"


def _change(episode: Episode) -> Iterator[str]:
    outcome, is_same = episode.outcome, episode.before.live == episode.after.live
    touched = touching_steps(episode)
    if episode.is_dry and episode.before != episode.after:
        yield "a dry run changed something"
    if outcome.report and not outcome.report["changed"] and not is_same:
        yield "the report says that nothing was changed"
    if outcome.code in REFUSALS and outcome.reason != "held" and not episode.may_reconcile:
        if not is_same:
            yield f"exit {outcome.code} changed what is live: {episode.before.live} -> {episode.after.live}"
        if episode.before.written != episode.after.written and "verify" not in outcome.arguments[:1]:
            yield f"exit {outcome.code} wrote {_written(episode)}"
    if outcome.code == 6 and is_same and not touched and (outcome.report or not episode.may_reconcile):
        yield "exit 6, but no step touched the live release"


def touching_steps(episode: Episode) -> list[str]:
    """Return the keys of the steps of this run that changed the live release, or its database."""
    steps = episode.outcome.report.get("steps", ())
    return [each["key"] for each in steps if _key(each) in _TOUCHING and not each["replayed"]]


def _key(step: dict[str, str]) -> str:
    return step["key"].rsplit("/", 1)[-1]


def _written(episode: Episode) -> str:
    before = dict(episode.before.written)
    return (
        ", ".join(name for name, text in episode.after.written if before.get(name) != text)
        or "less than there was"
    )


def _sentences(episode: Episode) -> Iterator[str]:
    outcome, now = episode.outcome, episode.after.condition
    sentences = [
        *([str(outcome.report["sentence"])] if outcome.report else []),
        *outcome.report.get("notes", ()),
    ]
    sentences += [line for line in outcome.err.splitlines() if line.startswith(("error:", "hint:"))]
    if episode.is_dry:
        return
    for sentence in sentences:
        for found in (*_LIVE.findall(sentence), *_BACK.findall(sentence)):
            is_so = now.revision.startswith(found) if now.revision else False
            if not is_so and "could not" not in sentence and sentence in sentences[:1]:
                yield f"{sentence!r}, but {now.revision[:7] or 'nothing'} is served"
        if (
            _PROVEN.search(sentence)
            and "not" not in sentence
            and sentence in sentences[:1]
            and not now.is_healthy
        ):
            yield f"{sentence!r}, but the service is not healthy"
        if _UNTOUCHED.search(sentence) and episode.before.live != episode.after.live:
            yield f"{sentence!r}, but {episode.before.live} -> {episode.after.live}"
    had = episode.before.link or episode.before.condition.revision
    advice = str(outcome.report.get("advice", ""))
    if outcome.code in {5, 6} and not had and not episode.may_reconcile:
        for sentence in (*sentences[:1], advice):
            if _RETURN.search(sentence):
                yield f"{sentence!r}, but there was no previous release"


def _records(episode: Episode) -> Iterator[str]:
    if episode.outcome.code in REFUSALS or episode.is_dry:
        return
    is_whole = episode.outcome.arguments[0] != "verify" and episode.outcome.code not in _SIGNALLED
    for record in episode.after.records:
        before = episode.before.record(record.id)
        is_to_end = is_whole or record.id == episode.outcome.record.get("id")
        if record.state in {"planned", "running"} and is_to_end and not episode.is_disturbed:
            yield f"{record.id} is left {record.state}"
        is_new = record.state == "verified" and (before is None or before.state != "verified")
        if is_new and record.release not in episode.known_good:
            is_linked = episode.after.link in {"", record.release}
            if not is_linked or not episode.after.condition.serves(record.revision):
                yield f"{record.id} became verified, but {episode.after.live} is live"


def _damage(episode: Episode) -> Iterator[str]:
    """Yield a damaged line of the ledger that the report does not name; a run stopped before it read is exempt."""
    outcome = episode.outcome
    was_stopped = outcome.code in _SIGNALLED and not outcome.report
    must_name = episode.is_damaged and outcome.arguments[0] != "verify" and not was_stopped
    if must_name and "cannot be read at line" not in f"{outcome.err} {outcome.out}":
        yield "a line of the ledger cannot be read, but the output does not name it"
