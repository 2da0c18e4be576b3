"""A real Kubernetes API server over a real etcd, both on loopback, for as long as a block lasts."""

from __future__ import annotations

import http.client
import json
import secrets
import shutil
import socket
import ssl
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from ci_ops.edge.orphans import OrphanGuard
from tests.support.certificates import DAY, authority
from tests.support.parts import require
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READY_LIMIT_SECONDS = 120.0
"""It is ready after a few seconds; a machine with other work takes longer."""
PLACE = "127.0.0.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the API server said."""

    status: int
    body: dict[str, Any]
    warnings: tuple[str, ...]
    """Its Warning headers: deprecated versions and fields, doubtful values, Pod Security."""

    @property
    def sentence(self) -> str:
        """Why it refused; empty when it did not."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiServer:
    """A running API server, asked as its administrator."""

    port: int
    token: str = field(repr=False)
    trust: ssl.SSLContext

    def ask(self, method: str, path: str, document: str = "") -> Answer:
        """One request, with a YAML document as its body where there is one."""
        connection = http.client.HTTPSConnection(PLACE, self.port, context=self.trust, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if document:
            headers["Content-Type"] = "application/yaml"
        try:
            connection.request(method, path, document.encode(), headers)
            response = connection.getresponse()
            text = response.read()
            is_json = "json" in response.headers.get_content_type()
            warnings = tuple(response.headers.get_all("Warning") or ())
            return Answer(status=response.status, body=json.loads(text) if is_json else {}, warnings=warnings)
        finally:
            connection.close()

    def create(self, document: str, *, namespace: str = "", is_kept: bool = False) -> Answer:
        """Create what a YAML document describes, or only have it judged; unknown fields are refused."""
        dry_run = "" if is_kept else "&dryRun=All"
        return self.ask(
            "POST", f"{self._folder(document, namespace)}?fieldValidation=Strict{dry_run}", document
        )

    def _folder(self, document: str, namespace: str) -> str:
        """Where objects of the document's version and kind live, as the server itself says."""
        said = yaml.safe_load(document)
        version = said["apiVersion"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = self.ask("GET", root).body.get("resources", ())
        (found,) = (each for each in resources if each["kind"] == said["kind"] and "/" not in each["name"])
        place = f"/namespaces/{namespace}" if found["namespaced"] else ""
        return f"{root}{place}/{found['name']}"


@contextmanager
def running_api_server(folder: Path) -> Iterator[ApiServer]:
    """An API server with nothing in it yet; its data goes when it ends.

    Both processes end with the block, and also when the test run is killed.
    """
    programs = {name: str(require(name)) for name in ("etcd", "kube-apiserver")}
    guard = OrphanGuard()
    with _port_of_its_own() as store_port, _port_of_its_own() as port:
        store = f"http://{PLACE}:{store_port}"
        data = folder / "etcd"
        etcd = [programs["etcd"], "--unsafe-no-fsync", f"--data-dir={data}", "--socket-reuse-port"]
        etcd += [f"--listen-client-urls={store}", f"--advertise-client-urls={store}"]
        etcd += [f"--listen-peer-urls=http://{PLACE}:0"]
        token = secrets.token_hex(16)
        words = [programs["kube-apiserver"], f"--secure-port={port}", *_flags(folder, token, store)]
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.load_verify_locations(cadata=authority().pem.decode())
        server = ApiServer(port=port, token=token, trust=trust)
        try:
            with _running(guard, folder, etcd), _running(guard, folder, words) as process:
                _wait_ready(server, process, folder / "kube-apiserver.log")
                yield server
        finally:
            shutil.rmtree(data, ignore_errors=True)  # over 100 MB, laid out ahead


def _flags(folder: Path, token: str, store: str) -> list[str]:
    identity, tokens = folder / "identity.pem", folder / "tokens.csv"
    identity.write_bytes(authority().issue(PLACE, begins=-DAY, ends=timedelta(days=1)))
    tokens.write_text(f"{token},tests,tests,system:masters\n")
    return [
        f"--etcd-servers={store}",
        f"--bind-address={PLACE}",
        f"--advertise-address={PLACE}",  # else it looks for a network, which a closed machine lacks
        "--endpoint-reconciler-type=none",  # an address on loopback cannot be published
        "--permit-port-sharing",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--tls-cert-file={identity}",
        f"--tls-private-key-file={identity}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={identity}",
        f"--service-account-signing-key-file={identity}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        # No controller is there that would make accounts or take taints away.
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
    ]


@contextmanager
def _port_of_its_own() -> Iterator[int]:
    """A free port that nobody else can take, not even before the server does.

    It is bound, but nobody listens: a server that shares ports gets all connections.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((PLACE, 0))
        yield holder.getsockname()[1]


@contextmanager
def _running(guard: OrphanGuard, folder: Path, words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process group of one, which ends without a word: nothing of it is kept."""
    with (folder / f"{words[0].rpartition('/')[2]}.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with guard.current().watching(process.pid):
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


def _wait_ready(server: ApiServer, process: subprocess.Popen[bytes], log: Path) -> None:
    def is_ready() -> bool:
        assert process.poll() is None, log.read_text("utf-8", "replace")[-4000:]
        with suppress(ConnectionError):
            return server.ask("GET", "/readyz").status == 200
        return False

    wait_until(is_ready, limit_seconds=READY_LIMIT_SECONDS)
