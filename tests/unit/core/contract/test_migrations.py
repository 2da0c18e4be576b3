from __future__ import annotations

import pytest

from ci_ops.core.contract.migrations import (
    MigrationState,
    broken_indexes,
    compare_migrations,
    compare_revisions,
    listed,
    newer_rows,
)

PARENTS = {"a1": (), "b2": ("a1",), "x1": ("b2",), "y1": ()}
FIRST, SECOND, SQUASHED = ("shop", "0001_a"), ("shop", "0002_b"), ("shop", "0001_squashed_0002_b")


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (["x1", "y1"], MigrationState(head="b2, x1, y1")),
        (["b2", "y1"], MigrationState(head="b2, x1, y1", pending=("x1",))),
        (["x1"], MigrationState(head="b2, x1, y1", pending=("y1",))),
        ([], MigrationState(head="b2, x1, y1", pending=("b2", "x1", "y1"))),
        (["z9"], MigrationState(head="b2, x1, y1", unknown=("z9",))),
        (["z9", "y1"], MigrationState(head="b2, x1, y1", unknown=("z9",), pending=("b2", "x1"))),
        (["x1", "y1", "y1"], MigrationState(head="b2, x1, y1", repeated=("y1",))),
    ],
)
def test_revisions_that_another_row_implies_are_applied(
    recorded: list[str], expected: MigrationState
) -> None:
    assert compare_revisions(recorded, heads={"b2", "x1", "y1"}, parents=PARENTS) == expected


def test_revisions_that_lead_in_a_circle_end() -> None:
    assert compare_revisions(["a"], heads={"b"}, parents={"a": ("b",), "b": ("a",)}).pending == ()


@pytest.mark.parametrize(
    ("rows", "pending", "repeated"),
    [
        ([FIRST, SECOND], (), ()),
        ([SQUASHED], ("shop.0002_b",), ()),
        ([FIRST], ("shop.0001_squashed_0002_b", "shop.0002_b"), ()),
        ([FIRST, SECOND, SECOND], (), ("shop.0002_b",)),
    ],
)
def test_a_squashed_migration_is_applied_once_its_parts_are(
    rows: list[tuple[str, str]], pending: tuple[str, ...], repeated: tuple[str, ...]
) -> None:
    state = compare_migrations(rows, plan=[SQUASHED, SECOND, SECOND], replaces={SQUASHED: [FIRST, SECOND]})
    assert (state.pending, state.repeated) == (pending, repeated)


def test_rows_after_the_last_known_one_are_of_a_newer_release() -> None:
    rows = [("shop", "0001_gone"), FIRST, ("shop", "0003_new"), ("other", "0001")]
    assert newer_rows(rows, {FIRST}) == ("shop.0003_new",)
    assert newer_rows(rows, set()) == ()


def test_invalid_indexes_are_those_of_the_search_path_and_of_named_schemas() -> None:
    rows = [
        ("public", True, "once", "orders", True, False),
        ("public", True, "soon", "orders", False, True),
        ("other", False, "far", "orders", False, False),
    ]
    assert broken_indexes(rows) == (["unique index once on orders"], ["index soon on orders"])
    assert broken_indexes(rows, {"other"})[0] == ["unique index once on orders", "index far on orders"]


def test_a_long_list_is_cut() -> None:
    assert listed(["a"]) == "a"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
