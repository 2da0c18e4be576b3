"""Text that holds a secret loses it, and text that cannot hold one costs next to nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.text import redact
from ci_ops.core.text.redact import redact_patterns

PIECES = st.sampled_from(
    [
        "password",
        "PASSWD",
        "toKen",
        "api_key",
        "ap\u0131-key",
        "\u017fecret",
        "=",
        ":",
        "://",
        "@",
        " ",
        "x",
        "\u212a",
    ]
)


def _searched_everywhere(text: str) -> str:
    text = redact._URL_PASSWORD.sub(r"\g<head>***", text)
    return redact._ASSIGNED.sub(r"\g<head>***", text)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_looking_for_words_first_hides_exactly_the_same(text: str) -> None:
    assert redact_patterns(text) == _searched_everywhere(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://app:hunter2@db/shop", "postgresql://app:***@db/shop"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("API-KEY = abc", "API-KEY = ***"),
        ("\u017fecret=abc", "\u017fecret=***"),
        ("status: 200, id=7", "status: 200, id=7"),
        ("nothing to see", "nothing to see"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert redact_patterns(text) == shown


def test_a_path_is_no_assignment() -> None:
    assert redact_patterns("/etc/passwd: Permission denied") == "/etc/passwd: Permission denied"
    assert redact_patterns("passwd: abcdefgh") == "passwd: ***"


def test_each_long_line_of_a_secret_is_hidden_and_short_ones_are_not() -> None:
    hide = redact.Redactor(["first-long-line\nab\nsecond-long-line"])
    assert hide("first-long-line ab second-long-line") == "*** ab ***"
