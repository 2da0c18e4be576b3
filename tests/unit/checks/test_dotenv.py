from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.checks.env_vars.dotenv import Entry, read_dotenv

TEXT = """\
# what the shop needs
DATABASE_URL=postgresql://user:pass@localhost/shop
export SECRET_KEY = "two words # kept"   # a comment
EMPTY=
#OPTIONAL=1
PORT=8000 # the usual one
QUOTED='single'
not a line
HASH=a#b
KEY="-----BEGIN
INSIDE=1
-----END" # of two lines
ESCAPED="a\\"b"
BARE
COMMENTED # a name alone
MAPPED: value
MAPPED_EMPTY:
"""


def test_names_values_and_lines_of_an_example_file_are_read() -> None:
    file = read_dotenv(TEXT)
    assert list(file.entries) == [
        Entry(name="DATABASE_URL", value="postgresql://user:pass@localhost/shop", line=2),
        Entry(name="SECRET_KEY", value="two words # kept", line=3),
        Entry(name="EMPTY", value="", line=4),
        Entry(name="PORT", value="8000", line=6),
        Entry(name="QUOTED", value="single", line=7),
        Entry(name="HASH", value="a#b", line=9),
        Entry(name="KEY", value="-----BEGIN\nINSIDE=1\n-----END", line=10),
        Entry(name="ESCAPED", value='a\\"b', line=13),
        Entry(name="BARE", value="", line=14),
        Entry(name="COMMENTED", value="", line=15),
        Entry(name="MAPPED", value="value", line=16),
        Entry(name="MAPPED_EMPTY", value="", line=17),
    ]
    assert file.unread == (8,)


@pytest.mark.parametrize(
    "line",
    ["set NAME=value", "A-B=1", "NAME:value", "NAME = 'x' y", 'NAME="never closed', "$NAME=1", "=1", "a b"],
)
def test_a_line_that_readers_do_not_agree_on_is_told_and_hides_no_other(line: str) -> None:
    file = read_dotenv(f"FIRST=1\r\n{line}\r\nLAST=2")
    assert ([each.name for each in file.entries], file.unread) == (["FIRST", "LAST"], (2,))


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    file = read_dotenv(text)
    assert all(entry.name.isidentifier() for entry in file.entries)
    assert set(file.unread).isdisjoint(entry.line for entry in file.entries)
