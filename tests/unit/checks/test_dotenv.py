from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ci_ops.checks._dotenv import Entry, read_dotenv

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
"""


def test_names_values_and_lines_of_an_example_file_are_read() -> None:
    assert list(read_dotenv(TEXT)) == [
        Entry(name="DATABASE_URL", value="postgresql://user:pass@localhost/shop", line=2),
        Entry(name="SECRET_KEY", value="two words # kept", line=3),
        Entry(name="EMPTY", value="", line=4),
        Entry(name="PORT", value="8000", line=6),
        Entry(name="QUOTED", value="single", line=7),
        Entry(name="HASH", value="a#b", line=9),
    ]


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert all(entry.name.isidentifier() for entry in read_dotenv(text))
