"""The rules of each command."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.deploy_rules import deploy
from tests.model.episode import Call, Episode
from tests.model.expected import Model
from tests.model.rollback_rules import rollback
from tests.model.verify_rules import verify


def judge(model: Model, call: Call, episode: Episode) -> Iterator[str]:
    """Yield what contradicts the model in the outcome of a command; the model is not changed."""
    if episode.has_github_fault and episode.outcome.code == 3 and episode.outcome.reason != "held":
        if call.command == "rollback" and model.has_folders and not (call.to or call.deployment_id):
            yield "a rollback that needs only the host was refused because of GitHub"
        return
    if episode.loses_ledger and model.interruption is not None and episode.outcome.code == 2:
        return  # the undo of the interrupted run lost the ledger, so this deployment could not begin
    rules = {"deploy": deploy, "rollback": rollback, "verify": verify}
    if call.is_dry:
        return
    yield from rules[call.command](model, call, episode)
