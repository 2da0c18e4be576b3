"""Allowed outcomes of `deploy`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.condition import BEHAVIOURS
from tests.model.episode import Call, Episode, unexpected_changes, unexpected_code
from tests.model.expected import Model, Release


def deploy(model: Model, call: Call, episode: Episode) -> Iterator[str]:
    """Yield what contradicts the model in the outcome of a deployment."""
    current, before = model.current, episode.before.condition
    serves = before.serves(call.revision)
    is_current = current is not None and current.revision == call.revision
    if episode.outcome.reason == "unchanged" and not (is_current and serves):
        yield "reason unchanged, but the service did not serve that revision"
    may_stay = (
        is_current
        and serves
        and not call.force
        and not model.interruption
        and model.is_consistent(episode.before)
    )
    if may_stay and current is not None and current.is_verified:
        yield from unexpected_code(episode, {0}, "the revision is live, verified and healthy")
        if episode.outcome.reason != "unchanged":
            yield f"reason {episode.outcome.reason}, where the revision is live, verified and healthy"
        yield from unexpected_changes(episode)
    elif _is_held(call, episode):
        yield from unexpected_code(
            episode, {3}, f"{call.revision[:7]} {BEHAVIOURS[call.revision[0]].sentence}"
        )
        yield from _is_live(model, call, episode, is_measured=False)
    elif _can_be_done(call, episode):
        yield from unexpected_code(
            episode, {0}, f"{call.revision[:7]} {BEHAVIOURS[call.revision[0]].sentence}"
        )
        yield from _is_live(model, call, episode)
    else:
        yield from _failed(model, call, episode)


def _is_held(call: Call, episode: Episode) -> bool:
    return (
        call.verify and episode.holds and call.revision[0] == "1" and call.revision not in episode.unhealthy
    )


def _can_be_done(call: Call, episode: Episode) -> bool:
    letter = call.revision[0]
    if not call.verify:
        return letter not in "bd"
    return BEHAVIOURS[letter].passes and call.revision not in episode.unhealthy


def _is_live(model: Model, call: Call, episode: Episode, *, is_measured: bool = True) -> Iterator[str]:
    letter, now = call.revision[0], episode.after.condition
    if call.verify and is_measured and not now.serves(call.revision):
        yield f"exit {episode.outcome.code}, but {now} instead of {call.revision[:7]}"
    if (
        model.has_folders
        and episode.outcome.code in {0, 3}
        and episode.outcome.record.get("id") != episode.after.link
    ):
        yield f"the report is about {episode.outcome.record.get('id')}, but {episode.after.link} is live"
    if letter not in "cf" and now.revision != call.revision:
        yield f"{now.revision[:7] or 'nothing'} is served instead of {call.revision[:7]}"


def _failed(model: Model, call: Call, episode: Episode) -> Iterator[str]:
    why = f"{call.revision[:7]} {BEHAVIOURS[call.revision[0]].sentence}; {episode.after.condition}"
    backs = {model.live} | ({model.interruption.live} if model.interruption else set())
    if episode.after.link not in backs and model.has_folders:
        yield f"{episode.after.link or 'nothing'} is live after a failed deployment; before it {sorted(backs)}"
    if model.interruption or not model.is_consistent(episode.before):
        yield from unexpected_code(episode, {5, 6}, why)
    elif model.current is None:
        # With target `command` the records name the live release where the service has never answered.
        had_one = bool(episode.after.condition.revision) or (not model.has_folders and bool(model.releases))
        yield from unexpected_code(episode, {5, 6} if had_one else {5}, f"first deployment; {why}")
    else:
        yield from _restored(model.current, call, episode, why, is_local=model.has_folders)


def _restored(current: Release, call: Call, episode: Episode, why: str, *, is_local: bool) -> Iterator[str]:
    """Yield contradictions unless the previous release serves again, with the exit code of its health."""
    after = episode.after.condition
    if after.revision != current.revision:
        yield f"{after.revision[:7] or 'nothing'} is served; before the deployment {current.revision[:7]} was"
    is_untouched = is_local and call.revision[0] == "b"
    allowed = {5} if is_untouched or after.serves(current.revision) else {6}
    if not call.verify and not is_untouched:
        allowed = {5, 6}
    yield from unexpected_code(episode, allowed, why)
    if is_untouched and episode.outcome.reason == "rolled-back":
        yield "reason rolled-back, although the deployment failed before it was live"
