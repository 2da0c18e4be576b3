"""The bad examples: one rule each, with the exact problems beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.config.document import MAX_BYTES, read_bytes, read_file
from ci_ops.config.load import Source, load
from ci_ops.config.tree import Listing, Table
from ci_ops.core.errors import CiOpsError, ConfigError
from tests.support.configs import DATA, SAMPLES, plain, unhurried

EXAMPLES = sorted(each.name for each in DATA.glob("invalid-*") if each.suffix != ".txt")
ENV = {"EMPTY": "", "WORD": "word", "BAD": "bad-and-secret", "SERVICE": "x"}


def parsed(text: str, file: str = "ci-ops.yml") -> Any:
    return plain(read_bytes(text.encode(), file=file))


def refusal(raw: bytes | str, file: str = "ci-ops.yml") -> str:
    with pytest.raises(ConfigError) as caught:
        read_bytes(raw.encode() if isinstance(raw, str) else raw, file=file)
    return str(caught.value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_bad_example_gives_exactly_its_problems(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Source(env=ENV, start=DATA, file=name, root=SAMPLES))
    assert f"{caught.value}\n" == (DATA / f"{name}.txt").read_text(encoding="utf-8")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(
    st.text(st.characters(categories=["L", "N"]), min_size=1), JSON_VALUES, max_size=4
)


@unhurried
@given(DOCUMENTS, st.booleans(), st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_the_standard_library_reads_it(
    document: dict[str, Any], is_ascii: bool, indent: Any
) -> None:
    text = json.dumps(document, ensure_ascii=is_ascii, indent=indent)
    assert parsed(text, "ci-ops.json") == json.loads(text)


@unhurried
@given(DOCUMENTS)
def test_json_written_plainly_is_yaml_with_the_same_content(document: dict[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False)
    assert parsed(text) == parsed(text, "ci-ops.json")


@unhurried
@given(st.text(st.sampled_from('{}[]:,"\\ \n\t0123456789.eE+-truefalsn/u'), max_size=25))
def test_json_that_the_standard_library_refuses_is_refused(text: str) -> None:
    text = "{" + text
    try:
        json.loads(text)
    except ValueError:
        assert refusal(text, "ci-ops.json").startswith("ci-ops.json:")
    else:
        assert isinstance(read_bytes(text.encode(), file="ci-ops.json"), Table)


@unhurried
@given(st.binary(max_size=60))
def test_any_bytes_give_a_tree_or_a_problem_with_a_place(raw: bytes) -> None:
    for file in ("ci-ops.yml", "ci-ops.json"):
        try:
            read_bytes(raw, file=file)
        except ConfigError as error:
            places = [each.location for each in error.problems]
            assert all(place.startswith(f"{file}:") for place in places)


def test_an_alias_is_the_same_value_once_more() -> None:
    assert parsed("a: &x [1, on]\nb: *x\n? &k key\n: *x") == {
        "a": [1, "on"],
        "b": [1, "on"],
        "key": [1, "on"],
    }


def test_keys_are_texts_as_they_are_written() -> None:
    assert parsed("1: a\ntrue: b\non: c\n010: d\n~: e") == {
        "1": "a",
        "true": "b",
        "on": "c",
        "010": "d",
        "~": "e",
    }


def test_quotes_and_blocks_make_texts() -> None:
    assert parsed("a: '1'\nb: \"true\"\nc: |\n  2\nd: >-\n  ~") == {
        "a": "1",
        "b": "true",
        "c": "2\n",
        "d": "~",
    }


@pytest.mark.parametrize("text", ["", "# nothing", "---\n", "null", "\ufeff", "%YAML 1.2\n---\n"])
def test_an_empty_file_is_an_empty_configuration(text: str) -> None:
    assert parsed(text) == {}


def test_keys_and_values_know_their_lines_and_columns() -> None:
    for text, file in (("a:\n  - {bc: d}\n", "ci-ops.yml"), ('{"a":\n  [ {"bc": "d"}]}', "ci-ops.json")):
        items = read_bytes(text.encode(), file=file).get("a")
        assert isinstance(items, Listing)
        table = items.nodes[0]
        assert isinstance(table, Table)
        assert str(table.entries["bc"].place) == f"{file}:2:6"
        assert table.entries["bc"].node.place.column == 10 + (file == "ci-ops.json") * 2


BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
)
LARGE = {
    "bomb": BOMB,
    "duplicates": "a: 1\n" * 200_000,
    "values": f"a: [{'x, ' * 300_000}x]",
    "brackets": "[" * 1_000_000,
    "braces": "{" * 1_000_000,
    "comment": f"# {'x' * 1_000_000}\na: 1\na: 2",
    "quoted": f"a: '{'x ' * 500_000}",
    "dashes": "- " * 500_000,
    "too large": "x" * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("file", ["ci-ops.yml", "ci-ops.json"])
def test_a_large_and_hostile_file_is_refused_within_a_second(name: str, file: str) -> None:
    started = time.process_time()
    assert refusal(LARGE[name], file)
    assert time.process_time() - started < 1


def test_more_than_a_mebibyte_is_refused_by_its_size() -> None:
    assert refusal("#" * (MAX_BYTES + 1)) == (
        "ci-ops.yml larger than 1 MiB; a configuration has a few kilobytes"
    )


@pytest.mark.parametrize(
    ("text", "place"), [("a: b: c", "1:5"), ("a: 'b", "1:6"), ("a: [1\nb: 2", "2:2"), ("a: %b", "1:4")]
)
def test_what_is_not_yaml_is_said_with_its_place(text: str, place: str) -> None:
    assert refusal(text).startswith(f"ci-ops.yml:{place} not YAML: ")


def test_the_parser_in_python_serves_where_the_one_in_c_is_missing() -> None:
    code = (
        "import sys; sys.modules['yaml._yaml'] = None; import yaml; assert not yaml.__with_libyaml__;"
        "from ci_ops.config.document import read_bytes; from ci_ops.core.errors import ConfigError\n"
        "for text in (b'a: [1, {b: on}]', b'a:\\n\\tb: 1', b'a: b: c', b'a: \"\\\\q\"', b'a: {b: 1\\nc: 2'):\n"
        "    try:\n        print(read_bytes(text, file='f.yml').get('a').nodes[1].get('b').value)\n"
        "    except ConfigError as error:\n        print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "on",
        "f.yml:2:1 YAML takes no tabs here; use spaces",
        "f.yml:1:5 not YAML: mapping values are not allowed here",
        "f.yml:1:6 not YAML: found unknown escape character 'q'",
        "f.yml:2:2 not YAML: expected ',' or '}', but got ':'",
    ]


def test_without_pyyaml_a_yaml_file_is_refused_with_the_way_out_and_json_still_works() -> None:
    code = (
        "import sys; sys.modules['yaml'] = None; from ci_ops.config.document import read_bytes;"
        "from ci_ops.core.errors import UsageError; print(read_bytes(b'{\"a\": 1}', file='f.json').get('a').value)\n"
        "try:\n    read_bytes(b'a: 1', file='f.yml')\n"
        "except UsageError as error:\n    print(error, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("1\nreading a YAML file needs PyYAML")
    assert "ci-ops[cli]" in done.stdout


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(CiOpsError, match=r"^ci-ops.yml: cannot read it: "):
        read_file(tmp_path, file="ci-ops.yml")


def test_what_pyyaml_writes_is_read_back() -> None:
    document = {"a": ["on", "1:30", "2027-01-31", "~", "010", 1.5, None, True], "b c": {"d": "x\ny"}}
    assert parsed(yaml.safe_dump(document)) == document
