from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.environment import environment_key, is_environment_name, is_same_environment

NAMES = st.text(min_size=1, max_size=255).filter(is_environment_name)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("production", "production"),
        ("Production EU", "production%20eu"),
        ("review/pr-12", "review%2Fpr-12"),
        (".hidden", "%2Ehidden"),
        ("a%2fb", "a%252fb"),
    ],
)
def test_a_key_is_one_folder_whose_name_can_be_read(name: str, key: str) -> None:
    assert environment_key(name) == key


@given(NAMES)
def test_a_key_leads_nowhere_else_and_fits_into_a_file_name(name: str) -> None:
    key = environment_key(name)
    assert "/" not in key
    assert not key.startswith(".")
    assert len(key.encode()) <= 120


@given(NAMES, NAMES)
def test_two_names_share_a_key_only_where_they_are_the_same(one: str, other: str) -> None:
    assert (environment_key(one) == environment_key(other)) == is_same_environment(one, other)


def test_long_names_that_differ_at_their_end_keep_keys_of_their_own() -> None:
    assert environment_key("é" * 200 + "a") != environment_key("é" * 200 + "b")


def test_case_does_not_make_another_environment() -> None:
    assert is_same_environment("Production", "production ")
    assert environment_key("Production") == environment_key("production")
    assert not is_same_environment("prod", "production")
