"""Whether responses carry the security headers of browsers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._http.expect import ANSWER_RULES, NO_ANSWER_RULES, Expectation
from ci_ops.checks._http.page import is_html
from ci_ops.checks._http.pages import ELSEWHERE, Page, PagesCheck
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.checks.security_headers.problems import EXPECTED, problems_of, relevant
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule

if TYPE_CHECKING:
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_REDIRECTS = 5
_CREDENTIALS = frozenset({"authorization", "cookie", "x-api-key"})


@dataclass(frozen=True, kw_only=True)
class SecurityHeaders(PagesCheck):
    """Answers carry the security headers, and none that tells a version.

    Pages of HTML need more of them than other answers, such as JSON. Redirects
    on the same host are followed first. Every finding is a warning. Whether
    Strict-Transport-Security is there is a finding of `tls`.

    Source: OWASP Secure Headers Project (headers_add.json, headers_remove.json),
    OWASP HTTP Headers Cheat Sheet, RFC 6797 section 7.2.
    """

    expected: ClassVar[Expectation] = Expectation(redirects=MAX_REDIRECTS)
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        **{name: ANSWER_RULES[name] for name in ("status", "redirected", "aged")},
        "elsewhere": ELSEWHERE,
        "content-security-policy": Rule(
            sentence="No Content-Security-Policy restricts scripts.",
            advice="Send a policy that allows scripts by nonce or from named hosts; try it with "
            "Content-Security-Policy-Report-Only first.",
        ),
        "content-type-options": Rule(
            sentence="Browsers may guess the type of the answer.",
            advice="Send `X-Content-Type-Options: nosniff` with every answer.",
        ),
        "framing": Rule(
            sentence="Other sites may show the answer in a frame.",
            advice="Send `frame-ancestors` in the Content-Security-Policy, and `X-Frame-Options: DENY` or SAMEORIGIN.",
        ),
        "referrer-policy": Rule(
            sentence="Addresses of the service are sent to other sites.",
            advice="Send `Referrer-Policy: strict-origin-when-cross-origin`, or no-referrer for an API.",
        ),
        "opener-policy": Rule(
            sentence="A page that opens this one keeps access to its window.",
            advice="Send `Cross-Origin-Opener-Policy: same-origin`; same-origin-allow-popups for sign-ins in a popup.",
        ),
        "resource-policy": Rule(
            sentence="Other sites may load the answer as a resource.",
            advice="Send `Cross-Origin-Resource-Policy: same-origin`; cross-origin for a public API.",
        ),
        "permissions-policy": Rule(
            sentence="The page does not switch off what it does not use.",
            advice="Send `Permissions-Policy: camera=(), geolocation=(), microphone=()` and the like.",
        ),
        "xss-protection": Rule(
            sentence="X-XSS-Protection switches on a filter that is itself a weakness.",
            advice="Remove the header, or send `X-XSS-Protection: 0`.",
        ),
        "revealing": Rule(
            sentence="A header reveals the software or its version.",
            advice="Switch it off where it is made: `server_tokens off` (nginx), `--no-server-header` (uvicorn).",
        ),
        "cacheable": Rule(
            sentence="Caches may store an answer to a request with credentials.",
            advice="Send `Cache-Control: no-store` with answers to requests with credentials.",
        ),
        "hsts-over-http": Rule(
            sentence="Strict-Transport-Security is sent over plain http.",
            advice="Send it over https alone; behind a proxy, trust its X-Forwarded-Proto.",
        ),
    }

    def examine(self, pages: list[Page], faults: list[Fault], subject: Subject, world: World) -> Result:
        """Compare the headers of every page with those required for its kind."""
        del subject
        for page in pages:
            faults += self._faults(page, world)
        kinds = {page.name: "html" if is_html(page.answer) else "data" for page in pages}
        count = f"All {len(pages)} answers carry" if len(pages) > 1 else f"{''.join(kinds)} carries"
        sentence = f"{count} every recommended security header."
        return self.concluded(pages, faults, sentence=sentence, facts={"answers": kinds})

    def _faults(self, page: Page, world: World) -> Iterator[Fault]:
        headers = page.answer.headers
        found = problems_of(headers, is_page=is_html(page.answer), is_https=page.is_https)
        if is_html(page.answer) or not self._sends_credentials:
            found.pop("cacheable", "")
        for rule, problem in found.items():
            yield Fault(
                rule=rule,
                severity=Status.WARN,
                sentence=f"{page.name} {problem}.",
                expected=EXPECTED[rule],
                observed=evidence(world, relevant(headers, rule)),
                subject=page.name,
            )

    @property
    def _sends_credentials(self) -> bool:
        return any(name.lower() in _CREDENTIALS for name in self.send_headers)
