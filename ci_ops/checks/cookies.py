"""Whether browsers accept the service's cookies and scripts cannot read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._http.expect import ANSWER_RULES, NO_ANSWER_RULES, Expectation
from ci_ops.checks._http.pages import Page, PagesCheck
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.text.weburl import is_loopback, read_url

if TYPE_CHECKING:
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_NAME_CHARACTERS = 60
_SESSION = re.compile(
    r"sess|(?:^|[._-])sid(?:$|[._-])|auth|token|jwt|login|remember|identity|account", re.IGNORECASE
)
_FOR_SCRIPTS = re.compile(r"csrf|xsrf", re.IGNORECASE)
"""Cookies that scripts have to read: their value is sent back in a header."""


@dataclass(frozen=True, kw_only=True)
class Cookies(PagesCheck):
    """Browsers accept the cookies, and session cookies are protected.

    A cookie that browsers refuse is a failure: a user who signs in is not signed
    in. A session cookie without Secure (over https), HttpOnly or SameSite is a
    warning. A cookie counts as one of a session by its name (session, sid, auth,
    token, jwt, login, remember, identity, account; not csrf or xsrf) or where
    `sessions` names it. Where no answer sets a cookie, the check is skipped.

    Source: draft-ietf-httpbis-rfc6265bis sections 4.1.3 (prefixes) and 5.7.
    """

    expected: ClassVar[Expectation] = Expectation(status=tuple(range(200, 400)))
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        **{name: ANSWER_RULES[name] for name in ("status", "aged")},
        "not-set": Rule(
            sentence="A cookie that was named is not set.",
            advice="Name in `paths` a path whose answer sets the cookie, such as the sign-in page.",
        ),
        "refused": Rule(
            sentence="Browsers refuse a cookie.",
            advice="Set the attributes that its name and its other attributes demand: SameSite=None, Partitioned and "
            "both prefixes need Secure; `__Host-` needs Path=/ and no Domain.",
        ),
        "insecure": Rule(
            sentence="A session cookie is sent over plain http too.",
            advice="Set Secure: SESSION_COOKIE_SECURE in Django and Flask.",
        ),
        "script-readable": Rule(
            sentence="Scripts can read a session cookie.",
            advice="Set HttpOnly: SESSION_COOKIE_HTTPONLY in Django and Flask.",
        ),
        "same-site": Rule(
            sentence="A session cookie does not say whether other sites' requests carry it.",
            advice="Set SameSite=Lax or Strict; None only where other sites embed the service.",
        ),
    }

    sessions: tuple[str, ...] = ()
    """Names of session cookies, such as `sessionid`; each of them has to be set."""

    def examine(self, pages: list[Page], faults: list[Fault], subject: Subject, world: World) -> Result:
        """Check every cookie of every page."""
        cookies = [
            cookie
            for page in pages
            for line in page.answer.set_cookies
            if (cookie := Cookie.read(page, line))
        ]
        for cookie in cookies:
            faults += self._faults(cookie, subject, world)
        names = {cookie.name for cookie in cookies}
        if pages:
            faults += [_not_set(name, pages) for name in self.sessions if name not in names]
        if not cookies and not faults:
            sentence = "No answer sets a cookie: name a path that does in `paths`."
            return self.result(Status.SKIP, sentence, measured=0)
        texts = sorted(evidence(world, name, MAX_NAME_CHARACTERS) for name in names)
        unseen = "" if all(page.is_https for page in pages) else "; over http, Secure was not judged"
        sentence = f"Browsers take {_counted(len(names))}, and those of sessions are protected{unseen}."
        return self.concluded(pages, faults, sentence=sentence, facts={"cookies": texts})

    def _faults(self, cookie: Cookie, subject: Subject, world: World) -> Iterator[Fault]:
        found = {"refused": cookie.refusal}
        if self._is_session(cookie.name):
            found |= {
                "insecure": "lacks Secure" if cookie.is_https and "secure" not in cookie.attributes else "",
                "script-readable": "" if "httponly" in cookie.attributes else "lacks HttpOnly",
                "same-site": "" if cookie.attributes.get("samesite") else "lacks SameSite",
            }
        name = evidence(world, cookie.name, MAX_NAME_CHARACTERS)
        for rule, problem in found.items():
            if problem:
                yield Fault(
                    rule=rule,
                    severity=Status.FAIL if rule == "refused" else Status.WARN,
                    sentence=f"The cookie {name} of {cookie.page} {problem}.",
                    expected=self.rules[rule].advice,
                    observed=evidence(world, cookie.header_text),
                    subject=f"{cookie.page} {name}",
                    transient=True,
                    lasting=subject.is_revision_live,
                )

    def _is_session(self, name: str) -> bool:
        is_usual = _SESSION.search(name) is not None and _FOR_SCRIPTS.search(name) is None
        return is_usual or name in self.sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class Cookie:
    """One `Set-Cookie`, without its value."""

    page: str
    name: str
    attributes: Mapping[str, str]
    """Lower-case names to values as sent."""
    host: str
    is_https: bool
    is_loopback: bool

    @classmethod
    def read(cls, page: Page, line: str) -> Cookie | None:
        """Return the cookie; None for one that is being deleted."""
        pair, *rest = line.split(";")
        name, has_value, value = pair.partition("=")
        split = (each.strip().partition("=") for each in rest)
        attributes = {key.strip().lower(): value.strip() for key, _, value in split}
        if not value.strip() or attributes.get("max-age", "1").startswith(("0", "-")):
            return None
        url = read_url(page.answer.url)
        return cls(
            page=page.name,
            name=name.strip() if has_value else "",
            attributes=attributes,
            host=(url.hostname or "").lower(),
            is_https=page.is_https,
            is_loopback=is_loopback(url),
        )

    @property
    def header_text(self) -> str:
        """The header as evidence, without its value, which is a secret."""
        texts = [f"{name}={value}" if value else name for name, value in self.attributes.items()]
        return "; ".join([f"{self.name}=…", *texts])

    @property
    def refusal(self) -> str:
        """Return why browsers refuse it; empty when they accept it."""
        has_secure, name = "secure" in self.attributes, self.name.lower()
        domain = self.attributes.get("domain", "").lower().lstrip(".")
        is_host_only = "domain" not in self.attributes and self.attributes.get("path") == "/"
        reasons = (
            (name.startswith("__host-") and not (has_secure and is_host_only))
            and "is refused: __Host- needs Secure, Path=/ and no Domain",
            (name.startswith("__secure-") and not has_secure) and "is refused: __Secure- needs Secure",
            (self.attributes.get("samesite", "").lower() == "none" and not has_secure)
            and "is refused: SameSite=None needs Secure",
            ("partitioned" in self.attributes and not has_secure) and "is refused: Partitioned needs Secure",
            (has_secure and not self.is_https and not self.is_loopback)
            and "is refused: Secure is set over plain http",
            (domain and self.host != domain and not self.host.endswith(f".{domain}"))
            and f"is refused: its Domain is not {self.host}",
        )
        return next((reason for reason in reasons if reason), "")


def _not_set(name: str, pages: list[Page]) -> Fault:
    return Fault(
        rule="not-set",
        severity=Status.ERROR,
        sentence=f"No answer sets the cookie {name}.",
        expected=f"a Set-Cookie of {name}",
        observed=f"other cookies or none at {', '.join(page.name for page in pages)}",
        subject=name,
        transient=True,
    )


def _counted(count: int) -> str:
    return "1 cookie" if count == 1 else f"{count} cookies"
