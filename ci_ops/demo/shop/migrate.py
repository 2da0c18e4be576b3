"""Bring the shop's database up to date; safe to run twice."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

ORDERS = [(1, "coffee", 3.5), (2, "cake", 4.2)]

with closing(sqlite3.connect(os.environ["SHOP_DATABASE"])) as database, database:
    database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT, price REAL)")
    database.executemany("INSERT OR IGNORE INTO orders (id, item, price) VALUES (?, ?, ?)", ORDERS)
