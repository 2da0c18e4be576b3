"""The sample shop.

A WSGI application over SQLite, with the kit's health routes around it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from settings import config

from ci_ops.service import HealthWSGI, health_service, read_release, set_release

Start = Callable[[str, list[tuple[str, str]]], object]

set_release(read_release(Path(__file__).resolve().parent, os.environ))
config.validate_all_sync()


def orders() -> list[dict[str, Any]]:
    """Return every order with its price."""
    with closing(sqlite3.connect(config["SHOP_DATABASE"])) as database:
        rows = database.execute("SELECT id, item, price FROM orders ORDER BY id")
        return [{"id": number, "item": item, "price": price} for number, item, price in rows]


@health_service.check("database")
def database() -> None:
    """Check that the database answers."""
    with closing(sqlite3.connect(config["SHOP_DATABASE"])) as connection:
        connection.execute("SELECT 1")


PAGES: dict[str, Callable[[], Any]] = {"/": lambda: {"shop": "open"}, "/orders": orders}


def shop(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
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


application = HealthWSGI(shop)
