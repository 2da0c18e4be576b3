"""hypercorn within a program of one's own, which gives it the kit's `shutdown_trigger`.

python -m tests.support.hypercorn_server tests.support.kit_apps
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

from hypercorn.asyncio import serve
from hypercorn.config import Config

from ci_ops.service.lifecycle.application import application_lifecycle


def main(module: str) -> None:
    """Serve what the module's `asgi` makes on a free port."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    app = import_module(module).asgi()
    asyncio.run(serve(app, config, shutdown_trigger=application_lifecycle.shutdown_trigger))


if __name__ == "__main__":
    main(sys.argv[1])
