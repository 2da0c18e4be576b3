import pytest

from ci_ops.service.routes.accept import preferred

OFFERS = ("application/health+json", "application/json", "text/plain")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/health+json"),
        ("*/*", "application/health+json"),
        ("application/json", "application/json"),
        ("text/*", "text/plain"),
        ("TEXT/PLAIN;q=0.9, application/json;q=0.5", "text/plain"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/health+json"),
        ("image/png", "application/health+json"),
        ("application/*;q=0.2, text/plain;q=0.1", "application/health+json"),
        ("text/plain;q=high, application/json;q=0.1", "application/json"),
        ("application/health+json;q=0, */*", "application/json"),
        (" , ;", "application/health+json"),
    ],
)
def test_the_client_gets_what_it_would_rather_have(accept: str, chosen: str) -> None:
    assert preferred(accept, OFFERS) == chosen
