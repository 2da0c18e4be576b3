from ci_ops.core.text.nearmiss import did_you_mean


def test_the_nearest_known_word_is_suggested() -> None:
    assert did_you_mean("helth", ["tls", "health"]) == "; did you mean health?"


def test_underscores_and_case_do_not_count() -> None:
    assert did_you_mean("FAIL_ON", ["fail-on"]) == "; did you mean fail-on?"


def test_nothing_is_suggested_for_a_word_that_is_like_none() -> None:
    assert did_you_mean("xyz", ["tls", "health"]) == ""


def test_an_endless_word_is_compared_quickly() -> None:
    assert did_you_mean("health" * 100_000, ["health"]) == ""
