"""Updates of the model after each command."""

from __future__ import annotations

from tests.model.episode import Call, Episode
from tests.model.expected import Interruption, Model, Release


def learn(model: Model, call: Call, episode: Episode) -> None:
    """Update the model from the measured effect of the command."""
    left, was_consistent = model.live, model.is_consistent(episode.before)
    targets = model.rollback_target(episode.before)
    model.learn(episode)
    current, code = model.current, episode.outcome.code
    if call.is_dry:
        return
    was_interrupted = (
        code < 0 or code in {6, 129, 130, 143} or episode.outcome.reason in {"interrupted", "terminated"}
    )
    is_refused_by_name = bool(call.deployment_id) and episode.outcome.reason == "unchanged"
    if was_interrupted:
        _interrupt(model, call, episode, left, targets)
    elif call.command != "verify" and code in {0, 5} and not is_refused_by_name:
        model.interruption = None
    if call.command == "rollback" and left != model.live and left in model.releases and was_consistent:
        _leave(model.releases[left], episode)
    if current is None:
        return
    if call.command == "rollback" and left != model.live:
        current.was_left = False
        current.is_regained = None if episode.is_disturbed or was_interrupted or code != 0 else True
    _verdict(current, call, episode, is_open=was_interrupted)


def _interrupt(model: Model, call: Call, episode: Episode, left: str, targets: frozenset[str]) -> None:
    """Remember what an interrupted run may have left behind, with what earlier ones did."""
    first = model.interruption or Interruption(
        command=call.command, revision=call.revision, live=left, truth=episode.before.live, targets=targets
    )
    if call.command == "verify":
        model.interruption = None if first.command == "verify" else first
        return
    more = first.targets | (targets if call.command == "rollback" else frozenset())
    if call.command == "rollback" and first.command == "deploy":
        more |= {first.live}  # it may have been the undo of that deployment
    if call.to:
        more |= {each.id for each in model.named(call.to)}
    model.interruption = Interruption(
        command=call.command,
        revision=call.revision,
        live=first.live,
        truth=first.truth,
        targets=more,
        is_reported=episode.outcome.code < 0 and bool(episode.outcome.report),
    )


def _leave(release: Release, episode: Episode) -> None:
    """Mark the release as left, and note whether a rollback's record proves it."""
    release.was_left = None if episode.is_disturbed else True
    by_record = any(each.kind == "rollback" for each in episode.after.records[-1:])
    is_whole = episode.outcome.code == 0 and not episode.is_disturbed
    release.is_commit_left = (True if is_whole else None) if by_record else release.is_commit_left
    release.is_regained = False


def _verdict(current: Release, call: Call, episode: Episode, *, is_open: bool) -> None:
    """Update whether the live release is verified."""
    if is_open:
        if not current.is_verified and episode.after.condition.serves(current.revision):
            current.is_verified = None
        return
    if episode.outcome.code == 0 and episode.after.condition.serves(current.revision):
        if call.command == "rollback" or (call.command == "deploy" and call.verify):
            current.is_verified = True
        if call.command == "verify" and call.deployment_id == current.id and not current.was_left:
            current.is_verified = True
    elif call.command == "verify" and call.deployment_id == current.id and current.is_verified:
        current.is_verified = False if episode.outcome.code == 1 and not episode.is_disturbed else None
    if episode.is_disturbed and current.is_verified:
        current.is_verified = None
