"""Formats: each module writes a report for one kind of reader.

A format receives the finished report and returns the whole text, with a line end
at its end. Reports are full of text from outside (commit messages, output of
programs, answers of servers): none of it may break out of its place.

To add one:
1. copy `text.py` to `<name>.py`, with a class of the same name in CamelCase and an `extension`;
2. write its test, `tests/unit/formats/test_<name>.py`, with an `EXAMPLE`;
3. run `UPDATE_GOLDEN=1 pytest tests/contract/test_formats_family.py`, and read the files it wrote.
"""
