"""Headers that would harm: of a page that only begins like documentation, and of an answer without a body."""

import pytest

from ci_ops.service.middleware.options import MiddlewareOptions
from ci_ops.service.middleware.security import SecurityHeaders
from tests.support.layers import Kind, Said

HTML = [("Content-Type", "text/html")]


def options() -> MiddlewareOptions:
    return MiddlewareOptions(security=SecurityHeaders(), limits=None, metrics=None, access_log=None)


@pytest.mark.parametrize("path", ["/docsearch", "/redocument", "/docs-of-mine"])
def test_a_page_that_only_begins_like_documentation_has_a_policy(kind: Kind, path: str) -> None:
    assert "content-security-policy" in kind.ask(Said(headers=HTML), options(), path).headers


def test_not_modified_does_not_put_the_policy_of_an_api_on_a_page_in_a_cache(kind: Kind) -> None:
    """RFC 9111, section 3.2: the headers of a 304 replace those of the stored answer."""
    headers = kind.ask(Said(status=304, headers=[("ETag", '"1"')], chunks=[]), options()).headers

    assert "content-security-policy" not in headers
    assert "referrer-policy" not in headers
    assert headers["x-content-type-options"] == "nosniff"


def test_not_modified_tells_nothing_of_the_content_even_where_it_has_a_type(kind: Kind) -> None:
    typed = [("content-type", "application/json")]
    layer = kind.layer(kind.make(Said(headers=typed)), options())
    assert "content-security-policy" in kind.send(layer).headers
    late = kind.layer(kind.make(Said(status=304, headers=typed, chunks=[])), options())
    late.table = layer.table  # one that knows the type already

    assert "content-security-policy" not in kind.send(late).headers
