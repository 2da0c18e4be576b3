"""Each command against the model: how it may end, and what may be live then."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.deploy_rules import deploy
from tests.model.episode import Episode, Wanted
from tests.model.expected import Model
from tests.model.rollback_rules import rollback
from tests.model.verify_rules import verify


def judge(model: Model, wanted: Wanted, episode: Episode) -> Iterator[str]:
    """Contradictions between the command's end and the model; the model is not changed."""
    if episode.is_without_github and episode.ran.code == 3 and episode.ran.reason != "held":
        if wanted.command == "rollback" and model.has_folders and not (wanted.to or wanted.deployment_id):
            yield "a rollback whose truth is on the host was refused because of GitHub"
        return
    rules = {"deploy": deploy, "rollback": rollback, "verify": verify}
    if wanted.is_dry:
        return
    yield from rules[wanted.command](model, wanted, episode)
