from __future__ import annotations

import base64
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.text.redact import Redactor
from ci_ops.core.text.weburl import (
    at_path,
    fresh_url,
    has_path,
    is_loopback,
    is_open,
    new_nonce,
    passwords_in,
    port_of,
    read_url,
    safe_url,
    secrets_in,
    secrets_in_text,
    without_user_info,
)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "no address is given"),
        ("https://shop.example.com/a b", "the address has blanks or control characters in it"),
        ("https://shop\r\n.example.com", "the address has blanks or control characters in it"),
        ("https://[::1/", "the address has a host or port that cannot be read"),
        ("https://shop:port/", "the address has a host or port that cannot be read"),
        ("https://shop:70000/", "the address has a host or port that cannot be read"),
        ("shop.example.com", "the address does not start with https:// or http://"),
        ("ftp://shop.example.com", "the address does not start with https:// or http://"),
        ("file:///etc/passwd", "the address does not start with https:// or http://"),
        ("https://", "the address has no usable host and port"),
        ("https://:443/", "the address has no usable host and port"),
        ("https://shop:0/", "the address has no usable host and port"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        read_url(url)


@given(st.text())
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    for url in (text, f"https://{text}"):
        with suppress(ValueError):
            assert read_url(url).hostname
        assert isinstance(safe_url(url), str)


@pytest.mark.parametrize(
    ("url", "typed"),
    [
        ("https://shop.example.com", False),
        ("https://shop.example.com/", False),
        ("https://shop.example.com/health", True),
        ("https://shop.example.com/?check=1", True),
    ],
)
def test_an_address_with_more_than_a_host_is_meant_as_typed(url: str, *, typed: bool) -> None:
    assert has_path(read_url(url)) is typed


def test_a_path_is_put_on_the_same_server_with_the_same_user_info() -> None:
    parts = read_url("https://user:pass@shop.example.com:8443/health?x=1#y")
    assert at_path(parts, "/orders?page=2") == "https://user:pass@shop.example.com:8443/orders?page=2"
    assert at_path(parts, "") == "https://user:pass@shop.example.com:8443/"


def test_what_is_shown_of_an_address_has_no_user_info_and_no_query() -> None:
    assert safe_url("https://user:pass@shop.example.com/a?token=abc#x") == "https://shop.example.com/a"
    assert safe_url("https://[bad") == "an address that cannot be read"
    assert without_user_info("https://user:p@shop/a?b=c") == "https://shop/a?b=c"


def test_the_password_of_an_address_is_hidden_in_every_form_it_travels_in() -> None:
    redact = Redactor(secrets_in(read_url("https://robot:p%40ssw0rd-long@shop/")))
    basic = base64.b64encode(b"robot:p@ssw0rd-long").decode()
    for text in ("p@ssw0rd-long", "p%40ssw0rd-long", basic, "robot:p@ssw0rd-long"):
        assert "ssw0rd" not in redact(f"I got {text} from you")
        assert basic not in redact(f"I got {text} from you")
    assert secrets_in(read_url("https://shop/")) == ()


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:8000", True),
        ("http://LOCALHOST.", True),
        ("http://shop.localhost", True),
        ("http://127.0.0.1", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:80", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("http://[::2]", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, *, loopback: bool) -> None:
    assert is_loopback(read_url(url)) is loopback
    assert is_open(read_url(url)) is not loopback
    assert not is_open(read_url(url.replace("http://", "https://")))


def test_the_port_is_the_written_one_or_the_scheme_s_own() -> None:
    assert [port_of(read_url(url)) for url in ("http://a", "https://a", "http://a:81")] == [80, 443, 81]


def test_two_requests_never_have_the_same_query() -> None:
    one, other = (fresh_url("https://shop/a?b=c#d", new_nonce()) for _ in range(2))
    assert one != other
    assert parse_qs(urlsplit(one).query)["b"] == ["c"]
    assert urlsplit(one).fragment == ""
    assert urlsplit(fresh_url("https://shop/a", "0123456789abcdef")).query == "ci-ops=0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://shop:p%40ss@db/shop", ("p@ss", "p%40ss")),
        ("postgresql://shop@db/shop", ()),
        ("postgresql://[::1/shop", ()),
    ],
)
def test_the_password_of_a_database_is_found_and_its_user_is_not(url: str, found: tuple[str, ...]) -> None:
    assert passwords_in(url) == found


def test_an_address_that_cannot_be_read_has_no_secrets() -> None:
    assert secrets_in_text("https://[::1/hook") == ()
    assert "pa55word" in secrets_in_text("https://mona:pa55word@shop.example.com/")
