"""One hop of a request: its method, address, headers and body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import requests

from ci_ops import __version__
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.weburl import header_problem
from ci_ops.edge.address import Address
from ci_ops.edge.body import ACCEPTED

USER_AGENT = f"ci-ops/{__version__}"
_REDIRECTS = {301, 302, 303, 307, 308}
_KEPT_ELSEWHERE = {
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "user-agent",
}
"""The only headers that a redirect takes along to another origin: any other one may be a secret."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """One hop of a request."""

    method: str
    address: Address
    headers: Mapping[str, str]
    body: bytes | None

    @classmethod
    def to(cls, method: str, address: Address, *, headers: Mapping[str, str], body: bytes | None) -> Errand:
        """Return the first hop. Raises HttpError for a method or header that HTTP cannot carry."""
        if not _TOKEN.fullmatch(method):
            raise HttpError("header", "the method is not one that HTTP can carry", transient=False)
        sent = {"user-agent": ("User-Agent", USER_AGENT), "accept": ("Accept", "*/*")}
        sent["accept-encoding"] = ("Accept-Encoding", ACCEPTED)
        if address.credentials:
            sent["authorization"] = ("Authorization", address.credentials)
        for name, value in headers.items():
            _refuse_unfit(name, value)
            sent[name.lower()] = (name, value)
        return cls(method=method, address=address, headers=dict(sent.values()), body=body)

    def prepared(self, *, fresh: bool) -> requests.PreparedRequest:
        """Return the hop as a prepared request of requests."""
        headers = requests.structures.CaseInsensitiveDict(self.headers)
        if fresh:
            headers.setdefault("Connection", "close")
        request = requests.PreparedRequest()
        try:
            request.prepare(method=self.method, url=self.address.url, headers=headers, data=self.body)
        except (requests.RequestException, ValueError):
            raise HttpError("url", "the address cannot be used", transient=False) from None
        return request

    def after(self, status: int, location: str) -> Errand | None:
        """Return the hop that a redirect leads to; None for a final response. Raises HttpError.

        Raises HttpError.

        Source: fetch.spec.whatwg.org section 4.4, HTTP-redirect fetch.
        """
        if status not in _REDIRECTS or not location:
            return None
        target = self.address.follow(location)
        becomes_get = (status == 303 and self.method not in {"GET", "HEAD"}) or (
            status in {301, 302} and self.method == "POST"
        )
        dropped = {"content-type", "content-encoding", "content-length"} if becomes_get else set[str]()
        same = target.origin == self.address.origin
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in dropped and (same or name.lower() in _KEPT_ELSEWHERE)
        }
        return replace(
            self,
            method="GET" if becomes_get else self.method,
            body=None if becomes_get else self.body,
            address=target,
            headers=headers,
        )


def _refuse_unfit(name: str, value: str) -> None:
    if problem := header_problem(name, value):
        raise HttpError("header", problem, transient=False)
