"""A first configuration and workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.core.errors import UsageError
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.flows.init import init


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written") as caught:
        init(tmp_path, JinjaTemplates())
    assert caught.value.where.endswith("deploy.yml")
