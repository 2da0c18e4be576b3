"""Children whose memory or time is measured run without coverage, which multiplies both."""

from __future__ import annotations

import os


def without_coverage() -> dict[str, str]:
    """Return this process's environment without what starts coverage in a child."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
