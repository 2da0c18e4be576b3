"""A stage for workflows under act: a repository, a live service, GitHub, and a channel, all on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.act import REPOSITORY, TOKEN, Act, export
from tests.support.caller import Caller
from tests.support.github_double import GitHubDouble
from tests.support.receiver import Receiver, receiving
from tests.support.small_service import SmallService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything one story needs."""

    act: Act
    caller: Caller
    service: SmallService
    github: GitHubDouble
    slack: Receiver

    @property
    def variables(self) -> dict[str, str]:
        """What steps, checks and channels of the story are told."""
        return {
            "SITE": str(self.service.folder),
            "SHOP_URL": self.service.url,
            "SLACK_WEBHOOK_URL": self.slack.url(),
        }

    @property
    def told(self) -> str:
        """Everything that arrived in the channel."""
        return "\n".join(each.body.decode() for each in self.slack.taken)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy of ourselves that all stories read."""
    return export(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def stage(exported: Path, tmp_path: Path) -> Iterator[Stage]:
    """A stage of this test's own."""
    caller = Caller(tmp_path / "caller")
    (tmp_path / "act").mkdir()
    with (
        SmallService(tmp_path / "site") as service,
        GitHubDouble(REPOSITORY, token=TOKEN) as github,
        receiving() as slack,
    ):
        act = Act(folder=tmp_path / "act", exported=exported, caller=caller.folder, api_url=github.url)
        yield Stage(act=act, caller=caller, service=service, github=github, slack=slack)
