from __future__ import annotations

from markdown_it import MarkdownIt

from ci_ops.checks.env_vars.dotenv import read_dotenv
from ci_ops.core.contract.pages import dotenv_text, markdown_text
from ci_ops.core.contract.presets import PRESETS
from ci_ops.core.contract.variables import Contract, Variable

HOSTILE = Contract(
    Variable("A", description="one\ntwo | <b>three</b>", pattern="a|b"),
    Variable("B", default="x", example="y z"),
    Variable("C", required=False),
)


def test_an_example_file_asks_for_exactly_what_has_to_be_set() -> None:
    for contract in (*(each.contract for each in PRESETS.values()), HOSTILE):
        entries = read_dotenv(dotenv_text(contract)).entries
        assert [each.name for each in entries] == [
            each.name for each in contract.variables if each.must_be_set
        ]
        assert {each.value for each in entries} == {""}


def test_an_example_file_explains_each_variable_on_one_line() -> None:
    assert dotenv_text(HOSTILE) == (
        "# One two | <b>three</b>. Text that matches a|b as a whole.\nA=\n\n"
        "# Text. For example y z\n# B=x\n\n"
        "# Text.\n# C=\n"
    )


def test_the_table_has_a_line_of_four_cells_for_each_variable_whatever_it_says() -> None:
    html = MarkdownIt("commonmark").enable("table").render(markdown_text(HOSTILE))
    assert html.count("<tr>") == 1 + len(HOSTILE.variables)
    assert html.count("<td>") == 4 * len(HOSTILE.variables)
    assert "<b>" not in html
