#!/bin/bash
# State: yoyo-migrations 9.0.0 with setuptools 80.9.0, CPython 3.11, SQLite.
# Guess, written down before: `yoyo apply` on a folder that does not exist is an error.
# Behaviour: it is "nothing to do", exit 0 and no word, with `--verbose` too; so is a pattern without a match. `yoyo list`
#   shows an empty table, exit 0. A migration whose text was changed after it was applied is passed over, and one whose file
#   is gone is not listed any more, exit 0, although the database has its id.
# Why it matters: an image that was built without its migrations, or a step started in another folder, "migrated".
# Output seen: "apply: 0, tables: page; folder missing: 0; list: 0 rows, 0; changed afterwards: 0; file gone: 0 rows, 0".
# Exits 0 while it is so, 1 when one of the codes changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check yoyo-migrations==9.0.0 setuptools==80.9.0
mkdir "$box/work" && cd "$box/work" && mkdir migrations
yoyo() { local end=0; "$box/venv/bin/yoyo" "$1" --no-config-file --batch --database "sqlite:///$PWD/shop.db" "$2" >out 2>>"$box/log" || end=$?; echo "$end"; }
rows() { grep -cE '^[AU] ' out || :; }
echo 'CREATE TABLE page (id INTEGER);' >migrations/0001.page.sql
apply=$(yoyo apply migrations)
tables=$(python3 -c 'import sqlite3; print(*[n for n, in sqlite3.connect("shop.db").execute("select name from sqlite_master") if "yoyo" not in n])')
missing=$(yoyo apply migration)
list=$(yoyo list migration); listed=$(rows)
echo 'CREATE TABLE page (id INTEGER, title TEXT NOT NULL);' >migrations/0001.page.sql
changed=$(yoyo apply migrations)
rm migrations/0001.page.sql
gone=$(yoyo list migrations); left=$(rows)
echo "apply: $apply, tables: $tables; folder missing: $missing; list: $listed rows, $list; changed afterwards: $changed; file gone: $left rows, $gone"
[ "$apply/$tables/$missing/$listed/$list/$changed/$left/$gone" = "0/page/0/0/0/0/0/0" ] || { echo "changed: see the line above" >&2; cat "$box/log" >&2; exit 1; }
