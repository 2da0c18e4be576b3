"""The context in which steps are performed: world, project root and deployment variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.ports.world import World

if TYPE_CHECKING:
    from ci_ops.core.ports.process import Completed

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The place and the variables with which a step is performed."""

    world: World
    root: Path
    """The project's root, in which commands run."""
    variables: Mapping[str, str]
    """Set for each command, wherever it runs, beside the environment of its place: DEPLOYMENT_ID and others."""

    def shell(self, run: str, *, place: str, directory: str, timeout_seconds: float) -> Completed:
        """Run a command line at that place, with the variables; `directory` is relative to the root."""
        there = self.world.at(place)
        return there.process.run(
            run,
            timeout_seconds=timeout_seconds,
            env={**there.env, **self.variables},
            directory=self.root / directory if directory else self.root,
        )

    def fill_in(self, text: str) -> str:
        """Return the text with each `${NAME}` replaced. Raises ValueError when one is not set."""

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            found = self.variables.get(name, self.world.env.get(name))
            if found is None:
                raise ValueError(f"the environment variable {name} is not set")
            return found

        return _VARIABLE.sub(value, text)
