"""What the model knows after a command, as far as it is so."""

from __future__ import annotations

from tests.model.episode import Episode, Wanted
from tests.model.expected import Cut, Model, Release


def learn(model: Model, wanted: Wanted, episode: Episode) -> None:
    """Take over what the command did, as far as it is so."""
    left, was_clear = model.live, model.is_clear(episode.before)
    ways = model.rollback_target(episode.before)
    model.learn(episode)
    current, code = model.current, episode.ran.code
    if wanted.is_dry:
        return
    was_cut = code < 0 or code in {6, 129, 130, 143} or episode.ran.reason in {"interrupted", "terminated"}
    if was_cut:
        first = model.cut or Cut(
            command=wanted.command,
            revision=wanted.revision,
            live=left,
            truth=episode.before.live,
            way_back=ways,
        )
        more = first.way_back | (ways if wanted.command == "rollback" else frozenset())
        if wanted.to:
            more |= {each.id for each in model.named(wanted.to)}
        command = first.command if wanted.command == "verify" else wanted.command
        model.cut = Cut(
            command=command,
            revision=wanted.revision,
            live=first.live,
            truth=first.truth,
            way_back=more,
            is_reported=code < 0 and bool(episode.ran.report),
        )
        if wanted.command == "verify":
            model.cut = None if first.command == "verify" else first
    elif wanted.command != "verify" and code in {0, 5}:
        model.cut = None
    if wanted.command == "rollback" and left != model.live and left in model.releases and was_clear:
        _leave(model.releases[left], episode)
    if current is None:
        return
    if wanted.command == "rollback" and left != model.live:
        current.was_left = False
        current.is_regained = None if episode.is_disturbed or was_cut or code != 0 else True
    _verdict(current, wanted, episode, is_open=was_cut)


def _leave(release: Release, episode: Episode) -> None:
    """Learn that the release was left, and whether a rollback's record says so."""
    release.was_left = None if episode.is_disturbed else True
    by_record = any(each.kind == "rollback" for each in episode.after.records[-1:])
    is_whole = episode.ran.code == 0 and not episode.is_disturbed
    release.is_commit_left = (True if is_whole else None) if by_record else release.is_commit_left
    release.is_regained = False


def _verdict(current: Release, wanted: Wanted, episode: Episode, *, is_open: bool) -> None:
    if is_open:
        if not current.is_verified and episode.after.condition.serves(current.revision):
            current.is_verified = None
        return
    if episode.ran.code == 0 and episode.after.condition.serves(current.revision):
        if wanted.command == "rollback" or (wanted.command == "deploy" and wanted.verify):
            current.is_verified = True
        if wanted.command == "verify" and wanted.deployment_id == current.id and not current.was_left:
            current.is_verified = True
    elif wanted.command == "verify" and wanted.deployment_id == current.id and current.is_verified:
        current.is_verified = None
    if episode.is_disturbed and current.is_verified:
        current.is_verified = None
