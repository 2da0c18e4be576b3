import pytest

from ci_ops.core.health.status import Status
from ci_ops.core.health.words import component_status, health_status, health_word, http_status_of


@pytest.mark.parametrize("word", [None, 1, True, "true", "FALSE", "connected", "alive", ""])
def test_an_overall_word_nobody_agreed_on_is_an_error(word: object) -> None:
    assert health_status(word) is Status.ERROR


def test_error_and_out_of_service_mean_fail_in_a_health_document() -> None:
    assert (health_status("error"), health_status("OUT_OF_SERVICE")) == (Status.FAIL, Status.FAIL)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        (True, "pass"),
        (False, "fail"),
        ("Connected", "pass"),
        ("unreachable ", "fail"),
        ("warn", "warn"),
        (3, "error"),
    ],
)
def test_a_part_may_speak_in_booleans_and_connection_words(word: object, status: str) -> None:
    assert component_status(word) is Status(status)


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        (Status.PASS, "pass", 200),
        (Status.WARN, "warn", 200),
        (Status.SKIP, "warn", 200),
        (Status.FAIL, "fail", 503),
        (Status.ERROR, "fail", 503),
    ],
)
def test_only_fail_and_error_answer_503(status: Status, word: str, code: int) -> None:
    assert (health_word(status), http_status_of(status)) == (word, code)
