"""set_up_logging changes the whole process, so it is asked in processes of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_HEAD = """
import logging, sys
from pathlib import Path
from ci_ops.service import abuse_detector, set_up_logging, structured_logger
"""


def _run(code: str, *args: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", _HEAD + code, *args], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_one_call_and_everything_is_json_on_standard_output() -> None:
    lines = _run(
        "set_up_logging(service='shop', environment='staging')\n"
        "logging.getLogger('some.library').warning('hello')\n"
        "logging.getLogger('some.library').debug('not asked for')\n"
        "structured_logger.security_event('login_refused')\n"
    )

    assert [line["message"] for line in lines] == ["hello", "login_refused"]
    assert {line["service"] for line in lines} == {"shop"}
    assert {line["environment"] for line in lines} == {"staging"}


def test_a_second_call_replaces_the_first_and_leaves_others_alone() -> None:
    lines = _run(
        "own = logging.NullHandler(); logging.getLogger().addHandler(own)\n"
        "set_up_logging(); set_up_logging(ecs=True, level='WARNING')\n"
        "logging.getLogger('x').warning('once')\n"
        "assert own in logging.getLogger().handlers\n"
    )

    assert [line["log.level"] for line in lines] == ["warning"]


@pytest.mark.parametrize("kind", ["Path", "str"])
def test_security_events_go_to_their_own_file_and_only_there(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "security.log"
    lines = _run(
        f"set_up_logging(security_log={kind}(sys.argv[1]))\n"
        "structured_logger.security_event('login_refused', user_id=7)\n"
        "abuse_detector.flag_user('ada', 'scraping')\n"
        "structured_logger.system_event('started')\n",
        str(path),
    )

    assert [line["event"] for line in lines] == ["started"]
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert (events[0]["event"], events[0]["user_id"]) == ("login_refused", 7)
    assert "scraping" in events[1]["message"]
    assert path.stat().st_mode & 0o077 == 0


def test_servers_log_through_us_and_their_access_lines_are_off() -> None:
    lines = _run(
        "for name in ('uvicorn.error', 'uvicorn.access'):\n"
        "    logging.getLogger(name).addHandler(logging.StreamHandler())\n"
        "    logging.getLogger(name).propagate = False\n"
        "set_up_logging()\n"
        "logging.getLogger('uvicorn.error').info('started')\n"
        "logging.getLogger('uvicorn.access').info('GET / 200')\n"
        "assert not logging.getLogger('uvicorn.access').hasHandlers()\n"
    )

    assert [line["message"] for line in lines] == ["started"]


def test_servers_may_be_left_alone() -> None:
    lines = _run(
        "own = logging.NullHandler(); logging.getLogger('uvicorn.access').addHandler(own)\n"
        "set_up_logging(take_over_servers=False)\n"
        "assert own in logging.getLogger('uvicorn.access').handlers\n"
    )

    assert lines == []


def _said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", _HEAD + code], capture_output=True, text=True, check=True)
    return done.stderr


LOST = "events of app are logged without their fields"


@pytest.mark.parametrize("before", ["", "logging.basicConfig(level='INFO')"])
def test_without_it_the_first_event_says_so_once(before: str) -> None:
    said = _said(f"{before}\nfor _ in range(3): structured_logger.user_action('order_placed', amount=1)\n")

    assert said.count(LOST) == 1


@pytest.mark.parametrize(
    "before",
    [
        "set_up_logging(stream=sys.stderr)",
        "plain = logging.StreamHandler(); plain.setFormatter(JsonFormatter()); logging.getLogger().addHandler(plain)",
        "logging.getLogger().addHandler(QueueHandler(Queue()))",
    ],
)
def test_where_fields_are_shown_nothing_is_said(before: str) -> None:
    code = (
        "from queue import Queue\nfrom logging.handlers import QueueHandler\n"
        f"from ci_ops.service import JsonFormatter\n{before}\n"
        "structured_logger.user_action('order_placed', amount=1)\n"
    )

    assert LOST not in _said(code)


def test_every_line_of_the_security_log_carries_its_type(tmp_path: Path) -> None:
    path = tmp_path / "security.log"
    code = (
        "set_up_logging(security_log=sys.argv[1])\n"
        "from ci_ops.service import DDoSProtection, DeployGateway, SignatureVerifier\n"
        "guard = DDoSProtection(1)\n"
        "for _ in range(2): guard.check_request('203.0.113.9')\n"
        "abuse_detector.flag_user('ada', 'by hand')\n"
        "DeployGateway('https://hook.example/x', SignatureVerifier('s' * 32)).reply('POST', {}, b'')\n"
        "structured_logger.security_event('login_refused')\n"
    )
    assert _run(code, str(path)) == []

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["event_type"] for line in lines} == {"security_event"}
    assert [line["event"] for line in lines] == [
        "address_blocked",
        "user_flagged",
        "deploy_refused",
        "login_refused",
    ]
    assert lines[0]["address"] == "203.0.113.9"
