"""Whether the user's own program reports success."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.fields import Duration, Shell
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import OBSERVED_CHARACTERS, Check, Phase, Rule
from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

KEPT_CHARACTERS = 4000
"""Of the output, its end: that is where programs say what went wrong."""


@dataclass(frozen=True, kw_only=True)
class Command(Check):
    """Your own program exits with the expected code.

    It gets this step's environment, and DEPLOYMENT_URL, DEPLOYMENT_ENVIRONMENT,
    DEPLOYMENT_REVISION and DEPLOYMENT_PREVIOUS_REVISION.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS, Phase.VERIFY})
    after: ClassVar[tuple[str, ...]] = ("revision",)
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "exit-code": Rule(
            sentence="The program exits with another code than expected.",
            advice="Read the end of its output; run the same line by hand in the project's root.",
        ),
        "warned": Rule(
            sentence="The program exits with a code that means a warning.",
            advice="Read the end of its output.",
        ),
        "timeout": Rule(
            sentence="The program did not end in time.",
            advice="See what it waits for, or raise `timeout`; in a verification, `verify.deadline` limits it too.",
        ),
        "killed": Rule(
            sentence="A signal terminated the program.",
            advice="See who killed it; -9 is often a lack of memory.",
        ),
        "not-run": Rule(
            sentence="The program could not be started.",
            advice="Install it in this job, and check its spelling in `run`.",
        ),
    }

    run_: Shell
    """The command line, such as `python -m flake8 shop`; the shell expands its variables."""
    exit_codes: int | tuple[int, ...] = 0
    """What means good."""
    warn_exit_codes: int | tuple[int, ...] = ()
    """What means a warning."""
    timeout: Duration = 300.0
    """After which it is ended."""
    directory: str = ""
    """Where it runs, relative to the project's root, such as `frontend`."""
    retry: bool = False
    """Run it again until the deadline when it fails."""

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Run the program once and compare its exit code."""
        completed = world.process.run(
            self.run_,
            timeout_seconds=self.timeout,
            env=_environment(subject, world),
            directory=subject.root / self.directory,
        )
        if completed.interrupted:
            world.stop.check()
        code = completed.exit_code
        fault = self._fault(completed)
        output = world.redact(completed.output)
        sentence = f"It exits with {code} after {format_duration(completed.seconds)}."
        yield conclude(
            self,
            [fault] if fault else [],
            sentence=sentence,
            measured=0 if fault and fault.rule == "not-run" else 1,
            facts={"exit_code": code, "seconds": completed.seconds, "output": _tail(output, KEPT_CHARACTERS)},
        )

    def _fault(self, completed: Completed) -> Fault | None:
        code, expected = completed.exit_code, _codes(self.exit_codes)
        if completed.timed_out:
            seconds = min(
                self.timeout, completed.seconds
            )  # a deadline may have left it less than its timeout
            sentence = f"The program did not end within {format_duration(seconds)}."
            return self._about("timeout", Status.FAIL, completed, sentence)
        if code in expected:
            return None
        if code in _codes(self.warn_exit_codes):
            return self._about("warned", Status.WARN, completed, f"The program exits with {code}, a warning.")
        if code in {126, 127}:
            return self._about("not-run", Status.ERROR, completed, "")
        if code < 0:
            return self._about("killed", Status.FAIL, completed, f"Signal {-code} ended the program.")
        wanted = " or ".join(map(str, expected))
        return self._about(
            "exit-code", Status.FAIL, completed, f"The program exits with {code}, not with {wanted}."
        )

    def _about(self, rule: str, severity: Status, completed: Completed, sentence: str) -> Fault:
        return Fault(
            rule=rule,
            severity=severity,
            sentence=sentence,
            expected=f"exit code {' or '.join(map(str, _codes(self.exit_codes)))}",
            observed=_tail(completed.output.strip(), OBSERVED_CHARACTERS) or "no output",
            transient=self.retry and severity is Status.FAIL,
        )


def _codes(codes: int | tuple[int, ...]) -> tuple[int, ...]:
    return (codes,) if isinstance(codes, int) else codes


def _tail(text: str, limit: int) -> str:
    """Return the end of the text, visibly truncated at its start."""
    return text if len(text) <= limit else f"…{text[1 - limit :]}"


def _environment(subject: Subject, world: World) -> dict[str, str]:
    return {
        **world.env,
        "DEPLOYMENT_URL": subject.url,
        "DEPLOYMENT_ENVIRONMENT": subject.environment,
        "DEPLOYMENT_REVISION": subject.revision,
        "DEPLOYMENT_PREVIOUS_REVISION": subject.previous_revision,
    }
