from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.contract.document import contract_from_json, contract_to_json
from ci_ops.core.contract.presets import PRESETS
from ci_ops.core.contract.variables import Contract, Variable


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_contract_comes_back_as_it_was_written(name: str) -> None:
    contract = PRESETS[name].contract
    assert contract_from_json(json.loads(json.dumps(contract_to_json(contract)))) == contract


def test_what_is_as_usual_is_not_written() -> None:
    contract = Contract(Variable("A"), Variable("B", kind="choice", choices=("x", "y"), default="x"))
    assert contract_to_json(contract) == {
        "schema": 1,
        "variables": [{"name": "A"}, {"name": "B", "kind": "choice", "choices": ["x", "y"], "default": "x"}],
    }


def test_members_of_a_later_version_are_passed_over() -> None:
    document = {"schema": 1, "later": 1, "variables": [{"name": "A", "rotates": "monthly"}]}
    assert contract_from_json(document) == Contract(Variable("A"))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"schema": 2, "variables": []},
        {"schema": 1},
        {"schema": 1, "variables": [{"name": "A"}] * 1001},
        {"schema": 1, "variables": ["A"]},
        {"schema": 1, "variables": [{"kind": "int"}]},
        {"schema": 1, "variables": [{"name": 5}]},
        {"schema": 1, "variables": [{"name": "A", "min_length": True}]},
        {"schema": 1, "variables": [{"name": "A", "required": "yes"}]},
        {"schema": 1, "variables": [{"name": "A", "choices": "x"}]},
        {"schema": 1, "variables": [{"name": "A", "kind": "number"}]},
    ],
)
def test_anything_else_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"contract|variable"):
        contract_from_json(document)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "kind", "schema", "variables", "default", "items"]), inner
            )
        ),
    )
)
def test_hostile_documents_raise_nothing_but_a_value_error(document: Any) -> None:
    try:
        read = contract_from_json({"schema": 1, "variables": [document]})
    except ValueError:
        return
    assert len(read.variables) == 1
