"""Whether redirects lead to the expected URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.expect import NO_ANSWER_RULES
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.redirects.chain import Chain, Redirect, check_address
from ci_ops.core.plugin import Rule
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Redirects(HttpCheck):
    """Addresses redirect to where they should, without loops and dead ends.

    Every redirect on the way is followed as long as it stays on the host where
    it began or on the service's; an address beyond them is not requested, and
    no credentials leave the service. A redirect from https to http is a failure.
    """

    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        "no-redirect": Rule(
            sentence="The address does not redirect.",
            advice="Add the redirect where it belongs: the application's routes, or the proxy in front of it.",
        ),
        "target": Rule(
            sentence="The redirect leads elsewhere.",
            advice="Correct the redirect, or `to` where the other address is right.",
        ),
        "redirect-status": Rule(
            sentence="The status of the redirect is not the expected one.",
            advice="301 and 308 are permanent and cached by browsers, 302, 303 and 307 are not; 307 and 308 keep POST.",
        ),
        "loop": Rule(
            sentence="The redirects lead in a circle.",
            advice="See which rule of the proxy and which of the application undo each other; behind a proxy that ends "
            "TLS the application has to trust X-Forwarded-Proto.",
        ),
        "too-many-hops": Rule(
            sentence="There are more redirects on the way than allowed.",
            advice="Redirect to the last address at once, or raise `hops`.",
        ),
        "downgrade": Rule(
            sentence="A redirect leads from https to http.",
            advice="Redirect to the https address; behind a proxy that ends TLS the application has to trust "
            "X-Forwarded-Proto.",
        ),
        "dead-end": Rule(
            sentence="The address where the redirects end answers with an error.",
            advice="See whether the target was renamed or removed with this release.",
        ),
    }

    paths: Mapping[str, Redirect]
    """Path of the service, or a full address, to where it leads: `{/old: {to: /new, status: 301}}`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.paths:
            raise ValueError("paths: name at least one")
        for path in self.paths:
            if not path.startswith("/"):
                check_address(path, "paths")
            elif path.startswith("//"):
                raise ValueError("paths: a path starts with one slash")

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Follow each redirect to its end, and compare the end with the expected one."""
        question = self.question(subject, world, fresh=False)
        faults: list[Fault] = []
        measured = 0
        facts: dict[str, str] = {}
        for path, expected in self.paths.items():
            chain = Chain(question, parts, path)
            chain.follow(expected.hops)
            measured += chain.is_measured
            facts[safe_url(chain.start)] = safe_url(chain.end)
            found = chain.faults(expected)
            faults += [replace(fault, lasting=subject.is_revision_live) for fault in found]
        sentence = f"{_counted(len(self.paths))} where expected."
        return conclude(self, faults, sentence=sentence, measured=measured, facts={"ends": facts})


def _counted(count: int) -> str:
    return "1 redirect leads" if count == 1 else f"{count} redirects lead"
