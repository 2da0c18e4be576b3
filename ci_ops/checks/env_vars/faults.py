"""Faults of single variables: forbidden ones, and secrets copied from the example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault
from ci_ops.core.contract.placeholder import is_secret_name
from ci_ops.core.contract.values import FALSE_WORDS
from ci_ops.core.health.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.checks.env_vars.dotenv import Entry


def forbidden(name: str, value: str) -> Fault:
    """Return the fault of a variable that is set but must not be."""
    means_off = value.strip().casefold() in FALSE_WORDS
    return Fault(
        rule="forbidden",
        severity=Status.WARN if means_off else Status.FAIL,
        sentence=f"{name} must not be set in production.",
        expected="not set",
        observed="a word that means off" if means_off else f"a value of {len(value)} characters",
        subject=name,
    )


def copied(
    faults: list[Fault], named: frozenset[str], example: Mapping[str, Entry], env: Mapping[str, str]
) -> list[Fault]:
    """Return secrets that were copied from the example file, unless another fault names them."""
    reported = {fault.subject for fault in faults}
    return [
        Fault(
            rule="placeholder",
            severity=Status.FAIL,
            sentence=f"{name} still has a placeholder for its value.",
            expected="a real value",
            observed="the example file's value",
            subject=name,
        )
        for name, entry in example.items()
        if name in named - reported and is_secret_name(name) and env.get(name) == entry.value
    ]
