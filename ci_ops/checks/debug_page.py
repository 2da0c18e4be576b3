"""Whether the service exposes the debug pages of its framework."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.compare import gate_fault, is_transient_status
from ci_ops.checks._http.expect import ANSWER_RULES, ANY_ANSWER, NO_ANSWER_RULES
from ci_ops.checks._http.freshness import age_seconds, cache_sign
from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import at_path, new_nonce, safe_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_READ_CHARACTERS = 200_000
"""Debug pages are long; what tells them stands near their start or their end."""
ACCEPTED_BY_BROWSERS = "text/html,*/*;q=0.8"
"""Some frameworks answer programs without their debug page."""
_REFUSALS = frozenset({404, 410})
_DEBUG_PAGES: tuple[tuple[str, str], ...] = (
    (r"because (?:you have <code>DEBUG = True</code>|<a [^>]{0,200}>DEBUG=True</a>)", "Django"),
    (r"<title>[^<]{0,200}// Werkzeug Debugger</title>", "Werkzeug (Flask)"),
    (r"<title>Starlette Debugger</title>", "Starlette"),
    (r"<title>Action Controller: Exception caught</title>", "Rails"),
    (r"<title>[^<]{0,200}Whoops! There was an error|\bwindow\.ignite\(", "Laravel"),
    (r">\s?Symfony Exception<|\bsf-toolbar\b", "Symfony"),
    (r"<b>\s?Stack Trace:</b>|An unhandled exception occurred while processing the request", "ASP.NET"),
    (r"<title>[^<]{0,200} at (?:GET|POST) /[^<]{0,200}</title>", "Phoenix"),
    (r"Traceback \(most recent call last\):", "Python, with a traceback"),
    (r"^[ \t]{1,40}at [\w$.<>]{1,200} ?\([^()\n]{1,300}:\d{1,6}:\d{1,6}\)", "Node.js, with a stack trace"),
    (
        r"\bat (?:[\w$]{1,100}\.){2,30}[\w$<>]{1,100}\([\w$]{1,100}\.(?:java|kt|scala):\d",
        "Java, with a stack trace",
    ),
    (
        r"<b>(?:Fatal error|Warning|Parse error|Notice)</b>: [^<]{1,400} in <b>[^<]{1,300}</b> on line <b>",
        "PHP",
    ),
)
"""Pattern that stands in a debug page alone, and whose it is."""
_DEBUGGER_QUERY = "__debugger__=yes&cmd=resource&f=style.css"
"""The stylesheet of Werkzeug's debugger, which only a debugger that is switched on serves.

Source: werkzeug.debug.DebuggedApplication.__call__, Werkzeug 3.1.
"""
_DEBUGGER_STYLE = re.compile(r"div\.debugger\b|\.traceback\b")


@dataclass(frozen=True, kw_only=True)
class DebugPage(HttpCheck):
    """An address that does not exist shows no debug page.

    Debug pages show settings, source code and variables to anyone; Werkzeug's
    debugger runs code. Frameworks that answer a plain 404 also with debugging
    on (Flask, FastAPI) are recognised by the debugger alone, where it is there.
    """

    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        **{name: ANSWER_RULES[name] for name in ("status", "aged")},
        "debug-page": Rule(
            sentence="The service shows a debug page.",
            advice="Switch debugging off in this environment: DEBUG = False (Django), no `--debug` (Flask), "
            "`debug=False` (FastAPI, Starlette), NODE_ENV=production (Node.js).",
        ),
        "debugger": Rule(
            sentence="The debugger of Werkzeug is reachable.",
            advice="Start the application with a production server such as gunicorn, without `--debug` and "
            "FLASK_DEBUG: the debugger runs any code that is sent to it.",
        ),
        "not-a-refusal": Rule(
            sentence="An address that cannot exist is answered as if it did.",
            advice="Name in `prefix` a path whose addresses the application answers itself, such as /api/: a page that "
            "answers everywhere hides the 404 of the application.",
        ),
    }

    prefix: str = "/"
    """Path below which an address is made up, such as `/api/`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prefix.startswith("/") or self.prefix.startswith("//") or "?" in self.prefix:
            raise ValueError("prefix: a path starts with one slash and has no query")

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Request an address that cannot exist, then the stylesheet of Werkzeug's debugger."""
        question = replace(self.question(subject, world, fresh=False), accept=ACCEPTED_BY_BROWSERS)
        url = at_path(parts, f"{self.prefix.rstrip('/')}/ci-ops-{new_nonce()}")
        name = safe_url(at_path(parts, self.prefix))
        answer = question.ask(url, ANY_ANSWER)
        if isinstance(answer, HttpError):
            return conclude(self, [unanswered(world, answer, subject=name)], sentence="", measured=0)
        faults = list(self._judge(world, name, answer, is_deployed=subject.is_revision_live))
        if not faults:
            faults += self._debugger(question, parts, name, is_deployed=subject.is_revision_live)
        sentence = (
            f"An address that does not exist below {name} answers {answer.status} without a debug page."
        )
        return conclude(self, faults, sentence=sentence, measured=1, facts={"status": answer.status})

    def _judge(self, world: World, name: str, answer: Response, *, is_deployed: bool) -> Iterator[Fault]:
        gate = gate_fault(world, answer, name)
        kind = debug_page_in(answer)
        if gate is not None:
            yield gate
        elif kind:
            yield Fault(
                rule="debug-page",
                severity=Status.FAIL,
                sentence=f"{name} shows the debug page of {kind} for an address that does not exist.",
                expected="404 without details",
                observed=f"{answer.status} with the debug page of {kind}",
                subject=name,
                transient=True,
                lasting=is_deployed,
            )
        elif age_seconds(answer) or cache_sign(answer):
            yield Fault(
                rule="aged",
                severity=Status.FAIL,
                sentence=f"{name} answers from a cache for an address that does not exist.",
                expected="an answer of the application",
                observed=cache_sign(answer) or f"Age: {age_seconds(answer)}",
                subject=name,
                transient=True,
            )
        elif answer.status not in _REFUSALS:
            yield _other_status(world, name, answer)

    def _debugger(
        self, question: Question, parts: SplitResult, name: str, *, is_deployed: bool
    ) -> Iterator[Fault]:
        answer = question.ask(at_path(parts, f"/?{_DEBUGGER_QUERY}"), ANY_ANSWER)
        if isinstance(answer, HttpError):
            yield unanswered(question.world, answer, subject=name)
            return
        if not _DEBUGGER_STYLE.search(answer.text[:MAX_READ_CHARACTERS]):
            return
        yield Fault(
            rule="debugger",
            severity=Status.FAIL,
            sentence=f"{name} serves the debugger of Werkzeug, which runs any code that is sent to it.",
            expected="no debugger",
            observed="the debugger's stylesheet",
            subject=name,
            transient=True,
            lasting=is_deployed,
        )


def debug_page_in(answer: Response) -> str:
    """Return the framework whose debug page the response is; empty for none."""
    text = answer.text
    text = (
        text
        if len(text) <= 2 * MAX_READ_CHARACTERS
        else text[:MAX_READ_CHARACTERS] + text[-MAX_READ_CHARACTERS:]
    )
    return next((kind for pattern, kind in _DEBUG_PAGES if re.search(pattern, text, re.MULTILINE)), "")


def _other_status(world: World, name: str, answer: Response) -> Fault:
    """Return the fault for a response other than 404, such as a server error."""
    is_broken = answer.status >= 500
    return Fault(
        rule="status" if is_broken else "not-a-refusal",
        severity=Status.FAIL if is_broken else Status.WARN,
        sentence=f"{name} answers {answer.status} for an address that does not exist.",
        expected="404",
        observed=evidence(world, f"{answer.status}: {answer.headers.get('location') or answer.text}", 160),
        subject=name,
        transient=is_transient_status(answer.status),
    )
