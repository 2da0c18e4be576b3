"""Which proxy the environment names for an address."""

from __future__ import annotations

import pytest

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.address import Address
from ci_ops.edge.proxy import proxy_for

PROXY = "http://proxy.invalid:3128"


@pytest.mark.parametrize(
    ("url", "env", "proxy"),
    [
        ("http://a.example/", {}, ""),
        ("http://a.example/", {"http_proxy": PROXY}, PROXY),
        ("http://a.example/", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://a.example/", {"http_proxy": PROXY, "HTTP_PROXY": "http://other"}, PROXY),
        ("http://a.example/", {"https_proxy": PROXY}, ""),
        ("https://a.example/", {"HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://other"}, PROXY),
        ("https://a.example/", {"all_proxy": PROXY}, PROXY),
        ("https://a.example/", {"ALL_PROXY": " proxy.invalid:3128 "}, PROXY),
        ("http://a.example/", {"http_proxy": ""}, ""),
        ("http://localhost:8000/", {"http_proxy": PROXY}, ""),
        ("http://app.localhost/", {"http_proxy": PROXY}, ""),
        ("http://127.9.9.9/", {"http_proxy": PROXY}, ""),
        ("http://[::1]/", {"http_proxy": PROXY}, ""),
    ],
)
def test_the_usual_variables_are_read(url: str, env: dict[str, str], proxy: str) -> None:
    assert proxy_for(Address.read(url), env) == proxy


@pytest.mark.parametrize(
    ("url", "no_proxy", "excepted"),
    [
        ("http://a.example/", "*", True),
        ("http://a.example/", "a.example", True),
        ("http://A.Example./", "A.EXAMPLE", True),
        ("http://b.a.example/", "a.example", True),
        ("http://b.a.example/", ".a.example", True),
        ("http://b.a.example/", "*.a.example", True),
        ("http://ba.example/", "a.example", False),
        ("http://a.example/", "other, a.example", True),
        ("http://a.example/", "other a.example", True),
        ("http://a.example:8080/", "a.example:8080", True),
        ("http://a.example/", "a.example:8080", False),
        ("http://a.example/", ", ,.", False),
        ("http://10.1.2.3/", "10.0.0.0/8", True),
        ("http://11.1.2.3/", "10.0.0.0/8", False),
        ("http://10.1.2.3/", "10.1.2.3", True),
        ("http://[2001:db8::1]/", "2001:db8::/32", True),
        ("http://[2001:db8::1]/", "[2001:db8::1]", True),
        ("http://a.example/", "10.0.0.0/8", False),
        ("http://a.example/", "", False),
    ],
)
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_exceptions_are_kept(url: str, no_proxy: str, excepted: bool, name: str) -> None:
    env = {"http_proxy": PROXY, name: no_proxy}
    assert (proxy_for(Address.read(url), env) == "") is excepted


def test_a_kind_of_proxy_that_is_not_supported_is_named_without_its_password() -> None:
    with pytest.raises(HttpError) as caught:
        proxy_for(Address.read("http://a.example/secret"), {"http_proxy": "socks5://user:hunter22@proxy"})
    assert (caught.value.kind, caught.value.transient) == ("proxy", False)
    assert (
        caught.value.sentence
        == "the proxy for http://a.example is of the kind socks5, which is not supported"
    )
