from __future__ import annotations

import email.message
import urllib.error
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import requests

from ci_ops.core.text.retry_after import parse_retry_after, requested_wait_seconds

NOW = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 400, 1e9),
        ("Sun, 22 Nov 2026 08:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 08:01:30 -0000", 90.0),
        ("Sun, 22 Nov 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_both_forms_of_the_header_are_read_and_nothing_else(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, now=NOW) == seconds


def test_without_a_given_time_a_date_is_compared_with_now() -> None:
    assert parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == 0.0


class Busy(Exception):
    def __init__(self, **what: object) -> None:
        super().__init__("busy")
        self.__dict__.update(what)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Busy(retry_after=7), 7.0),
        (Busy(retry_after_seconds=2.5, retry_after=9), 2.5),
        (Busy(retry_after_seconds=None, retry_after=9), 9.0),
        (Busy(retry_after=-3), 0.0),
        (Busy(retry_after=float("inf")), None),
        (Busy(retry_after="7"), None),
        (Busy(response=SimpleNamespace(headers={"Retry-After": "3"})), 3.0),
        (Busy(response=SimpleNamespace(headers={})), None),
        (Busy(response=None), None),
        (Busy(headers=["Retry-After"]), None),
        (Busy(), None),
    ],
)
def test_an_error_is_asked_for_the_wait_it_carries(error: Exception, seconds: float | None) -> None:
    assert requested_wait_seconds(error) == seconds


def test_errors_of_requests_and_urllib_are_understood() -> None:
    response = requests.Response()
    response.headers["retry-after"] = "11"
    assert requested_wait_seconds(requests.HTTPError(response=response)) == 11.0
    headers = email.message.Message()
    headers["Retry-After"] = "12"
    error = urllib.error.HTTPError("http://localhost/", 503, "busy", headers, None)
    assert requested_wait_seconds(error) == 12.0
    error.close()
