"""Gates that answer instead of a service: challenges, sign-ins, firewalls, load balancers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    from ci_ops.core.ports.http import Response

_MAX_BODY_CHARACTERS = 20_000
_HEADERS: tuple[tuple[str, str, str], ...] = (
    ("cf-mitigated", r"challenge", "a challenge of Cloudflare"),
    ("x-amzn-waf-action", r"challenge|captcha", "a challenge of AWS WAF"),
    ("x-vercel-mitigated", r"challenge|deny", "the firewall of Vercel"),
    ("x-goog-iap-generated-response", r"true", "Google's Identity-Aware Proxy"),
    ("www-authenticate", r"cloudflare-access", "Cloudflare Access"),
    ("set-cookie", r"_vercel_sso_nonce=", "the deployment protection of Vercel"),
    ("x-sucuri-block", r".", "the firewall of Sucuri"),
)
"""Response header that stands in a gate's own answers alone, pattern of its value, and who answers so.

Source: developers.cloudflare.com/cloudflare-challenges (detect a challenge page response),
docs.aws.amazon.com/waf (CAPTCHA and Challenge actions), vercel.com/docs/headers/response-headers,
cloud.google.com/iap/docs/faq, docs.sucuri.net.
"""
_REFUSALS = frozenset({403, 405, 406, 429, 503})
_REFUSAL_HEADERS: tuple[tuple[str, str, str], ...] = (
    ("x-datadome", r"protected", "a challenge of DataDome"),
    ("x-kpsdk-ct", r".", "a challenge of Kasada"),
)
"""The same for headers that answers of the service carry too: they count in a refusal. Source: docs.datadome.co."""
_BODIES: tuple[tuple[str, str], ...] = (
    (r"/cdn-cgi/challenge-platform/|\b_cf_chl_opt\b|\bcf-error-details\b", "a challenge of Cloudflare"),
    (r"^error code: 10\d\d\b", "the firewall of Cloudflare"),
    (r"_Incapsula_Resource|Incapsula incident ID", "the firewall of Imperva"),
    (r"<title>Access Denied</title>(?s:.){0,2000}Reference(?:&#32;|\s)(?:#|&#35;)", "the firewall of Akamai"),
    (r"\bpx-captcha\b|\b_pxAppId\b", "a challenge of HUMAN"),
    (r"\bcaptcha-delivery\.com\b", "a challenge of DataDome"),
)
"""Pattern of the body of a refusal, and who answers so."""
_LOAD_BALANCER = {
    463: "the load balancer: X-Forwarded-For has too many addresses",
    464: "the load balancer: the protocol version does not fit its target group",
    561: "the load balancer: its identity provider answered an error",
}
"""Source: docs.aws.amazon.com/elasticloadbalancing, "Troubleshoot your Application Load Balancers"."""
_CAPTIVE_NETWORK = 511
"""Never of an origin server. Source: RFC 6585 section 6."""
_GATE_PATHS = re.compile(
    r"/cdn-cgi/access/|/oauth2/(?:start|sign_in)\b|/\.pomerium/|/outpost\.goauthentik\.io/|/_oauth\b|/\.auth/login/"
)
"""Sign-in addresses of Cloudflare Access, oauth2-proxy, Pomerium, authentik, traefik-forward-auth, Azure."""
_SIGN_IN_PATH = re.compile(
    r"(?:^|[/_.-])(?:log-?in|sign-?in|sso|saml2?|oauth2?|oidc|authorize|auth|login_required)(?:$|[/_.-])",
    re.IGNORECASE,
)
_SIGN_IN_FIELDS = frozenset({"client_id", "response_type", "SAMLRequest", "wtrealm"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def gate_of(response: Response) -> str:
    """Return the gate that answered instead of the service; empty without a sign of one.

    Its response says nothing about the release, good or bad. An application's own 403, 429 and
    redirect to its sign-in page are its own.
    """
    return (
        _by_header(response.headers, _HEADERS)
        or _by_status(response)
        or _by_refusal(response)
        or _by_redirect(response)
        or _by_passed_redirect(response)
    )


def _by_header(headers: Mapping[str, str], known: tuple[tuple[str, str, str], ...]) -> str:
    for name, pattern, gate in known:
        if re.search(pattern, headers.get(name, ""), re.IGNORECASE):
            return gate
    return ""


def _by_status(response: Response) -> str:
    if response.status == _CAPTIVE_NETWORK:
        return "a captive network that wants a sign-in"
    return _LOAD_BALANCER.get(response.status, "")


def _by_refusal(response: Response) -> str:
    if response.status not in _REFUSALS:
        return ""
    text = response.text[:_MAX_BODY_CHARACTERS]
    by_body = next((gate for pattern, gate in _BODIES if re.search(pattern, text, re.IGNORECASE)), "")
    return by_body or _by_header(response.headers, _REFUSAL_HEADERS)


def _by_redirect(response: Response) -> str:
    location = response.headers.get("location", "")
    if response.status not in _REDIRECTS or not location:
        return ""
    return _sign_in_at(location, seen_from=response.url)


def _by_passed_redirect(response: Response) -> str:
    """Return the gate among followed redirects to another host; empty for none."""
    return _sign_in_at(response.url, seen_from=response.redirects[0]) if response.redirects else ""


def _sign_in_at(location: str, *, seen_from: str) -> str:
    try:
        here, there = urlsplit(seen_from), urlsplit(urljoin(seen_from, location))
    except ValueError:
        return ""
    if _GATE_PATHS.search(there.path):
        return f"an access gate, with its sign-in at {there.hostname}"
    if there.hostname not in {None, here.hostname} and _is_sign_in(there):
        return f"the sign-in of another host, {there.hostname}"
    return ""


def _is_sign_in(address: SplitResult) -> bool:
    if _SIGN_IN_FIELDS & set(parse_qs(address.query)):
        return True
    first_label = (address.hostname or "").partition(".")[0]
    return bool(_SIGN_IN_PATH.search(address.path) or _SIGN_IN_PATH.search(first_label))
