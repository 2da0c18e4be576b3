from __future__ import annotations

import pytest

from ci_ops.flows._same_run import is_same_run

RUN = "https://github.example/org/app/actions/runs/7"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (RUN, RUN, True),
        (f"{RUN}/job/70", RUN, True),
        (f"{RUN}/attempts/2", f"{RUN}/job/71", True),
        (RUN, f"{RUN}1", False),
        ("", "", False),
        ("", RUN, False),
    ],
)
def test_jobs_and_attempts_belong_to_one_run(one: str, other: str, *, same: bool) -> None:
    assert is_same_run(one, other) is same
