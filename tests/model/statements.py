"""What may be said of any run, whatever it was asked for.

Each function yields contradictions between what a run said and what is so. The rules come from what
ci-ops promises its users: it never says anything that it did not measure; what a failure did not
touch is said to be untouched; an exit code, a status and a reason always say the same.
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
"""Exit codes by reason; a reason that is not listed has the code that its own report says."""

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
"""Keys of the steps that change what is live, or the database below it."""


def contradictions(episode: Episode) -> Iterator[str]:
    """Everything that this run said and that is not so."""
    if episode.ran.code < 0:
        yield from _killed(episode)
        return
    yield from _form(episode)
    yield from _place(episode)
    yield from _change(episode)
    yield from _sentences(episode)
    yield from _records(episode)
    yield from _damage(episode)


def _killed(episode: Episode) -> Iterator[str]:
    """Only SIGKILL may end a run without its exit code and report, once it has changed something."""
    changed = episode.before.live != episode.after.live or episode.before.written != episode.after.written
    if episode.ran.code != -signal.SIGKILL and changed:
        yield f"{signal.Signals(-episode.ran.code).name} ended it without an exit code and a report"


def _form(episode: Episode) -> Iterator[str]:
    ran = episode.ran
    if ran.code in {70, 99} or "Traceback" in ran.err:
        yield f"it ended in a bug: exit {ran.code}"
    if not ran.report:
        if ran.code not in REFUSALS | _SIGNALLED | {1, 6, 70}:
            yield f"exit {ran.code} without a report"
        return
    if ran.report["exit_code"] != ran.code:
        yield f"exit {ran.code}, and the report says {ran.report['exit_code']}"
    if CODES.get(ran.reason, ran.code) != ran.code:
        yield f"exit {ran.code} for reason {ran.reason}"
    if ran.report["status"] not in _STATUS.get(ran.code, {"error"}):
        yield f"exit {ran.code} with status {ran.report['status']}"
    if not ran.report["sentence"]:
        yield "a report without a sentence"


def _place(episode: Episode) -> Iterator[str]:
    record = episode.ran.record
    if record and (record["service"], record["environment"]) != (episode.service, episode.environment):
        yield f"the report is about {record['service']}/{record['environment']}"
    link = episode.after.link
    if link and link not in episode.after.folders:
        yield f"`current` names {link}, which is no whole release"


def _change(episode: Episode) -> Iterator[str]:
    ran, is_same = episode.ran, episode.before.live == episode.after.live
    steps = ran.report.get("steps", ())
    touched = [each["key"] for each in steps if _key(each) in _TOUCHING and not each["replayed"]]
    if episode.is_dry and episode.before != episode.after:
        yield "a dry run changed something"
    if ran.report and not ran.report["changed"] and not is_same:
        yield "the report says that nothing was changed"
    if ran.code in REFUSALS and ran.reason != "held" and not episode.may_settle:
        if not is_same:
            yield f"exit {ran.code} changed what is live: {episode.before.live} -> {episode.after.live}"
        if episode.before.written != episode.after.written and "verify" not in ran.arguments[:1]:
            yield f"exit {ran.code} wrote {_written(episode)}"
    if ran.code == 6 and is_same and not touched and (ran.report or not episode.may_settle):
        yield "exit 6, although nothing that is live was touched"


def _key(step: dict[str, str]) -> str:
    return step["key"].rsplit("/", 1)[-1]


def _written(episode: Episode) -> str:
    before = dict(episode.before.written)
    return (
        ", ".join(name for name, text in episode.after.written if before.get(name) != text)
        or "less than there was"
    )


def _sentences(episode: Episode) -> Iterator[str]:
    ran, now = episode.ran, episode.after.condition
    said = [*([str(ran.report["sentence"])] if ran.report else []), *ran.report.get("notes", ())]
    said += [line for line in ran.err.splitlines() if line.startswith(("error:", "hint:"))]
    if episode.is_dry:
        return
    for sentence in said:
        for found in (*_LIVE.findall(sentence), *_BACK.findall(sentence)):
            is_so = now.revision.startswith(found) if now.revision else False
            if not is_so and "could not" not in sentence and sentence in said[:1]:
                yield f"{sentence!r}, but {now.revision[:7] or 'nothing'} is served"
        if _PROVEN.search(sentence) and "not" not in sentence and sentence in said[:1] and not now.is_healthy:
            yield f"{sentence!r}, but the service is not healthy"
        if _UNTOUCHED.search(sentence) and episode.before.live != episode.after.live:
            yield f"{sentence!r}, but {episode.before.live} -> {episode.after.live}"
    had = episode.before.link or episode.before.condition.revision
    advice = str(ran.report.get("advice", ""))
    if ran.code in {5, 6} and not had and not episode.may_settle:
        for sentence in (*said[:1], advice):
            if _RETURN.search(sentence):
                yield f"{sentence!r}, but there was no release before"


def _records(episode: Episode) -> Iterator[str]:
    if episode.ran.code in REFUSALS or episode.is_dry:
        return
    is_whole = episode.ran.arguments[0] != "verify" and episode.ran.code not in _SIGNALLED
    for record in episode.after.records:
        before = episode.before.record(record.id)
        is_to_end = is_whole or record.id == episode.ran.record.get("id")
        if record.state in {"planned", "running"} and is_to_end and not episode.is_disturbed:
            yield f"{record.id} is left {record.state}"
        is_new = record.state == "verified" and (before is None or before.state != "verified")
        if is_new and record.release not in episode.known_good:
            is_linked = episode.after.link in {"", record.release}
            if not is_linked or not episode.after.condition.serves(record.revision):
                yield f"{record.id} became verified, but {episode.after.live} is live"


def _damage(episode: Episode) -> Iterator[str]:
    """A run that reads the ledger says that a line of it cannot be read; one that was stopped before does not."""
    was_stopped = episode.ran.code in _SIGNALLED and not episode.ran.report
    if episode.is_damaged and episode.ran.arguments[0] != "verify" and not was_stopped:
        said = f"{episode.ran.err} {episode.ran.out}".lower()
        if not any(word in said for word in ("ledger", "cannot be read", "unreadable", "damaged")):
            yield "a line of the ledger cannot be read, and nothing was said of it"
