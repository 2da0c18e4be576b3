"""pytest plugin that records what each session collects, reports and reruns.

Runs in the project's own Python: nothing of ours is imported, and the syntax is that of Python 3.8.
A session inside another one, as tests of pytest plugins start them, records nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FOLDER, OWNER = "CI_OPS_TEST_SESSIONS", "CI_OPS_TEST_SESSION"
INTERRUPTED = 2
"""Exit status after errors of the collection, too.

Source: docs.pytest.org/en/stable/reference/exit-codes.html.
"""


def pytest_cmdline_main(config: Any) -> None:
    """Record this session, unless it is a worker of pytest-xdist or runs inside another session.

    It runs before the plugin junitxml is configured, which reads the option that is set here.
    """
    folder = os.environ.get(FOLDER)
    if folder and not hasattr(config, "workerinput") and OWNER not in os.environ:
        os.environ[OWNER] = str(os.getpid())
        session = Session(config, folder)
        config.pluginmanager.register(session)
        if config.pluginmanager.hasplugin("xdist"):
            config.pluginmanager.register(Workers(session))


class Session:
    """The record of one session; the file exists from its start, and says at the end that it finished."""

    def __init__(self, config: Any, folder: str) -> None:
        name = f"{os.getpid()}-{len(list(Path(folder).glob('session-*')))}"
        own = getattr(config.option, "xmlpath", None)
        path = Path(own or Path(folder, f"junit-{name}.xml")).absolute()
        if path.exists() or path.is_symlink():
            path.unlink()
        config.option.xmlpath = str(path)
        self.file = Path(folder, f"session-{name}.json")
        self.record = {
            "junit": str(path),
            "collected": [],
            "reported": [],
            "reruns": [],
            "stopped": "",
            "finished": False,
        }  # type: dict[str, Any]
        self.write()

    def pytest_collection_finish(self, session: Any) -> None:
        """Record the tests that are left after deselection."""
        self.record["collected"] = [item.nodeid for item in session.items]

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Record how far each test came; pytest-rerunfailures reports a failure that it repeats as a rerun."""
        if report.outcome == "rerun":
            self.record["reruns"].append(report.nodeid)
        elif report.when == "call" or report.outcome != "passed":
            self.record["reported"].append(report.nodeid)

    def pytest_sessionfinish(self, session: Any, exitstatus: Any) -> None:
        """Say that the session came to its end, and whether it ran only some of its tests."""
        interrupted = "interrupted" if int(exitstatus) == INTERRUPTED else ""
        self.record["stopped"] = str(session.shouldfail or session.shouldstop or interrupted)
        self.record["finished"] = True
        self.write()

    def pytest_unconfigure(self) -> None:
        """Let a later session of this process record itself."""
        os.environ.pop(OWNER, None)

    def write(self) -> None:
        """Write the record as a whole."""
        self.file.write_text(json.dumps(self.record), encoding="ascii")


class Workers:
    """The hook of pytest-xdist; pytest refuses it where that plugin is absent."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def pytest_xdist_node_collection_finished(self, node: Any, ids: Any) -> None:
        """Record what a worker collected; all of them collect the same."""
        del node
        collected = {*self.session.record["collected"], *ids}
        self.session.record["collected"] = sorted(collected)
