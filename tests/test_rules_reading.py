"""Rules as they are read: what is refused, with file, line and reason; examples that are checked."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.effect import Risk
from gate.errors import RulesError
from gate.rules import parse, version_of
from tests.rules_data import FakeCatalogue


def test_the_version_is_the_hash_of_the_bytes() -> None:
    text = '[default]\nlow = "ask"\n'
    assert parse(text).version == parse(text.encode()).version == version_of(text.encode()) != parse(text + "\n").version
    assert parse(text).version == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert parse(text).default == {Risk.LOW: "ask"}


RULE = '[[rule]]\nid = "r"\n'
WRONG = {
    # text → line, what the message says
    'id = "x"': (1, "there is no key 'id'; the keys are default, rule"),
    '[[rules]]\nid = "r"': (1, "there is no key 'rules'; did you mean 'rule'?"),
    "rule = 3": (1, "'rule' must be a list"),
    "default = 3": (1, "'default' must be a table"),
    '[default]\nlow = "maybe"': (2, "'default.low' must be 'allow', 'ask' or 'deny'"),
    '[default]\n\nlwo = "ask"': (3, "there is no key 'lwo' in default; did you mean 'low'?"),
    "[[rule]]\ndeny = { tool = 'x' }": (1, "rule 1 of the file: 'id' is missing"),
    "[[rule]]\nid = 3\ndeny = { tool = 'x' }": (2, "rule 1 of the file: 'id' must be text"),
    "[[rule]]\nid = 'a b'\ndeny = { tool = 'x' }": (2, "rule 'a b': id: 'a b' is no id"),
    RULE: (1, "rule 'r': write exactly one of allow, ask and deny"),
    RULE + "deny = { tool = 'x' }\nallow = { tool = 'x' }": (1, "rule 'r': write exactly one of allow, ask and deny"),
    RULE + "deny = 'x'": (3, "'deny' must be a table"),
    RULE + "deny = {}": (3, "rule 'r': deny: no condition would match every call; if that is meant, write { tool = \"*\" }"),
    RULE + "ask = { approvers = ['a'] }": (3, "no condition would match every call"),
    RULE + "deny = { unless = { a = 1 } }": (3, "no condition would match every call"),
    RULE + "deny = { tool = [] }": (3, "deny.tool: the list is empty"),
    RULE + "deny = { tool = 3 }": (3, "deny.tool: write text or a list of texts"),
    RULE + "deny = { tool = ['x', 3] }": (3, "deny.tool: write text or a list of texts"),
    RULE + "deny = { tool = '' }": (3, "'' names no tool"),
    RULE + "deny = { tool = 'sh?ll.run' }": (3, "'sh?ll.run' names no tool; write ASCII letters, digits and _ . : / -, and * for any text"),
    RULE + "deny = { tool = 'sh\u0435ll.run' }": (3, "names no tool"),
    RULE + "deny = { agent = '' }": (3, "an empty text names no agent"),
    RULE + 'deny = { agent = "a\\u202eb" }': (3, "must be one line of printable text"),
    RULE + "deny = { effect = 'egres' }": (3, "unknown effect 'egres'; the effects are delegates, egress, executes"),
    RULE + "deny = { risk = 'hihg' }": (3, "unknown risk 'hihg'; the tiers are low, medium, high, critical"),
    RULE + "deny = { risk = 3 }": (3, "unknown risk 3"),
    RULE + "deny = { technique = 'T157' }": (3, "'T157' is no ATT&CK technique id such as T1572"),
    RULE + "deny = { technique = 't1572' }": (3, "is no ATT&CK technique id"),
    RULE + "deny = { technique = 'T1572.1' }": (3, "is no ATT&CK technique id"),
    RULE + "deny = { technique = 'T\u0661\u0665\u0667\u0662' }": (3, "is no ATT&CK technique id"),
    RULE + "deny = { technique = ['T1572', 'T1572\\n'] }": (3, "is no ATT&CK technique id"),
    RULE + "deny = { arguments = {}, tool = 'x' }": (3, "'deny.arguments' is empty"),
    RULE + "deny = { tool = 'x', arguments = { a = {} } }": (3, "argument 'a': a constraint is an object"),
    RULE + "[rule.deny]\ntool = 'x'\n[rule.deny.arguments]\nb = 1\na = { constraint_type = 'zz' }": (
        7,
        "argument 'a': nothing here can check the constraint type 'zz'",
    ),
    RULE + "deny = { tool = 'x', arguments = { a = { constraint_type = 'any', constraints = [{ constraint_type = 'zz' }] } } }": (
        3,
        "nothing here can check the constraint type 'zz'",
    ),
    RULE + "deny = { tool = 'x', arguments = { a = { constraint_type = 'range', mx = 1 } } }": (3, "a 'range' constraint has no member 'mx'"),
    RULE + "deny = { tool = 'x', arguments = { a = nan } }": (3, "argument 'a': nan is not a finite number"),
    RULE + "deny = { tool = 'x', arguments = { a = 9007199254740993 } }": (3, "argument 'a': an integer beyond"),
    RULE + "deny = { tool = 'x', arguments = { a = 1979-05-27 } }": (
        3,
        "argument 'a': write a value, a list of values, or a table with constraint_type",
    ),
    RULE + "deny = { tool = 'x', arguments = { a = [] } }": (3, "argument 'a': 'values' is empty"),
    RULE + "allow = { tool = 'x', unless = { a = 1 } }": (1, "'unless' belongs to a rule that denies or asks"),
    RULE + "deny = { tool = 'x', hours = '22-06' }": (3, "'22-06' is no daily window such as 22:00-06:00"),
    RULE + "deny = { tool = 'x', hours = '24:00-06:00' }": (3, "is no daily window"),
    RULE + "deny = { tool = 'x', hours = '22:00-22:00' }": (3, "is empty or the whole day"),
    RULE + "deny = { tool = 'x', hours = '00:00-24:00' }": (3, "is empty or the whole day"),
    RULE + "deny = { tool = 'x', hours = '22:00-23:00', tz = 'Europe/Vienna' }": (3, "'Europe/Vienna' is neither UTC nor an offset such as +02:00"),
    RULE + "deny = { tool = 'x', hours = '22:00-23:00', tz = '+15:00' }": (3, "is neither UTC nor an offset"),
    RULE + "deny = { tool = 'x', tz = 'UTC' }": (3, "'tz' is the time zone of 'hours', and there are none"),
    RULE + "ask = { tool = 'x', quorum = 0 }": (3, "'ask.quorum' input should be greater than or equal to 1"),
    RULE + "ask = { tool = 'x', quorum = true }": (3, "'ask.quorum' must be a whole number"),
    RULE + "ask = { tool = 'x', quorum = 2, approvers = ['a', 'a'] }": (3, "a quorum of 2 can never be reached by 1 named approver"),
    RULE + "ask = { tool = 'x', expires = '10' }": (3, "'10' is no duration such as 90s, 10m or 1h"),
    RULE + "ask = { tool = 'x', expires = '0s' }": (3, "'0s' is no duration"),
    RULE + "ask = { tool = 'x', expires = '8d' }": (3, "'8d' is no duration"),
    RULE + "ask = { tool = 'x', expires = 600 }": (3, "'ask.expires' must be text"),
    RULE + "deny = { tool = 'x', quorum = 1 }": (3, "there is no key 'quorum' in deny; the keys are tool, agent"),
    RULE + "deny = { tool = 'x' }\naudit = 'off'": (1, "'audit' belongs to a rule that allows"),
    RULE + "allow = { tool = 'x' }\naudit = 'of'": (4, "'audit' must be 'durable', 'buffered' or 'off'"),
    RULE + "ask = { tool = 'x' }\nremedy = 'no'": (1, "'remedy' belongs to a rule that denies"),
    RULE + 'deny = { tool = "x" }\nreason = "a\\nb"': (4, "reason: 'a\\nb' must be one line of printable text"),
    RULE + "deny = { tool = 'x' }\nmatch = 'pay'": (4, "'match' must be a list"),
    RULE + "deny = { tool = 'x' }\n\n[[rule]]\nid = 'r'\nallow = { tool = 'x' }": (6, "rule 'r': line 2 has a rule with this id already"),
    RULE + "deny = { tool = 'x' ": (3, "no TOML: "),
    RULE + "deny = { tool = 'x', tool = 'y' }": (3, "no TOML: "),
    'low = "a\n': (1, "no TOML: "),
    "a = " + "[" * 3000: (1, "values are nested too deep"),
    "a = " + "9" * 5000: (1, "no TOML: "),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_refused_with_file_line_and_reason(text: str) -> None:
    line, said = WRONG[text]
    with pytest.raises(RulesError) as caught:
        parse(text, file="some/gate.toml")
    assert (caught.value.file, caught.value.line) == ("some/gate.toml", line), str(caught.value)
    assert said in caught.value.reason
    assert str(caught.value).isprintable()


def test_the_mistake_that_comes_first_is_named() -> None:
    with pytest.raises(RulesError, match=r"gate.toml:4: rule 'a': there is no key 'resaon' in rule; did you mean 'reason'\?") as caught:
        parse("[[rule]]\nid = 'a'\ndeny = { tool = 'x' }\nresaon = 'x'\n[[rule]]\nid = 3")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_not_utf8() -> None:
    with pytest.raises(RulesError, match="gate.toml:2: the file is not UTF-8 text"):
        parse(b'[default]\nlow = "\xff"')


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            ["[[rule]]\n", 'id = "r"\n', "deny = { tool = 'x' }\n", '"""', "'''", "[", "]", "{", "}", "=", "#", "match = ['x']\n", ".", ","]
        ),
        max_size=12,
    ).map("".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except RulesError as error:
        assert error.line > 0 and error.reason


PAY = '[[rule]]\nid = "r"\ndeny = { tool = "pay", risk = "high" }\n'


@pytest.mark.parametrize(
    ("more", "line", "said"),
    [
        ("match = ['pay eur=5000']\nnot_match = ['pay eur=5', 'shell.run command=ls']", 0, ""),
        ("match = [\n  'pay eur=5000',\n  'pay eur=5',\n]", 6, "the example 'pay eur=5' should match, and does not: risk low is not at least high"),
        (
            "not_match = [\n  'pay eur=5000',\n]",
            5,
            "the example 'pay eur=5000' should not match, and does: the tool 'pay' is 'pay'; risk high is at least high",
        ),
        ("match = [\n\n 'fly to=mars']", 6, "the example 'fly to=mars' is no call: there is no tool 'fly'"),
        ("match = ['pay eur=5000', 'pay euro=5000']", 4, "is no call: unknown argument 'euro'"),
        ("match = ['pay eur']", 4, "the example 'pay eur' is no call: 'eur' needs a value: eur=…"),
    ],
)
def test_examples_are_checked_when_the_file_is_read(more: str, line: int, said: str) -> None:
    if not said:
        assert parse(PAY + more, catalogue=FakeCatalogue()).rules
        return
    with pytest.raises(RulesError) as caught:
        parse(PAY + more, catalogue=FakeCatalogue())
    assert caught.value.line == line and said in caught.value.reason and caught.value.reason.startswith("rule 'r': ")


def test_examples_that_nothing_can_check_are_refused() -> None:
    with pytest.raises(RulesError, match="cannot be checked, because nothing here knows the tools"):
        parse(PAY + "match = ['pay eur=5000']")


class Crashing:
    def describe(self, *_: object) -> Any:
        raise ZeroDivisionError("oops")


def test_a_kind_that_crashes_is_an_error_of_the_example() -> None:
    with pytest.raises(RulesError, match="gate.toml:4: rule 'r': the example 'pay eur=5000' is no call: oops"):
        parse(PAY + "match = ['pay eur=5000']", catalogue=Crashing())


def test_examples_name_the_agent_and_the_time() -> None:
    file = """
        [[rule]]
        id = "nights"
        ask = { tool = "pay", agent = "ann*", hours = "22:00-06:00", tz = "+02:00" }
        match = ['@agent=anna @time=23:30 pay', '@time=2027-01-15T21:00:00Z @agent=ann pay', '@agent=ann @time=22:00 pay']
        not_match = ['@agent=bob @time=23:30 pay', '@agent=ann @time=06:00 pay', '@agent=ann @time=2027-01-15T23:00:00+05:00 pay']
    """
    assert parse(file, catalogue=FakeCatalogue())
    with pytest.raises(RulesError, match="needs a time, such as @time=23:30, because the rule has hours"):
        parse(file.replace("@time=23:30", "", 1), catalogue=FakeCatalogue())
