"""Second use in a job: from bash to the first word of a verification.

Everything is installed and compiled; the peers are the interpreter doing
nothing, and the interpreter with what verifying needs imported.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._mirror import mirrored
from benchmarks._programs import (
    PYTHON,
    START,
    action_environment,
    in_turns,
    seconds_of,
    seconds_to_first_word,
)
from benchmarks._row import Row, at_most
from tests.support.web import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 15


def measure() -> Iterator[Row]:
    """The time from `bash start.sh verify` to its first word."""
    with (
        serving(lambda _: Reply(body=b'{"status": "pass"}')) as service,
        TemporaryDirectory() as folder,
        mirrored() as variables,
    ):
        place = Path(folder)
        env = action_environment(place, CI_OPS_VERIFY_URL=service.url("/health"), **variables)
        command = ["bash", START, "verify"]
        seconds_of(command, env=env, cwd=place)  # the first use
        ours, nothing = in_turns(
            ROUNDS,
            partial(seconds_to_first_word, command, env=env, cwd=place),
            partial(seconds_of, [PYTHON, "-I", "-c", "pass"], env=env),
        )
    yield at_most("second use, to the first word", ours, 0.35, peer="python -I -c pass", theirs=nothing)
