"""Which words are of ci-ops itself."""

import pytest

from ci_ops.edge.own_words import is_own_word


@pytest.mark.parametrize(
    ("word", "is_ours"),
    [("deployment", True), ("production", True), ("swordfish", False), ("ployment", False)],
)
def test_a_word_is_ours_where_the_source_has_it_whole(word: str, is_ours: bool) -> None:
    assert is_own_word(word) is is_ours
