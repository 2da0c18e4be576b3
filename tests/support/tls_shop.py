"""A shop whose servers speak TLS, each with the certificate that a test gives it."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ci_ops.checks.tls import Tls
from ci_ops.core.plugin import Check
from ci_ops.core.result import Result
from ci_ops.edge.world import RealWorld
from tests.support.certificates import Authority, authority, bundle, server_context
from tests.support.checking import a_subject, clean_env, the_result
from tests.support.sample_service import SampleService, sample_service


def issued(by: Authority | None = None, **more: Any) -> bytes:
    """A certificate of the shop with its key."""
    return (by or authority()).issue("shop.test", "127.0.0.1", **more)


@dataclass
class Shop:
    """shop.test on two addresses of this machine, each with a certificate of its own."""

    stack: ExitStack
    folder: Path
    port: int = 0
    services: list[SampleService] = field(default_factory=list)

    def serve(self, *names: str, host: str = "127.0.0.1", **more: Any) -> SampleService:
        return self.serve_with(server_context(*(names or ("shop.test", "127.0.0.1")), **more), host=host)

    def serve_with(self, context: ssl.SSLContext, *, host: str = "127.0.0.1") -> SampleService:
        service = self.stack.enter_context(sample_service(host=host, port=self.port, context=context))
        self.port = service.port
        return service

    def world(self) -> RealWorld:
        return RealWorld(env=clean_env(SSL_CERT_FILE=str(bundle(self.folder))))

    def look(
        self,
        host: str = "127.0.0.1",
        *,
        world: RealWorld | None = None,
        kind: type[Check] = Tls,
        **settings: Any,
    ) -> Result:
        subject = a_subject(url=f"https://{host}:{self.port}/health", timeout_seconds=2.0)
        return the_result(kind(**settings), subject, world or self.world())
