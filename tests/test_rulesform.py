"""The form of a rules file: our reader and the pydantic models that it stands for say the same of any document."""

from __future__ import annotations

import doctest
import subprocess
import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import gate.policy.rulesform
from gate.policy import rulesform
from tests import reference_rulesform

TEXT = st.sampled_from(
    [
        *("", "a", "A-1", "x" * 70, "shell.run", "pay.*", "*", "@oncall", "bob", "egress", "reads", "undeclared", "low", "high", "critical", "LOW"),
        *("T1572", "T1059.004", "22:00-06:00", "00:00-24:00", "25:00-01:00", "UTC", "10m", "8d", "0s", "allow", "ask", "deny", "durable", "off"),
        *("a\nb", "y" * 501, "\u0430dmin", "a\u200bb"),
    ]
)
PLAIN = TEXT | st.integers(-1, 102) | st.booleans() | st.sampled_from([1.0, 0.5, 10**30])
VALUE = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=2)


def _mostly(usual: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 24).flatmap(lambda number: other if number == 7 else usual)


def table(**usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A table with some of these keys as they should be, and now and then another value or key."""
    fields = {name: _mostly(value, VALUE) for name, value in usual.items()}
    made = st.fixed_dictionaries({}, optional=fields)
    odd = st.dictionaries(st.sampled_from(["tol", "alow", "zzz", "id", "match", "tool"]), VALUE, max_size=1)
    return _mostly(made, st.tuples(made, odd).map(lambda two: {**two[0], **two[1]}))


NAMES = TEXT | st.lists(TEXT, max_size=3)
SELECTOR = {
    "tool": st.sampled_from(["shell.run", ["*"], []]),
    "agent": NAMES,
    "effect": st.sampled_from(["egress", ["reads", "reads"]]),
    "risk": st.sampled_from(["low", "high", "HIGH"]),
    "technique": st.just("T1572"),
    "arguments": st.dictionaries(TEXT, VALUE, max_size=2),
    "unless": st.dictionaries(TEXT, VALUE, max_size=2),
    "hours": st.just("22:00-06:00"),
    "tz": st.just("UTC"),
}
ASK = {**SELECTOR, "approvers": NAMES, "quorum": st.integers(1, 3), "expires": st.just("10m")}
RULE = table(
    id=st.just("a"),
    allow=table(**SELECTOR),
    ask=table(**ASK),
    deny=table(**SELECTOR),
    audit=st.sampled_from(["durable", "off"]),
    reason=st.just("why"),
    remedy=st.just("how"),
    spares=st.lists(st.just("b"), max_size=2),
    match=st.lists(TEXT, max_size=2),
    not_match=st.lists(TEXT, max_size=2),
)
SHORT = st.one_of(
    *[
        table(**(ASK if verdict == "ask" else SELECTOR)).map(lambda said, verdict=verdict: {"id": "a", verdict: said})
        for verdict in ("allow", "deny", "ask")
    ]
)
VERDICT = st.sampled_from(["allow", "ask", "deny"])
DOCUMENT = table(default=table(low=VERDICT, medium=VERDICT, high=VERDICT, critical=VERDICT), rule=st.lists(st.one_of(SHORT, SHORT, RULE), max_size=3))


def _said(reader: Any, data: Any, line: Any) -> Any:
    try:
        form = reader.read(data, line)
    except rulesform.FormError as error:
        return error.path, error.reason
    return _plain(form.default, rulesform.DefaultForm), [_rule(rule) for rule in form.rule]


def _plain(form: Any, like: Any) -> Any:
    return None if form is None else [getattr(form, name) for name in like._fields]


def _rule(rule: Any) -> Any:
    flat = {name: getattr(rule, name) for name in rulesform.RuleForm._fields}
    sides = [_plain(flat.pop(name), rulesform.AskForm if name == "ask" else rulesform.SelectorForm) for name in ("allow", "ask", "deny")]
    lists = [list(flat.pop(name) or ()) for name in ("spares", "match", "not_match")]
    return sides, lists, flat, rule.verdict


def test_the_examples() -> None:
    assert not doctest.testmod(gate.policy.rulesform).failed


@settings(max_examples=500, deadline=None)
@given(DOCUMENT, st.booleans())
def test_attack_no_document_is_read_otherwise_than_by_its_models(data: Any, deep: bool) -> None:
    if not isinstance(data, dict):
        return

    def line(path: tuple[str | int, ...]) -> int:
        return len(path) if deep else len(str(path)) % 3

    assert _said(rulesform, data, line) == _said(reference_rulesform, data, line)


def test_rules_are_read_without_pydantic() -> None:
    program = "import sys; from gate.policy import rulesparse; print(*{'pydantic', 'pydantic_core'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split() == []
