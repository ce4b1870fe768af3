"""Dynamic values of a flow's JSON."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.flows.expressions import BadExpression, evaluate, holds, resolve

NAMES: dict[str, Any] = {
    "form": {"age": "20", "name": "Ann", "agreed": True, "list": ["a"]},
    "data": {"limit": 18, "nested": {"x": 1}},
    "screen": {"ONE": {"form": {"name": "Zoe"}, "data": {}}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${form.age}", "20"),
        ("${form.list}", ["a"]),
        ("${screen.ONE.form.name}", "Zoe"),
        ("${data.nested.x}", 1),
        ("${data.nothing.there}", None),
        ("Hello ${form.name}", "Hello ${form.name}"),
        ("`'Hello ' ${form.name}`", "Hello Ann"),
        ("`${form.age} + 1`", 21),
        ("`2 + 3 * (4 - 1)`", 11),
        ("`'a' + 1`", "a1"),
        ("`1 / 0`", None),
        ("`9999999999 * 9999999999`", 9999999999.0**2),
        ("`99999999999999999999`", 1e20),
        (f"`{'9' * 400}`", None),
        ("`'x' * 100000`", None),
        ("`${form.age} > ${data.limit} && !(${form.name} == 'Bob')`", True),
        ("`${form.agreed} == true`", True),
        ("`${form.name} == 'Ann' || ${data.nothing}`", True),
        ("`1 +`", "`1 +`"),
        ({"a": ["${form.name}", 1]}, {"a": ["Ann", 1]}),
    ],
)
def test_a_value_is_resolved(text: Any, value: Any) -> None:
    assert resolve(text, NAMES) == value


@pytest.mark.parametrize(
    ("condition", "is_true"),
    [
        ("${form.age} >= 20", True),
        ("${form.age} < 20", False),
        ("`${form.name} != 'Ann'`", False),
        ("${data.nothing} == 'x'", False),
        ("((", False),
        ("!" * 100 + "true", False),
        (True, True),
    ],
)
def test_a_condition_holds_or_not(condition: Any, is_true: bool) -> None:
    assert holds(condition, NAMES) is is_true


@given(st.text(alphabet="${}form.age'\\ ()!&|=<>+-*/%1tru", max_size=60))
def test_no_expression_breaks(text: str) -> None:
    try:
        evaluate(text, NAMES)
    except BadExpression:
        return
