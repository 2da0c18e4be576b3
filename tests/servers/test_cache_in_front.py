"""A real nginx that caches without saying so, in front of an application with the kit."""

from __future__ import annotations

import socket
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci_ops.checks.health import Health
from ci_ops.core.health.status import Status
from tests.support.checking import a_subject, a_world, rules_of, the_result
from tests.support.nginx import running_nginx

if TYPE_CHECKING:
    from tests.support.servers import Launch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nginx is started in the foreground")

HTTP = """
    proxy_cache_path {folder}/cache keys_zone=answers:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_cache answers;
            proxy_cache_valid 200 1m;
            proxy_ignore_headers Cache-Control;
            {key}
        }}
    }}
"""


def answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
        return bool(response.status == 200)
    return False


@pytest.mark.parametrize(
    ("key", "status", "rules"),
    [("", Status.PASS, []), ("proxy_cache_key $host$uri;", Status.FAIL, ["aged"])],
)
def test_a_cache_whose_key_drops_the_query_is_seen_by_the_nonce_it_repeats(
    tmp_path: Path, launch: Launch, key: str, status: Status, rules: list[str]
) -> None:
    upstream = launch("uvicorn").wait_ready().port
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{(port := free.getsockname()[1])}"
    http = HTTP.format(folder=tmp_path, port=port, upstream=upstream, key=key)
    with running_nginx(tmp_path, http, until=lambda: answers(f"{url}/health/live")):
        subject = a_subject(url=f"{url}/health/ready")
        result = the_result(Health(interval=0.0), subject, a_world())
    assert (result.status, rules_of(result)) == (status, rules), result.sentence
    if rules:
        assert "the nonce of another request" in result.findings[0].observed
