"""A real nginx of one process, in the foreground and in a folder of its own."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.parts import require
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""


@contextmanager
def running_nginx(folder: Path, http: str, *, until: Callable[[], bool]) -> Iterator[None]:
    """Run nginx with these lines in its `http` block, from the moment `until` is true."""
    program = require("nginx")
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, http=http))
    words = [str(program), "-p", str(folder), "-c", str(config)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as nginx:
        try:
            wait_until(until)
            yield
        finally:
            nginx.terminate()
