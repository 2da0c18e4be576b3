"""Explanations of every reason and every rule, generated from the code.

From the code itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.checks._trouble import RULES
from ci_ops.core.plugin import Check, Rule
from ci_ops.core.reasons import REASONS
from ci_ops.plugins import family

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The explanation of a word in a report."""

    name: str
    meaning: str
    advice: str
    exit_code: int | None = None
    """For reasons; a rule's depends on where it is found."""

    @property
    def text(self) -> str:
        """The explanation as text for a terminal."""
        code = f"exit code: {self.exit_code}\n" if self.exit_code is not None else ""
        return f"{self.name}\n  {self.meaning}\n{code}what to do: {self.advice}"


def explanations() -> dict[str, Explanation]:
    """Return the reasons in the order of the table, then every check's rules, sorted."""
    found = {
        reason.name: Explanation(
            name=reason.name, meaning=reason.meaning, advice=reason.advice, exit_code=reason.exit_code
        )
        for reason in REASONS.values()
    }
    for name, rule_text in sorted(_rules(), key=lambda pair: pair[0]):
        found[name] = Explanation(name=name, meaning=rule_text.sentence, advice=rule_text.advice)
    return found


def _rules() -> Iterator[tuple[str, Rule]]:
    """Yield every rule of every check, and those of the machinery."""
    for rule, rule_text in RULES.items():
        yield f"check/{rule}", rule_text
    checks = family("checks")
    for check in checks.names():
        plugin_class = checks.load(check)
        assert issubclass(plugin_class, Check)
        for rule, rule_text in plugin_class.rules.items():
            yield f"{check}/{rule}", rule_text


def troubleshooting_page() -> str:
    """Return the documentation's page with one section per reason and rule."""
    sections = [
        (
            "# Troubleshooting\n\n"
            "Generated from the code by `ci-ops explain --page`. Every failure names a reason or a rule;\n"
            "this page says what it means and what to do. `ci-ops explain NAME` says the same.\n"
        )
    ]
    for each in explanations().values():
        code = f"Exit code {each.exit_code}. " if each.exit_code is not None else ""
        sections.append(f"## {each.name}\n\n{code}{each.meaning}\n\n**What to do:** {each.advice}\n")
    return "\n".join(sections)
