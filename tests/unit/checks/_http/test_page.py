from __future__ import annotations

import pytest

from ci_ops.checks._http.page import page_in
from ci_ops.core.ports.http import Response
from tests.support.checking import a_world


def page(body: str, kind: str = "text/html; charset=utf-8") -> str:
    headers = {"content-type": kind} if kind else {}
    answer = Response(status=200, headers=headers, body=body.encode(), seconds=0.0, url="https://shop")
    return page_in(a_world(), answer)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('<title>Shop</title><div id="root"></div>', 'the index page of a single-page application, "Shop"'),
        ("<!doctype html><body><div id=app></div>", "the index page of a single-page application"),
        ("<app-root></app-root>", "the index page of a single-page application"),
        ('<form><input name="p" type="password"></form>', "a sign-in page"),
        ("<title>Log in · Shop</title>", 'a sign-in page, "Log in · Shop"'),
        ("<title>Down for maintenance</title>", 'a maintenance page, "Down for maintenance"'),
        ("<h1>We'll be right back</h1>", "a maintenance page"),
        ("<title>Welcome to nginx!</title>", 'the default page of a web server, "Welcome to nginx!"'),
        ("<html><body><h1>It works!</h1></body></html>", "the default page of a web server"),
        ("<title>Fish &amp; chips\n</title>", 'a page of HTML, "Fish & chips"'),
        ("<p>fine", "a page of HTML"),
    ],
)
def test_a_page_is_named_by_its_kind_and_title(body: str, what: str) -> None:
    assert page(body) == what


@pytest.mark.parametrize("kind", ["", "text/plain", "application/octet-stream"])
def test_a_page_is_known_by_its_start_where_the_type_does_not_say_so(kind: str) -> None:
    assert page("\ufeff <!-- made by hand --> <!DOCTYPE html><p>", kind) == "a page of HTML"
    assert page("<html>", kind) == "a page of HTML"
    assert page('{"status": "pass", "note": "<html>"}', kind) == ""
    assert page("ok", kind) == ""


def test_an_empty_body_is_no_page() -> None:
    assert page(" \n") == ""


def test_a_title_is_cut_and_free_of_control_characters() -> None:
    what = page(f"<title>\x1b[31m{'long ' * 40}</title>")
    assert "\x1b" not in what
    assert len(what) < 100
