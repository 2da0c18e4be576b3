"""Findings of the machinery: a check that could not run, or gave no result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.result import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.core.plugin import Check
    from ci_ops.core.result import Result

RULES: Mapping[str, Rule] = {
    "crashed": Rule(
        sentence="The check itself failed unexpectedly.",
        advice="Run again with `--log-level debug` and report what it says.",
    ),
    "unable": Rule(
        sentence="The check could not be carried out.",
        advice="Provide what the sentence of the finding names.",
    ),
    "no-result": Rule(
        sentence="The check gave no result.",
        advice="Every check has to yield at least one result; this is a defect of the check.",
    ),
    "wrong-phase": Rule(
        sentence="The check does not belong in this phase.",
        advice="Move it to the other one of `readiness.checks` and `verify.checks`.",
    ),
}
"""Findings of the machinery; their rules are written `check/<finding>`."""


def trouble(plugin: Check, rule: str, sentence: str = "", advice: str = "") -> Result:
    """Return the error for a check that the machinery could not carry out."""
    known = RULES[rule]
    sentence = sentence or known.sentence
    finding = Finding(
        rule=f"check/{rule}", severity=Status.ERROR, sentence=sentence, advice=advice or known.advice
    )
    return plugin.result(Status.ERROR, sentence, measured=0, findings=(finding,))
