"""The table of reasons for which a run ends, each with exit code and advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.health.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """A stable identifier with its status, exit code and advice."""

    name: str
    status: Status
    """What `outputs.status` says of a run that ends so."""
    exit_code: int
    meaning: str
    advice: str
    needs_findings: bool = False
    """True when it adds nothing to what the findings say one by one."""
    is_unmeasured: bool = False
    """True when no check measured the release, which is then neither accepted nor rolled back."""
    is_rollback: bool = False
    """True when it says how a rollback ended that the failed run itself began."""


def _reason(
    name: str,
    status: Status,
    exit_code: int,
    meaning: str,
    advice: str,
    *,
    needs_findings: bool = False,
    is_unmeasured: bool = False,
    is_rollback: bool = False,
) -> Reason:
    return Reason(
        name=name,
        status=status,
        exit_code=exit_code,
        meaning=meaning,
        advice=advice,
        needs_findings=needs_findings,
        is_unmeasured=is_unmeasured,
        is_rollback=is_rollback,
    )


_TABLE = (
    _reason("ok", Status.PASS, 0, "Everything requested was done and passed.", "Nothing to do."),
    _reason(
        "warned",
        Status.WARN,
        0,
        "Everything required holds, and at least one check or step warned.",
        "Read the warnings in the summary; raise them to failures with `--fail-on warn` once they are settled.",
    ),
    _reason(
        "unchanged",
        Status.WARN,
        0,
        "The requested state already exists, so nothing was changed.",
        "Nothing to do. `deploy --force` deploys the live revision again on purpose.",
    ),
    _reason(
        "delivery-failed",
        Status.WARN,
        0,
        "The work itself is done, but at least one message could not be delivered.",
        "Read the deliveries in the report: each names the channel that refused, and why.",
    ),
    _reason(
        "findings",
        Status.FAIL,
        1,
        "At least one check found a problem.",
        "Each finding in the summary says where the problem is and what to do.",
        needs_findings=True,
    ),
    _reason(
        "invalid-usage",
        Status.ERROR,
        2,
        "The command line or the action's inputs are wrong.",
        "Compare with `ci-ops COMMAND --help`.",
    ),
    _reason(
        "invalid-config",
        Status.ERROR,
        2,
        "The configuration file cannot be used.",
        "Every problem is listed with its line; `ci-ops config check` shows them without running anything.",
    ),
    _reason(
        "inconclusive",
        Status.ERROR,
        3,
        "Something could not be measured, so there is no verdict.",
        "The findings name the missing tool, permission or field; give the check what it needs and run again.",
        needs_findings=True,
    ),
    _reason(
        "refused",
        Status.ERROR,
        3,
        "The service refused the probe (`throttled`, `blocked`), so there is no verdict on the release; a release "
        "is kept, not rolled back.",
        "Set the same `CI_OPS_PROBE_KEY` for ci-ops and for the service, or exempt this runner from its limits; "
        "then run `ci-ops verify`.",
        needs_findings=True,
        is_unmeasured=True,
    ),
    _reason(
        "unreachable-baseline",
        Status.ERROR,
        3,
        "A verified deployment exists, but this runner cannot reach the service; nothing was changed.",
        "Check the URL, the runner's network and its trusted certificates; `deploy --force` deploys anyway.",
    ),
    _reason(
        "held",
        Status.ERROR,
        3,
        "The new release is live, its verification was inconclusive, and `verify.on-error: hold` keeps it.",
        "Run `ci-ops verify` when the service can be reached, then keep it or run `ci-ops rollback`.",
    ),
    _reason(
        "unproven",
        Status.ERROR,
        3,
        "The rollback's steps were all done, but no check measured the release that is live now.",
        "Give `url` or checks under `verify.checks`, and run `ci-ops rollback` again to prove it.",
    ),
    _reason(
        "nothing-measured",
        Status.ERROR,
        4,
        "No check ran, so there is no verdict.",
        "Name at least one check, or run in a project whose kind is recognised; `ci-ops init` writes a start.",
        is_unmeasured=True,
    ),
    _reason(
        "not-live",
        Status.ERROR,
        4,
        "The named deployment is not the live one, so nothing was verified, marked or changed.",
        "`ci-ops history` lists the deployments; `ci-ops rollback --to ID` makes an earlier release live.",
    ),
    _reason(
        "unknown-deployment",
        Status.ERROR,
        4,
        "No deployment of that id or commit is recorded for this service and environment; nothing was changed.",
        "Take an id from `ci-ops history`, and check the service and the environment.",
    ),
    _reason(
        "never-verified",
        Status.ERROR,
        4,
        "The named release never passed a verification, so nothing was rolled back to it.",
        "Name a verified one (`ci-ops history`), or deploy that commit with `ci-ops deploy --revision`.",
    ),
    _reason(
        "release-gone",
        Status.ERROR,
        4,
        "The named release is no longer on the target; nothing was changed.",
        "Name another one (`ci-ops history`), or deploy that commit with `ci-ops deploy --revision`.",
    ),
    _reason(
        "no-rollback-target",
        Status.ERROR,
        4,
        "No verified release was deployed before the live one and is still available; nothing was changed.",
        "Name a release with `--to ID|SHA` (`ci-ops history` lists them), or deploy a working revision.",
    ),
    _reason(
        "not-started",
        Status.ERROR,
        4,
        "A step failed before anything was changed.",
        "The failed step's output is in the report; fix what it names, then run again.",
    ),
    _reason(
        "rolled-back",
        Status.FAIL,
        5,
        "The deployment failed, and the previous release was restored; the report says what proves it.",
        "The previous release serves. Fix what the findings name, then deploy again.",
        is_rollback=True,
    ),
    _reason(
        "deploy-failed",
        Status.FAIL,
        5,
        "The deployment failed and what it had done was undone; the live release is the one from before.",
        "The failed step's output is in the report; fix it, then deploy again.",
    ),
    _reason(
        "no-previous-release",
        Status.FAIL,
        5,
        "The first deployment failed and was undone; there is no earlier release to return to.",
        "The report says what still answers. Fix what the findings name, then deploy again.",
    ),
    _reason(
        "rollback-failed",
        Status.FAIL,
        6,
        "The rollback did not restore the previous release, or could not prove it.",
        "Check production now. The report names the step or the check that failed; `ci-ops rollback` tries "
        "the same rollback again, `ci-ops rollback --to ID` rolls back to a release that you name.",
        is_rollback=True,
    ),
    _reason(
        "lock-held",
        Status.ERROR,
        7,
        "Another deployment holds the lock of this environment.",
        "Wait for it; the message names its holder. The system frees the lock of a dead process.",
    ),
    _reason(
        "setup-failed",
        Status.ERROR,
        69,
        "The action could not install what it needs; nothing was run and nothing was changed.",
        "Check that the runner reaches its package index and has Python 3.11 or newer, then run again.",
    ),
    _reason(
        "bug",
        Status.ERROR,
        70,
        "ci-ops itself failed unexpectedly.",
        "Please report the block that was printed; what was done so far is in the journal.",
    ),
    _reason(
        "interrupted",
        Status.ERROR,
        130,
        "The run was cancelled; no further step was started.",
        "Run it again. Where a deployment was under way, the recovery step or the next run restores "
        "a whole release from its journal.",
    ),
    _reason(
        "terminated",
        Status.ERROR,
        143,
        "The run was terminated; no further step was started.",
        "Run it again. Where a deployment was under way, the recovery step or the next run restores "
        "a whole release from its journal.",
    ),
)
REASONS: dict[str, Reason] = {reason.name: reason for reason in _TABLE}
"""Every reason by its name, in the order of the documentation."""

_EXIT_ORDER = (2, 4, 1, 3, 0)


def deciding_exit_code(codes: Iterable[int]) -> int:
    """Return the exit code that wins over the others: 2, 4, 1, 3, then 0; 0 for none."""
    present = set(codes)
    return next((code for code in _EXIT_ORDER if code in present), 0)
