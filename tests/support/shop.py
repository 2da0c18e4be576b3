"""A small live service, and the commands that deploy it, for tests of whole flows."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.report import Report
from ci_ops.edge.clock import StopSignal
from ci_ops.flows._job import Job
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.flows.notify import NotifyOptions, notify
from ci_ops.flows.rollback import RollbackOptions, rollback
from ci_ops.flows.verify import verify
from ci_ops.session.call import Call
from ci_ops.session.close import close
from ci_ops.session.open import open_job
from ci_ops.session.session import Session

ONE, TWO, THREE = ("1" * 40, "2" * 40, "3" * 40)

CONFIG = """\
version: 1
service: shop
deploy:
  target:
    type: command
    run: 'printf %s "$DEPLOYMENT_REVISION" > "$SHOP/revision"; echo "run $DEPLOYMENT_REVISION" >> "$SHOP/log"'
    undo: 'printf %s "$DEPLOYMENT_PREVIOUS_REVISION" > "$SHOP/revision"; echo undo >> "$SHOP/log"'
    rollback: 'printf %s "$DEPLOYMENT_REVISION" > "$SHOP/revision"; echo "back $DEPLOYMENT_REVISION" >> "$SHOP/log"'
verify:
  url: URL
  deadline: 0
  timeout: 5s
  checks:
    revision: {connections: 2}
    health: {successes: 1}
notify:
  deadline: 1s
  channels:
    team: {type: slack, webhook-url: "${SHOP_WEBHOOK}"}
"""


class Service:
    """Serves what `revision` in its folder says; revisions listed in `sick` answer 503."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages: list[dict[str, Any]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                revision = service.revision
                if self.path.startswith("/__version__"):
                    self.reply(200, {"commit": revision})
                elif revision in service.sick or not revision:
                    self.reply(503, {"status": "fail"})
                else:
                    self.reply(200, {"status": "pass"})

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                service.messages.append(json.loads(self.rfile.read(length)))
                self.answer(200, b"ok", "text/plain")

            def reply(self, status: int, document: object) -> None:
                self.answer(status, json.dumps(document).encode(), "application/json")

            def answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def revision(self) -> str:
        path = self.folder / "revision"
        return path.read_text().strip() if path.exists() else ""

    @property
    def sick(self) -> str:
        path = self.folder / "sick"
        return path.read_text() if path.exists() else ""

    def make_sick(self, *revisions: str) -> None:
        (self.folder / "sick").write_text(" ".join(revisions))

    @property
    def log(self) -> list[str]:
        """What the deployment's commands have done."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def told(self) -> list[str]:
        return [message["text"] for message in self.messages]


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """A service that answers until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    service = Service(folder)
    thread = threading.Thread(target=service.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join()


@dataclass
class Shop:
    """A project with its configuration, and its commands as processes would run them."""

    project: Path
    service: Service
    env: dict[str, str] = field(default_factory=dict)
    config: str = CONFIG
    last: Session | None = None

    def __post_init__(self) -> None:
        self.project.mkdir(parents=True, exist_ok=True)
        self.write_config(self.config)
        base = {name: os.environ[name] for name in ("PATH", "HOME")}
        shop = {"SHOP": str(self.service.folder), "SHOP_WEBHOOK": f"{self.service.url}/services/shop"}
        self.env = {**base, **shop, **self.env}

    def write_config(self, text: str) -> None:
        (self.project / "ci-ops.yml").write_text(text.replace("URL", self.service.url))

    def open(self, command: str, *, stop: StopSignal | None = None, **options: object) -> Session:
        request = Call.of(command, options)
        self.last = open_job(request, self.env, stop=stop or StopSignal(), root=self.project)
        return self.last

    def play(self, command: str, flow: Callable[[Job], Report], **options: Any) -> Report:
        opened = self.open(command, **options)
        report = flow(opened.job)
        close(opened, report)
        opened.dispose()
        return report

    def deploy(self, revision: str, wanted: DeployOptions | None = None, **options: Any) -> Report:
        chosen = wanted or DeployOptions()
        return self.play("deploy", lambda job: deploy(job, chosen), revision=revision, **options)

    def verify(self, deployment_id: str = "", **options: Any) -> Report:
        return self.play("verify", lambda job: verify(job, deployment_id=deployment_id), **options)

    def rollback(self, wanted: RollbackOptions | None = None, **options: Any) -> Report:
        return self.play("rollback", lambda job: rollback(job, wanted or RollbackOptions()), **options)

    def notify(self, wanted: NotifyOptions | None = None, **options: Any) -> Report:
        return self.play("notify", lambda job: notify(job, wanted or NotifyOptions()), **options)

    @property
    def history(self) -> list[DeploymentRecord]:
        return list(self.open("history").job.site.ledger.history("production"))

    def journal_marks(self, deployment_id: str) -> list[str]:
        """The journal's words in order, with the step's own key."""
        store = self.open("history").job.site.store
        lines = (json.loads(line) for line in store.lines(f"{deployment_id}.journal.jsonl").read())
        return [
            " ".join(filter(None, (line["mark"], line.get("key", "").rpartition("/")[2]))) for line in lines
        ]


def id_of(report: Report) -> str:
    """The deployment's id in a report."""
    assert report.record is not None
    return report.record.id
