"""Allowed targets and refusals of `rollback`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.episode import Call, Episode, unexpected_changes, unexpected_code
from tests.model.expected import Model
from tests.model.statements import touching_steps

UNCHANGED_CODES = {0, 2, 3, 4}


def rollback(model: Model, call: Call, episode: Episode) -> Iterator[str]:
    """Yield what contradicts the model in the outcome of a rollback."""
    if call.to:
        yield from _rollback_to(model, call, episode)
    elif call.deployment_id:
        yield from _rollback_deployment(model, call, episode)
    elif call.is_repeated is not False and episode.outcome.reason == "unchanged":
        if model.current is None or not episode.after.condition.serves(model.current.revision):
            yield f"reason unchanged, but {episode.after.condition}"
        yield from unexpected_changes(episode)
    elif call.is_repeated and not episode.is_disturbed and _still_serves(model, episode):
        yield f"reason {episode.outcome.reason}, but this job's rollback to {model.live} was proven and still serves"
    else:
        yield from _judge_target(model, episode, *_targets(model, call, episode))


def _still_serves(model: Model, episode: Episode) -> bool:
    """Return True when the live release passes, and no run was interrupted since."""
    current = model.current
    return (
        current is not None
        and model.interruption is None
        and episode.before.condition.serves(current.revision)
    )


def _targets(model: Model, call: Call, episode: Episode) -> tuple[frozenset[str], bool]:
    """Return the allowed targets of a rollback, and whether it may refuse."""
    targets = model.rollback_target(episode.before)
    may_refuse = not model.must_have_target(episode.before)
    current = model.current
    if not model.is_consistent(episode.before):
        started = [
            each.id for each in model.releases.values() if each.revision == episode.before.condition.revision
        ]
        for each in started:
            targets |= model.rollback_target(episode.before, each)
        may_refuse = True
    if current is not None and current.is_verified is not True and (call.is_same_job or call.deployment_id):
        targets |= {current.before}
    if model.interruption is not None and model.interruption.command == "rollback":
        is_open = not model.interruption.is_reported
        targets |= model.interruption.targets
        may_refuse = (
            not any(each and model.releases[each].is_verified for each in targets) if is_open else may_refuse
        )
    elif model.interruption is not None:
        # Whether the run had begun cannot be observed from outside: its undo ends where it began.
        targets |= model.interruption.targets | {model.interruption.live}
        may_refuse = may_refuse and episode.before.live == model.interruption.truth
    return targets, may_refuse


def _judge_target(model: Model, episode: Episode, targets: frozenset[str], may_refuse: bool) -> Iterator[str]:
    if episode.outcome.code in {2, 3, 4} and (may_refuse or not targets):
        return  # that a refusal changes nothing is checked for every run
    names = sorted(targets)
    if not targets:
        yield f"exit {episode.outcome.code} ({episode.outcome.reason}), expected a refusal: there is no target"
        return
    at = _reached_target(model, episode, targets)
    if at is None:
        yield f"{episode.after.live} is live after a rollback from {model.live}; allowed targets: {names}"
        yield from unexpected_code(episode, {0, 5, 6}, f"allowed targets: {names}")
        return
    revision = model.releases[at].revision if at else ""
    passes = episode.after.condition.serves(revision) if at else True
    # The undo of a deployment that had touched nothing proves nothing.
    is_untouched = model.interruption is not None and not touching_steps(episode)
    allowed = {0} if passes else {0, 6} if is_untouched else {6}
    yield from unexpected_code(episode, allowed, f"it activated {at}; {episode.after.condition}")
    yield from _unmarked_records(model, at, episode)


def _reached_target(model: Model, episode: Episode, targets: frozenset[str]) -> str | None:
    if model.has_folders:
        return episode.after.link if episode.after.link in targets else None
    served = episode.after.condition.revision
    same = [each for each in sorted(targets) if (model.releases[each].revision if each else "") == served]
    return same[-1] if same else None


def _unmarked_records(model: Model, at: str, episode: Episode) -> Iterator[str]:
    """Yield every record of a left release that is still `verified`."""
    if episode.outcome.code != 0 or episode.is_disturbed or model.live in {at, ""}:
        return
    for record in episode.after.records:
        if record.release == model.live and record.state == "verified":
            yield f"{record.id} is still `verified`, although its release {model.live} was left"


def _rollback_to(model: Model, call: Call, episode: Episode) -> Iterator[str]:
    named = [
        each for each in model.named(call.to) if not model.has_folders or each.id in episode.before.folders
    ]
    if not named:
        yield from unexpected_code(episode, {2, 4}, f"no release {call.to} is available")
        yield from unexpected_changes(episode) if not model.interruption else ()
        return
    targets = frozenset(each.id for each in named)
    may_refuse = model.live in targets or not any(each.is_verified for each in named) or len(named) > 1
    if episode.outcome.code == 0 and model.live in targets and episode.before.live == episode.after.live:
        if not episode.after.condition.serves(model.releases[model.live].revision):
            yield f"exit 0, but {episode.after.condition}"
        return
    yield from _judge_target(model, episode, targets, may_refuse)


def _rollback_deployment(model: Model, call: Call, episode: Episode) -> Iterator[str]:
    current, named = model.current, model.releases.get(call.deployment_id)
    before = episode.before.condition
    if named is None:
        yield from unexpected_code(episode, {2, 3, 4}, "that deployment is not recorded")
        yield from unexpected_changes(episode)
        return
    is_cut = model.interruption is not None and named.revision in {"", model.interruption.revision}
    if named is not current and not is_cut:
        yield from unexpected_code(episode, UNCHANGED_CODES, "that deployment is not live")
        yield from unexpected_changes(episode)
        return
    targets, may_refuse = _targets(model, call, episode)
    is_measurable = model.has_folders or (before.is_up and not before.hides_commit)
    may_refuse |= model.interruption is not None and not is_measurable
    may_refuse |= named is not current  # the run that deployed it was interrupted, perhaps before it began
    if current is not None and current.is_verified:
        targets |= {current.before}
        may_refuse = True
    if episode.outcome.reason == "unchanged":
        if episode.before.live != episode.after.live:
            yield f"reason unchanged: {episode.before.live} -> {episode.after.live}"
        return
    yield from _judge_target(model, episode, targets, may_refuse)
