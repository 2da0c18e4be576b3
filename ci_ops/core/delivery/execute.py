"""The one executor.

Runs steps, journals them, replays them and takes them back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import Entry, Journal, Mark
from ci_ops.core.delivery.step import Command, Request, Step, StepResult, Steps, Wait, step_digest
from ci_ops.core.errors import CiOpsError, StorageError
from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.world import World
from ci_ops.core.report import EVIDENCE, StepOutcome, StepState
from ci_ops.core.text.error_line import TIME_LIMIT, error_line

if TYPE_CHECKING:
    from ci_ops.core.ports.process import Completed

OUTPUT_CHARACTERS = 8000
"""Of a step's output that the journal and the report keep."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ReplayMismatch(CiOpsError):
    """The journal tells of other steps than the configuration makes today."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"step {key!r} is not the one that the unfinished deployment began",
            reason="deploy-failed",
            hint="The unfinished deployment is undone first, then the new one starts.",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """How a list of steps went."""

    outcomes: tuple[StepOutcome, ...]

    @property
    def failed(self) -> StepOutcome | None:
        """The step that ended it; None when every required step was done."""
        return next((each for each in self.outcomes if each.state is StepState.FAILED), None)


def ignore(_: object) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Runs steps against the world.

    Everything it knows of the past is the journal.

    `guard` is called before every change and raises when the lock is gone;
    `before_change` is called once, before the first change of this run.
    """

    world: World
    journal: Journal
    root: Path
    env: Mapping[str, str]
    """Variables the steps see beside the user's own."""
    guard: Callable[[], None]
    before_change: Callable[[], None]
    on_start: Callable[[Step], None] = ignore
    on_step: Callable[[StepOutcome], None] = ignore
    started_seconds: float = 0.0
    """Monotonic time at which the run began; offsets count from it."""

    def run(self, steps: Steps, *, phase: str = "deploy") -> Execution:
        """Run to the end or to the first failure of a required step.

        Raises Interrupted, ReplayMismatch.
        """
        outcomes: list[StepOutcome] = []
        seen: set[str] = set()
        for step, answer in _drive(steps):
            if step.key in seen:
                raise ValueError(f"two steps have the key {step.key!r}")
            seen.add(step.key)
            if not (step.required or self.journal.is_applied):
                self.journal.applied()  # from here on a stop or a failure takes nothing back
            self.world.stop.check()
            outcome, result = self._do(step, phase)
            outcomes.append(outcome)
            self.on_step(outcome)
            if outcome.state is StepState.FAILED:
                break
            answer(result)
        return Execution(outcomes=tuple(outcomes))

    def undo(self) -> Execution:
        """Take back what the journal says was begun, latest first.

        Stops at a failure.
        """
        outcomes: list[StepOutcome] = []
        for entry in self.journal.to_undo:
            self.world.stop.check()
            outcome = self._undo(entry)
            outcomes.append(outcome)
            self.on_step(outcome)
            if outcome.state is StepState.FAILED:
                break
        return Execution(outcomes=tuple(outcomes))

    def show(self, step: Step) -> StepOutcome:
        """Run a harmless step beside the journal, and show what it printed as evidence."""
        result = self._perform(step)
        state = StepState.DONE if result.ok else StepState.WARNED
        outcome = self._outcome(step, state, result, phase=EVIDENCE, shown=result.output)
        self.on_step(outcome)
        return outcome

    def _do(self, step: Step, phase: str) -> tuple[StepOutcome, StepResult]:
        entry = self.journal.entry(step.key)
        if entry is not None and entry.mark is not Mark.UNDONE:
            if entry.digest != step_digest(step):
                raise ReplayMismatch(step.key)
            settled = self._from_journal(entry)
            if settled is not None and settled.ok:
                return self._outcome(step, StepState.DONE, settled, phase=phase, replayed=True), settled
            if settled is not None:
                return self._outcome(step.undo or step, StepState.FAILED, settled, phase="undo"), settled
        result = self._start(step, phase)
        failed = StepState.FAILED if step.required else StepState.WARNED
        state = StepState.DONE if result.ok else failed
        if self._has_begun(step):
            self.journal.mark(Mark.DONE if result.ok else Mark.FAILED, step.key, result)
        return self._outcome(step, state, result, phase=phase), result

    def _has_begun(self, step: Step) -> bool:
        """Return False for a step whose beginning could not be journaled, so that it was not run."""
        entry = self.journal.entry(step.key)
        return entry is not None and entry.mark is not Mark.PLANNED

    def _from_journal(self, entry: Entry) -> StepResult | None:
        """The result of a step that is done, or could not be taken back; None when it must run (again)."""
        if entry.mark is Mark.DONE and entry.result is not None:
            return entry.result
        if entry.mark is Mark.PLANNED or not entry.step.changes:
            return None
        happened = self._probe(entry.step)
        if happened is None and entry.step.undo is not None:
            taken_back = self._take_back(entry.step)
            if not taken_back.ok and entry.step.undo.required:
                return taken_back
        elif happened is None and entry.step.required:
            raise CiOpsError(
                f"nobody can tell whether step {entry.step.title!r} happened before the last run stopped",
                reason="deploy-failed",
                hint=f"Look at the target, then give the step a probe or an undo. It ran: {_text(entry.step)}",
            )
        if not happened:
            return None
        result = StepResult(ok=True, code=0)
        self.journal.mark(Mark.DONE, entry.step.key, result)
        return result

    def _start(self, step: Step, phase: str) -> StepResult:
        """Run a step that the journal has begun; a deployment that could not be undone is not begun.

        What undoes, measures or cleans may run without its line: it is safe to
        run twice, and a full disk needs it most.
        """
        self.on_start(step)
        must = step.changes and step.required and phase == "deploy"
        try:
            self.journal.plan(step, must=must)
            if step.changes:
                self.guard()
                self.before_change()
            self.journal.mark(Mark.STARTED, step.key, must=must)
        except StorageError as error:
            return StepResult(
                ok=False, code=-1, output=f"not begun: its journal {error.what} ({error.where})"
            )
        result = self._perform(step)
        if not result.ok and self.world.stop.requested:
            self.journal.mark(Mark.INTERRUPTED, step.key)
            self._stopped_in(step, result, phase)
        return result

    def _stopped_in(self, step: Step, result: StepResult, phase: str) -> None:
        """Show the step that was ended by a stop request, and go no further. Raises Interrupted."""
        self.on_step(self._outcome(step, StepState.INTERRUPTED, result, phase=phase))
        self.world.stop.check()

    def _undo(self, entry: Entry) -> StepOutcome:
        step = entry.step
        if step.undo is None:
            note = StepResult(ok=True, code=0, output=step.no_undo)
            self.journal.mark(Mark.UNDONE, step.key)
            return self._outcome(step, StepState.LEFT, note, phase="undo", shown=step.no_undo)
        result = self._take_back(step)
        failed = StepState.FAILED if step.undo.required else StepState.WARNED
        state = StepState.UNDONE if result.ok else failed
        return self._outcome(step.undo, state, result, phase="undo")

    def _take_back(self, step: Step) -> StepResult:
        assert step.undo is not None
        self.on_start(step.undo)
        self.guard()
        self.before_change()
        self.journal.mark(Mark.UNDOING, step.key)
        result = self._perform(step.undo)
        if not result.ok and self.world.stop.requested:
            self._stopped_in(step.undo, result, "undo")
        if result.ok or not step.undo.required:
            self.journal.mark(Mark.UNDONE, step.key)
        return result

    def _probe(self, step: Step) -> bool | None:
        """Whether a change is there; None when nothing can tell."""
        if not step.probe:
            return None
        if isinstance(step, Request):
            try:
                url = self._expand(step.probe)
                answer = self.world.http.request("GET", url, timeout_seconds=step.timeout_seconds)
            except (HttpError, ValueError):
                return None
            return {2: True, 4: False}.get(answer.status // 100)
        directory = step.directory if isinstance(step, Command) else ""
        done = self._shell(step.probe, timeout_seconds=60.0, directory=directory)
        return {0: True, 1: False}.get(done.exit_code)

    def _perform(self, step: Step) -> StepResult:
        if isinstance(step, Command):
            done = self._shell(step.run, timeout_seconds=step.timeout_seconds, directory=step.directory)
            return _command_result(done, step.timeout_seconds)
        return self._send(step) if isinstance(step, Request) else self._wait(step)

    def _shell(self, run: str, *, timeout_seconds: float, directory: str) -> Completed:
        return self.world.process.run(
            run,
            timeout_seconds=timeout_seconds,
            env={**self.world.env, **self.env},
            directory=self.root / directory if directory else self.root,
        )

    def _send(self, step: Request) -> StepResult:
        try:
            answer = self.world.http.request(
                step.method,
                self._expand(step.url),
                timeout_seconds=step.timeout_seconds,
                headers={name: self._expand(value) for name, value in step.headers.items()},
                body=self._expand(step.body).encode() or None,
            )
        except (HttpError, ValueError) as error:
            return StepResult(ok=False, code=-1, output=self.world.redact(str(error)))
        text = self.world.redact(answer.text)[-OUTPUT_CHARACTERS:]
        return StepResult(
            ok=answer.status // 100 == 2, code=answer.status, output=text, seconds=answer.seconds
        )

    def _wait(self, step: Wait) -> StepResult:
        clock = self.world.clock
        started = clock.monotonic()
        while True:
            done = self._shell(step.run, timeout_seconds=step.timeout_seconds, directory=step.directory)
            elapsed = clock.monotonic() - started
            if done.exit_code == 0 or done.interrupted or elapsed >= step.deadline_seconds:
                result = _command_result(done, step.timeout_seconds)
                return StepResult(ok=result.ok, code=result.code, output=result.output, seconds=elapsed)
            clock.sleep(min(step.interval_seconds, step.deadline_seconds - elapsed))

    def _expand(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            found = self.env.get(name, self.world.env.get(name))
            if found is None:
                raise ValueError(f"the environment variable {name} is not set")
            return found

        return _VARIABLE.sub(value, text)

    def _outcome(
        self,
        step: Step,
        state: StepState,
        result: StepResult,
        *,
        phase: str,
        replayed: bool = False,
        shown: str = "",
    ) -> StepOutcome:
        elapsed = self.world.clock.monotonic() - self.started_seconds
        return StepOutcome(
            key=step.key,
            title=step.title,
            state=state,
            changes=step.changes,
            seconds=0.0 if replayed else result.seconds,
            started_offset_seconds=max(0.0, elapsed - (0.0 if replayed else result.seconds)),
            replayed=replayed,
            phase=phase,
            run=self.world.redact.own(_text(step)),
            output=shown if result.ok else result.output,
        )


def dry_run(steps: Steps, *, phase: str = "deploy") -> tuple[StepOutcome, ...]:
    """The steps that would run, fed with named unknowns; nothing is touched."""
    outcomes: list[StepOutcome] = []
    for number, (step, answer) in enumerate(_drive(steps), 1):
        outcomes.append(
            StepOutcome(
                key=step.key,
                title=step.title,
                state=StepState.PLANNED,
                changes=step.changes,
                phase=phase,
                run=_text(step),
            )
        )
        answer(StepResult(ok=True, code=0, output=f"<the output of step {number}>", known=False))
    return tuple(outcomes)


def _drive(steps: Steps) -> Iterator[tuple[Step, Callable[[StepResult], None]]]:
    """Each step with the function that hands its result back to the generator."""
    answers: list[StepResult] = []
    try:
        step = next(steps)
        while True:
            answers.clear()
            yield step, answers.append
            step = steps.send(answers[0])
    except StopIteration:
        return
    finally:
        steps.close()


def _text(step: Step) -> str:
    """What people see of a step."""
    if isinstance(step, Request):
        return f"{step.method} {step.url}"
    return (step.shown if isinstance(step, Command) else "") or step.run


def _command_result(done: Completed, timeout_seconds: float) -> StepResult:
    ok = done.exit_code == 0 and not done.timed_out and not done.interrupted
    output = done.stdout if ok else done.output
    if done.timed_out:
        output = f"{output}\nended after {timeout_seconds:g} s: {TIME_LIMIT}".lstrip()
    elif not (ok or done.interrupted or output.strip()):
        output = f"it printed nothing and ended with exit code {done.exit_code}"
    shown = output[-OUTPUT_CHARACTERS:] if ok else _end_with_its_error(output)
    return StepResult(ok=ok, code=done.exit_code, output=shown, seconds=done.seconds)


def _end_with_its_error(output: str) -> str:
    """Return the end of a long output, under the line that says what went wrong first."""
    end, first = output[-OUTPUT_CHARACTERS:], error_line(output)[:OUTPUT_CHARACTERS]
    return end if first in end else f"{first}\n…\n{end[len(first) + 3 :]}"
