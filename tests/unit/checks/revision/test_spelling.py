from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ci_ops.checks.revision.spelling import commits_in, is_dirty, is_known, same_revision, short
from tests.support.checking import NEW

SHA = "1f2e3d4c5b6a79880716253443526170f8e9dacb"
OTHER = "9b8a7c6d" * 5
ONLY_DECIMALS = "2026120" + "1" * 33
DIGITS = st.text("0123456789abcdef", min_size=40, max_size=40)
SPELLINGS = (
    "sha-{}",
    "git-{}",
    "commit:{}",
    "v1.4.0-14-g{}",
    "v1.4.0-g{}",
    "1.4.0+{}",
    "0.1.dev5+g{}",
    "main-{}",
    "main@sha1:{}",
    "feature/cart-2-{}-1764547200",
    "20261201-{}",
    "ghcr.io/org/shop:sha-{}",
)
DIRTY = ("{}-dirty", "v1.4.0-14-g{}-dirty", "{}_uncommitted_23494aa9", "0.1.dev5+g{}.d20261201", "{}+")


@given(DIGITS, st.integers(7, 40), st.sampled_from(SPELLINGS))
def test_a_decorated_commit_equals_the_commit_itself(commit: str, length: int, spelling: str) -> None:
    assert same_revision(spelling.format(commit[:length]), commit)
    assert same_revision(commit, spelling.format(commit[:length]).upper())


@given(DIGITS, DIGITS, st.integers(7, 40), st.sampled_from(SPELLINGS))
def test_another_commit_in_the_same_dress_is_another_one(
    one: str, other: str, length: int, spelling: str
) -> None:
    assume(one[:7] != other[:7] and not other.startswith(("20261201", "1764547200")))
    assert not same_revision(spelling.format(one[:length]), other)


@pytest.mark.parametrize("spelling", DIRTY)
def test_a_tree_with_changes_of_its_own_is_never_the_commit(spelling: str) -> None:
    told = spelling.format(SHA[:7])
    assert is_dirty(told)
    assert not same_revision(told, SHA)


@pytest.mark.parametrize("digits", [41, 44, 63, 65])
def test_more_digits_than_a_commit_has_are_none(digits: int) -> None:
    told = (SHA + SHA)[:digits]
    assert not same_revision(told, SHA)
    assert commits_in(told) == ()
    assert short(told) != SHA[:7]


def test_the_digits_of_a_sha256_commit_are_compared_too() -> None:
    commit = "ab" * 32
    assert same_revision(commit, commit.upper())
    assert same_revision(commit[:12], commit)


@pytest.mark.parametrize(
    "told", ["v1.4.0", "2026.12.1", "build 17", "1.4.0-rc1", "", "shop@sha256:" + "a" * 64]
)
def test_a_version_names_no_commit(told: str) -> None:
    assert commits_in(told) == ()
    assert not same_revision(told, SHA)


def test_decimal_digits_name_a_commit_only_when_they_fit_it() -> None:
    assert commits_in("20261201-1f2e3d4") == ("1f2e3d4",)
    assert commits_in("main-2026120") == ()
    assert commits_in("v1-g2026120") == commits_in("sha-2026120") == ("2026120",)
    assert same_revision("main-2026120", ONLY_DECIMALS)
    assert not same_revision("main-2026120", SHA)


def test_two_commits_in_one_revision_are_not_compared() -> None:
    assert not same_revision(f"{OTHER[:7]}..{SHA[:7]}", SHA)


def test_two_decorated_revisions_are_compared_by_their_commits() -> None:
    assert same_revision("sha-1f2e3d4", "main-1f2e3d4c")
    assert not same_revision("sha-1f2e3d4", "main-9b8a7c6")


@given(DIGITS, st.integers(7, 40), st.booleans())
def test_a_commit_equals_every_start_of_itself_from_seven_digits_on(
    commit: str, length: int, upper: bool
) -> None:
    start = commit[:length].upper() if upper else commit[:length]
    assert same_revision(commit, f" {start} ")
    assert same_revision(start, commit)


@given(DIGITS, st.integers(1, 6))
def test_fewer_digits_are_never_enough(commit: str, length: int) -> None:
    assert not same_revision(commit, commit[:length])
    assert not is_known(commit[:length])


@given(DIGITS, DIGITS)
def test_two_commits_are_the_same_only_when_they_are(one: str, other: str) -> None:
    assert same_revision(one, other) is (one == other)


def test_other_names_of_a_release_are_compared_as_they_are() -> None:
    assert same_revision("v1.4.2", "V1.4.2")
    assert not same_revision("v1.4.2", "v1.4.20")
    assert short("v1.4.2") == "v1.4.2"
    assert short(NEW.upper()) == "2222222"
    assert is_known("v1.4.2")
