"""The sample shop: a WSGI application over SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

Start = Callable[[str, list[tuple[str, str]]], object]

COMMIT = (Path(__file__).resolve().parent / "REVISION").read_text().strip()
DATABASE = os.environ["SHOP_DATABASE"]


def orders() -> list[dict[str, Any]]:
    """Every order with what it costs."""
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, item, price FROM orders ORDER BY id")
        return [{"id": number, "item": item, "price": price} for number, item, price in rows]


def ready() -> dict[str, Any]:
    """Whether the database answers."""
    with closing(sqlite3.connect(DATABASE)) as database:
        database.execute("SELECT 1")
    return {"status": "pass", "releaseId": COMMIT, "checks": {"database": [{"status": "pass"}]}}


PAGES: dict[str, Callable[[], Any]] = {
    "/": lambda: {"shop": "open"},
    "/health/live": lambda: {"status": "pass"},
    "/health/ready": ready,
    "/__version__": lambda: {"commit": COMMIT},
    "/orders": orders,
}


def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer one request."""
    page = PAGES.get(environ["PATH_INFO"])
    status, body = "200 OK", b""
    if page is None:
        status, body = "404 Not Found", b"{}"
    else:
        try:
            body = json.dumps(page()).encode()
        except sqlite3.Error as error:
            status, body = "500 Internal Server Error", json.dumps({"error": str(error)}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    start(status, headers)
    return [body]
