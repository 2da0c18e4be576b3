from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.config.document import read_bytes
from ci_ops.config.fielddocs import field_docs
from ci_ops.config.load import Source, examine
from ci_ops.config.schema import schema, schema_text
from ci_ops.config.shapes import One, shape_of
from tests.support.configs import DATA, DOCUMENTS, EXAMPLE, SAMPLES, plain, problems, unhurried
from tests.support.sampleplugins.checks.probe import Probe

ROOT = Path(__file__).parents[3]
SAMPLE = jsonschema.Draft202012Validator(schema(SAMPLES))

ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.just("x") | st.just([]) | st.just({}) | st.just(["x"])
)
KEYS = st.sampled_from(
    [
        "type",
        "enabled",
        "required",
        "text",
        "count",
        "wait",
        "tags",
        "limits",
        "mode",
        "status",
        "size",
        "token",
        "no",
    ]
)


def json_of(text: str) -> Any:
    """What the YAML says, as JSON would hold it."""
    return plain(read_bytes(text.encode(), file="ci-ops.yml"))


def test_the_schema_is_a_schema_and_every_definition_is_used() -> None:
    for root in ("ci_ops", SAMPLES):
        document = schema(root)
        jsonschema.Draft202012Validator.check_schema(document)
        text = json.dumps(document)
        for key in document["$defs"]:
            assert f'"#/$defs/{key}"' in text


def test_the_committed_file_is_current() -> None:
    committed = (ROOT / "ci-ops.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), "write it anew: python -m ci_ops.config.schema > ci-ops.schema.json"


def test_the_module_prints_the_schema() -> None:
    done = subprocess.run([sys.executable, "-m", "ci_ops.config.schema"], capture_output=True, check=True)
    assert done.stdout.decode() == schema_text()


def test_the_example_fits_the_schema() -> None:
    example = json_of(EXAMPLE.read_text(encoding="utf-8"))
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(example)) == []


@unhurried
@given(DOCUMENTS)
def test_what_the_reader_takes_the_schema_takes(document: dict[str, Any]) -> None:
    assert list(SAMPLE.iter_errors(document)) == []


@unhurried
@given(st.dictionaries(KEYS, ODD, max_size=3), st.sampled_from(["verify", "readiness"]), st.booleans())
def test_what_the_schema_refuses_the_reader_refuses_too(
    settings: dict[str, Any], section: str, is_named: bool
) -> None:
    document = {section: {"checks": {"mine" if is_named else "probe": settings}}}
    if not SAMPLE.is_valid(document):
        assert problems(json.dumps(document), file="ci-ops.json")


@pytest.mark.parametrize(
    "document",
    [
        {"servise": "shop"},
        {"version": 2},
        {"deploy": {"target": {"path": "/srv"}}},
        {"deploy": {"target": {"type": "place"}}},
        {"deploy": {"target": {"type": "other", "path": "/srv"}}},
        {"verify": {"checks": {"mine": {}}}},
        {"verify": {"checks": {"mine": {"type": "probe", "nothing": 1}}}},
        {"verify": {"checks": {"two words": {"type": "probe"}}}},
        {"notify": {"routes": [{"events": []}]}},
        {"notify": {"channels": {"ops": {"type": "pager"}}}},
        {"environments": {"staging": {"version": 1}}},
        {"environments": {"staging": {"environments": {}}}},
        {"environments": {"staging": {"notify": {"routes": [{}]}}}},
    ],
)
def test_the_schema_refuses(document: dict[str, Any]) -> None:
    assert not SAMPLE.is_valid(document)
    assert problems(json.dumps(document), file="ci-ops.json", environment="staging")


@pytest.mark.parametrize(
    "overlay",
    [
        {"deploy": {"target": {"path": "/srv"}}},
        {"deploy": {"target": None}, "notify": None},
        {"verify": {"checks": {"probe": None, "mine": {"count": None}}}},
        {"ignore": {"probe/slow": {"until": "2027-01-31"}}},
    ],
)
def test_in_an_environment_nothing_is_required_and_null_removes(overlay: dict[str, Any]) -> None:
    assert list(SAMPLE.iter_errors({"environments": {"staging": overlay}})) == []


def test_the_bad_examples_that_are_json_with_wrong_values_do_not_fit() -> None:
    text = (DATA / "invalid-wrong-types.yml").read_text(encoding="utf-8")
    assert len(list(SAMPLE.iter_errors(json_of(text)))) > 2


def test_a_field_is_described_by_the_string_below_it_and_its_default() -> None:
    properties = schema(SAMPLES)["$defs"]["check-probe"]["properties"]
    assert properties["text"] == {
        "$ref": "#/$defs/text",
        "description": "A text, described on two lines.",
        "default": "nothing",
    }
    assert properties["count"] == {"$ref": "#/$defs/integer", "default": 1}
    assert properties["mode"]["anyOf"][0] == {"enum": ["fast", "slow", 3, None]}
    assert (properties["wait"]["default"], properties["day"]["default"]) == (1.5, "2026-01-31")
    assert schema(SAMPLES)["$defs"]["check-probe"]["description"] == "Looks at something."


def test_fields_without_source_have_no_documentation() -> None:
    namespace: dict[str, Any] = {"dataclass": dataclass}
    exec("@dataclass\nclass Made:\n    field: int = 1\n    '''Not found.'''", namespace)
    assert field_docs(namespace["Made"]) == {}


def test_a_class_inherits_the_documentation_of_its_fields() -> None:
    @dataclass(frozen=True, kw_only=True)
    class More(Probe):
        text: str = "more"
        extra: int = 3
        """One field more."""

    assert field_docs(More)["extra"] == "One field more."
    assert field_docs(More)["text"].startswith("A text")


@pytest.mark.parametrize("annotation", [bytes, complex, dict[int, str], tuple[int, str], type[int]])
def test_a_field_that_no_configuration_can_hold_is_a_defect(annotation: Any) -> None:
    with pytest.raises(TypeError, match="a configuration cannot hold"):
        shape_of(annotation)


def test_marks_that_mean_nothing_here_are_passed_over() -> None:
    from typing import Annotated  # noqa: PLC0415

    assert shape_of(Annotated[int, "percent"]) == One("integer")


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("verify: {deadline: 2m}", True),
        ("verify: {deadline: 1H30M}", True),
        ("verify: {deadline: 90}", True),
        ("verify: {deadline: '90'}", True),
        ("verify: {deadline: 1.5s}", True),
        ("verify: {deadline: 2:30}", False),
        ("verify: {deadline: 2 minutes}", False),
        ("verify: {deadline: 3m rest}", False),
        ("verify: {deadline: -1}", False),
        ("verify: {deadline: 99999999}", False),
        ("verify: {deadline: '1_000'}", False),
        ("verify: {checks: {revision: {connections: 8}}}", True),
        ("verify: {checks: {revision: {connections: 8.0}}}", True),
        ("verify: {checks: {revision: {connections: 8.5}}}", False),
        ("verify: {checks: {revision: {connections: '8'}}}", False),
        ("verify: {checks: {revison: {}}}", False),
        ("verify: {checks: {revison: }}", False),
        ("verify: {checks: {own: {type: revison}}}", False),
        ("verify: {checks: {own: {type: revision, connections: 8}}}", True),
        ("verify: {checks: {health: {type: revision, connections: 8}}}", True),
        ("verify: {checks: {health: {type: revision, latency: {}}}}", False),
        ("version: '1'", False),
        ("deploy: {verify: 'true'}", False),
    ],
)
def test_schema_and_reader_are_of_one_mind(tmp_path: Path, text: str, *, is_right: bool) -> None:
    (tmp_path / "ci-ops.yml").write_text(text)
    faults = examine(Source(env={}, start=tmp_path)).problems
    errors = list(jsonschema.Draft202012Validator(schema()).iter_errors(json_of(text)))
    assert (not faults, not errors) == (is_right, is_right)


def test_an_editor_names_a_misspelt_check_and_the_names_there_are() -> None:
    known = schema()["$defs"]["checks"]["additionalProperties"]["else"]
    assert known["not"] == {}  # never right, and then editors show the message
    assert known["errorMessage"].startswith(
        "There is no check of this name; a name of your own needs `type`: "
    )
    assert "revision" in known["errorMessage"]
    in_environment = {"environments": {"staging": {"verify": {"checks": {"own": {"retry": True}}}}}}
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(in_environment)) == []


def test_every_line_of_the_schema_has_room() -> None:
    lines = schema_text().splitlines()
    assert max(len(each) for each in lines if '": "' not in each and '", "' not in each) <= 120
    assert json.loads(schema_text()) == schema()
