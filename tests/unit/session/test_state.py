"""Where a session keeps its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.core.errors import UsageError
from ci_ops.session.call import traits_of
from ci_ops.session.state import state_folder


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no folder that not even root can write to")
def test_a_project_that_cannot_be_written_is_looked_at_all_the_same() -> None:
    notes: list[str] = []
    elsewhere = state_folder(Path("/sys/.ci-ops"), traits=traits_of("verify"), note=notes.append)
    assert elsewhere.is_dir()
    elsewhere.rmdir()
    assert notes[0].startswith("/sys/.ci-ops cannot be written (")
    with pytest.raises(UsageError, match="cannot be made"):
        state_folder(Path("/sys/.ci-ops"), traits=traits_of("deploy"), note=notes.append)
