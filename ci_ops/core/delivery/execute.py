"""The executor of steps: it runs, journals, replays and undoes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ci_ops.core.delivery.context import Context
from ci_ops.core.delivery.journal import DEPLOY, Entry, Journal, Mark
from ci_ops.core.delivery.step import Step, StepResult, Steps, drive
from ci_ops.core.errors import CiOpsError, StorageError
from ci_ops.core.ports.world import World
from ci_ops.core.report import EVIDENCE, StepOutcome, StepState


class ReplayMismatch(CiOpsError):
    """The journal contains other steps than the configuration generates today."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"step {key!r} is not the one that the unfinished deployment began",
            reason="deploy-failed",
            hint="The unfinished deployment is undone first, then the new one starts.",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """The outcome of a list of steps."""

    outcomes: tuple[StepOutcome, ...]

    @property
    def failed(self) -> StepOutcome | None:
        """The step that ended the execution; None when every required step was done."""
        return next((each for each in self.outcomes if each.state is StepState.FAILED), None)


def ignore(_: object) -> None:
    """Do nothing: the default observer of progress."""


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Runs steps against the world; its only memory is the journal.

    `guard` is called before every change and raises when the lock is lost; `before_change` is
    called once, before the first change of this run.
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

    @property
    def context(self) -> Context:
        """The context in which its steps are performed."""
        return Context(world=self.world, root=self.root, variables=self.env)

    def run(self, steps: Steps, *, scope: str = DEPLOY) -> Execution:
        """Run to the end or to the first failure of a required step.

        The scope sets the keys of this generator apart from those of others in
        the same journal; its first part names the phase in reports. Raises
        Interrupted, ReplayMismatch.
        """
        outcomes: list[StepOutcome] = []
        keys: set[str] = set()
        for step, answer in drive(steps):
            if step.key in keys:
                raise ValueError(f"two steps have the key {step.key!r}")
            keys.add(step.key)
            if not (step.required or self.journal.is_applied):
                self.journal.applied()  # from here on a stop or a failure takes nothing back
            self.world.stop.check()
            outcome, result = self._do(step, scope)
            outcomes.append(outcome)
            self.on_step(outcome)
            if outcome.state is StepState.FAILED:
                break
            answer(result)
        return Execution(outcomes=tuple(outcomes))

    def undo(self) -> Execution:
        """Undo the journaled steps in reverse order; stop at a failure."""
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
        """Run a read-only step outside the journal, and show its output as evidence."""
        result = step.perform(self.context)
        state = StepState.DONE if result.ok else StepState.WARNED
        outcome = self._outcome(step, state, result, phase=EVIDENCE, shown=result.output)
        self.on_step(outcome)
        return outcome

    def _do(self, step: Step, scope: str) -> tuple[StepOutcome, StepResult]:
        key, phase = f"{scope}/{step.key}", scope.partition("/")[0]
        entry = self.journal.entry(key)
        if entry is not None and entry.mark is not Mark.UNDONE:
            if entry.step != step:
                raise ReplayMismatch(step.key)
            settled = self._from_journal(entry)
            if settled is not None and settled.ok:
                return self._outcome(step, StepState.DONE, settled, phase=phase, replayed=True), settled
            if settled is not None:
                return self._outcome(step.undo or step, StepState.FAILED, settled, phase="undo"), settled
        result = self._start(step, key, phase)
        failed = StepState.FAILED if step.required else StepState.WARNED
        state = StepState.DONE if result.ok else failed
        if self._has_begun(key):
            self.journal.mark(Mark.DONE if result.ok else Mark.FAILED, key, result)
        return self._outcome(step, state, result, phase=phase), result

    def _has_begun(self, key: str) -> bool:
        """Return False for a step whose start could not be journaled, so that it was not run."""
        entry = self.journal.entry(key)
        return entry is not None and entry.mark is not Mark.PLANNED

    def _from_journal(self, entry: Entry) -> StepResult | None:
        """Return the result of a step that is done, or could not be undone; None when it must run (again)."""
        if entry.mark is Mark.DONE and entry.result is not None:
            return entry.result
        if entry.mark is Mark.PLANNED or not entry.step.changes:
            return None
        happened = entry.step.has_happened(self.context)
        if happened is None and entry.step.undo is not None:
            taken_back = self._undo_entry(entry)
            if not taken_back.ok and entry.step.undo.required:
                return taken_back
        elif happened is None and entry.step.required:
            raise CiOpsError(
                f"it is unknown whether step {entry.step.title!r} happened before the last run stopped",
                reason="deploy-failed",
                hint=f"Look at the target, then give the step a probe or an undo. It ran: {entry.step.text}",
            )
        if not happened:
            return None
        result = StepResult(ok=True, code=0)
        self.journal.mark(Mark.DONE, entry.key, result)
        return result

    def _start(self, step: Step, key: str, phase: str) -> StepResult:
        """Run a step that the journal has begun; a deployment that could not be undone is not begun.

        Undos, measurements and cleanups may run without their journal line: they are safe to run
        twice, and a full disk needs them most.
        """
        self.on_start(step)
        must = step.changes and step.required and phase == DEPLOY
        try:
            self.journal.plan(key, step, must=must)
            if step.changes:
                self.guard()
                self.before_change()
            self.journal.mark(Mark.STARTED, key, must=must)
        except StorageError as error:
            return StepResult(
                ok=False, code=-1, output=f"not begun: its journal {error.what} ({error.where})"
            )
        result = step.perform(self.context)
        if not result.ok and self.world.stop.requested:
            self.journal.mark(Mark.INTERRUPTED, key)
            self._stopped_in(step, result, phase)
        return result

    def _stopped_in(self, step: Step, result: StepResult, phase: str) -> None:
        """Show the step that a stop request ended. Raises Interrupted."""
        self.on_step(self._outcome(step, StepState.INTERRUPTED, result, phase=phase))
        self.world.stop.check()

    def _undo(self, entry: Entry) -> StepOutcome:
        step = entry.step
        if step.undo is None:
            note = StepResult(ok=True, code=0, output=step.no_undo)
            self.journal.mark(Mark.UNDONE, entry.key)
            return self._outcome(step, StepState.LEFT, note, phase="undo", shown=step.no_undo)
        result = self._undo_entry(entry)
        failed = StepState.FAILED if step.undo.required else StepState.WARNED
        state = StepState.UNDONE if result.ok else failed
        return self._outcome(step.undo, state, result, phase="undo")

    def _undo_entry(self, entry: Entry) -> StepResult:
        undo = entry.step.undo
        assert undo is not None
        self.on_start(undo)
        self.guard()
        self.before_change()
        self.journal.mark(Mark.UNDOING, entry.key)
        result = undo.perform(self.context)
        if not result.ok and self.world.stop.requested:
            self._stopped_in(undo, result, "undo")
        if result.ok or not undo.required:
            self.journal.mark(Mark.UNDONE, entry.key)
        return result

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
            run=self.world.redact.own(step.text),
            output=shown if result.ok else result.output,
        )
