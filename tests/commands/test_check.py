"""`gate check`: one answer per line, in order, for whatever is fed to it; nothing is run, spent or written."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.commands.check import lines
from gate.commands.checker import MAX_LINE, Checker
from gate.commands.tools import AnyTool
from gate.decide import Standing
from gate.rules import Rules, parse
from tests.commands.kit import process, run, terminal

TUNNEL = "ssh -fNR 2222:localhost:22 gw.example.com"
RULES = """
[[rule]]
id = "no-tunnels"
deny = { technique = "T1572" }

[[rule]]
id = "git"
allow = { tool = "shell.run", arguments = { command = "git status" } }

[[rule]]
id = "ask-about-pay"
ask = { tool = "pay", agent = "intern" }

[[rule]]
id = "at-night"
deny = { tool = "night", hours = "22:00-06:00" }

[[rule]]
id = "by-day"
allow = { tool = "night" }
"""


def shell(command: str, **more: str) -> dict[str, Any]:
    """A call of `shell.run`."""
    return {"tool": "shell.run", "args": {"command": command}, **more}


def jsonl(*calls: Any) -> bytes:
    """Lines of input; bytes are lines as they are."""
    return b"".join([(call if isinstance(call, bytes) else json.dumps(call).encode()) + b"\n" for call in calls])


@pytest.fixture
def rules(folder: Path) -> list[str]:
    """Options that name a rules file."""
    (folder / "rules.toml").write_text(RULES)
    return ["--rules", "rules.toml"]


# ---- what it answers -------------------------------------------------------------------------------------------------------------------


def test_the_three_answers_with_reasons_rules_and_risk(rules: list[str]) -> None:
    pay = {"tool": "pay", "args": {"eur": 1}, "agent": "intern"}
    result = run("check", *rules, "-", stdin=jsonl(shell("git status"), shell(TUNNEL), pay))
    assert result.code == 0
    allow, deny, ask = result.lines
    assert (allow["decision"], allow["rules"], allow["risk"]) == ("allow", ["git"], "low")
    assert (deny["decision"], deny["rules"], deny["risk"]) == ("deny", ["no-tunnels"], "critical")
    assert (ask["decision"], ask["rules"]) == ("ask", ["ask-about-pay"])
    assert all(one["reasons"] for one in result.lines)
    assert "T1572" in deny["techniques"]


def test_answers_are_in_the_order_of_the_lines(rules: list[str]) -> None:
    random.seed(7)
    calls = [random.choice([shell("git status"), shell(TUNNEL), b"nonsense", {"tool": "pay", "args": {}, "agent": "intern"}]) for _ in range(300)]
    expected = ["deny" if call == b"nonsense" else {"git status": "allow", TUNNEL: "deny"}.get(call["args"].get("command"), "ask") for call in calls]
    result = run("check", *rules, "-", stdin=jsonl(*calls))
    assert [one["decision"] for one in result.lines] == expected
    assert [one["valid"] for one in result.lines] == [call != b"nonsense" for call in calls]
    assert result.code == 1


def test_a_file_and_standard_input_give_the_same(folder: Path, rules: list[str]) -> None:
    (folder / "calls.jsonl").write_bytes(jsonl(shell("git status"), shell(TUNNEL)))
    assert run("check", *rules, "calls.jsonl").out == run("check", *rules, "-", stdin=(folder / "calls.jsonl").read_bytes()).out


def test_options_stand_in_for_what_a_line_does_not_say(rules: list[str]) -> None:
    pay = {"tool": "pay", "args": {"eur": 1}}
    said = [run("check", *rules, "-", *more, stdin=jsonl(pay)).lines[0]["decision"] for more in ([], ["--agent", "intern"], ["--agent", "boss"])]
    assert said == ["deny", "ask", "deny"]
    assert run("check", *rules, "-", "--agent", "boss", stdin=jsonl(pay | {"agent": "intern"})).lines[0]["decision"] == "ask"


def test_the_time_can_be_set(rules: list[str]) -> None:
    call = jsonl({"tool": "night", "args": {}})
    assert run("check", *rules, "-", "--at", "2026-11-24T23:00:00Z", stdin=call).lines[0]["decision"] == "deny"
    assert run("check", *rules, "-", "--at", "2026-11-24T12:00:00Z", stdin=call).lines[0]["decision"] == "allow"
    assert run("check", *rules, "-", "--at", "noon", stdin=call).code == 2


def test_the_gates_own_rules_are_taken_when_none_are_named(folder: Path) -> None:
    run("init")
    (folder / "gate.toml").write_text(RULES)
    assert run("check", "-", stdin=jsonl(shell("git status"))).lines[0]["decision"] == "allow"


def test_without_anything_everything_is_denied_and_one_is_told_why(folder: Path) -> None:
    result = run("check", "-", stdin=jsonl(shell("git status")))
    assert (result.code, result.lines[0]["decision"]) == (0, "deny")
    assert "try --profile workstation" in result.err


# ---- with a capability -----------------------------------------------------------------------------------------------------------------


def test_a_capability_decides_too(made: Path) -> None:
    token = run("grant", "researcher", "--tool", 'shell.run command=shell.programs("git status",ls)').out.strip()
    calls = jsonl(shell("git status"), shell("cat x"), shell("ls", agent="somebody"), {"tool": "pay", "args": {}})
    result = run("check", "--capability", token, "-", stdin=calls)
    assert [one["decision"] for one in result.lines] == ["allow", "deny", "deny", "deny"]
    assert "not among the programs" in result.lines[1]["reasons"][0]
    assert "is acting" in " ".join(result.lines[2]["reasons"])
    (made / "token").write_text(token)
    assert run("check", "--capability", "token", "-", stdin=calls).out == result.out


def test_a_revoked_or_changed_capability_allows_nothing(made: Path) -> None:
    token = run("grant", "researcher", "--tool", "pay *").out.strip()
    call = jsonl({"tool": "pay", "args": {}})
    assert run("check", "--capability", token, "-", stdin=call).lines[0]["decision"] == "allow"
    run("revoke", token)
    assert run("check", "--capability", token, "-", stdin=call).lines[0]["decision"] == "deny"
    changed = run("check", "--capability", token.replace("A", "B", 1), "-", stdin=call)
    assert (changed.code, changed.out) == (1, "")


def test_law_checking_spends_and_writes_nothing(made: Path) -> None:
    token = run("grant", "researcher", "--tool", "pay *", "--calls", "1").out.strip()
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    result = run("check", "--capability", token, "-", stdin=jsonl(*[{"tool": "pay", "args": {"n": n}} for n in range(5)]))
    assert [one["decision"] for one in result.lines] == ["allow"] * 5
    after = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} <= {"gate.db-shm", "gate.db-wal"}
    assert before[made / ".gate" / "gate.db"] == after[made / ".gate" / "gate.db"]


# ---- profiles --------------------------------------------------------------------------------------------------------------------------


def test_a_profile_for_whoever_calls(folder: Path) -> None:
    calls = jsonl(shell("git status"), shell("rm -rf build", agent="a"), shell(TUNNEL, agent="b"))
    result = run("check", "--profile", "workstation", "-", stdin=calls)
    assert [one["decision"] for one in result.lines] == ["allow", "ask", "deny"]


def test_a_profile_together_with_rules_is_as_strict_as_the_stricter(folder: Path) -> None:
    (folder / "rules.toml").write_text('[[rule]]\nid = "no-git"\ndeny = { tool = "shell.run", arguments = { command = "git status" } }\n')
    result = run("check", "--profile", "workstation", "--rules", "rules.toml", "-", stdin=jsonl(shell("git status"), shell("rm x"), shell("ls")))
    assert [one["decision"] for one in result.lines] == ["deny", "ask", "allow"]


def test_a_profile_nobody_knows(folder: Path) -> None:
    result = run("check", "--profile", "nope", "-")
    assert (result.code, "workstation" in result.err) == (2, True)


# ---- bad lines -------------------------------------------------------------------------------------------------------------------------

BAD: list[tuple[bytes, str]] = [
    (b"", "empty"),
    (b"   ", "empty"),
    (b"git status", "no JSON"),
    (b'{"tool": "a", "args": {}', "no JSON"),
    (b"\xff\xfe", "no UTF-8"),
    (b"\x00", "no JSON"),
    (b"[]", "no object"),
    (b'"shell.run"', "no object"),
    (b"null", "no object"),
    (b'{"args": {}}', "'tool'"),
    (b'{"tool": 7, "args": {}}', "'tool'"),
    (b'{"tool": "", "args": {}}', "'tool'"),
    (b'{"tool": "a"}', "'args'"),
    (b'{"tool": "a", "args": []}', "'args'"),
    (b'{"tool": "a", "arguments": {}}', "'args'"),
    (b'{"tool": "a", "args": {}, "agent": 7}', "'agent'"),
    (b'{"tool": "a", "args": {}, "session": null}', "'session'"),
    (b'{"tool": "a", "args": {}, "tool": "b"}', "twice"),
    (b'{"tool": "shell.run", "args": {"command": "ls", "command": "ssh gw"}}', "twice"),
    (b'{"tool": "a", "args": {"n": NaN}}', "NaN"),
    (b'{"tool": "a", "args": {"n": Infinity}}', "Infinity"),
    (b'{"tool": "a", "args": {"n": 1e999}}', "too large"),
    (b'{"tool": "a", "args": {"n": ' + b"9" * 400 + b"}}", "2^53"),
    (b'{"tool": "a", "args": {"n": ' + b"9" * 100_000 + b"}}", "digits"),
    (b'{"tool": "a", "args": {"n": 9007199254740993}}', "2^53"),
    (b'{"tool": "a", "args": {"s": "\\ud800"}}', "surrogate"),
    (b'{"tool": "a", "args": {"\\ud800": 1}}', "surrogate"),
    (b'{"tool": "a", "args": {}, "agent": "\\udfff"}', "surrogate"),
    (b'{"tool": "a", "args": {"x": ' + b"[" * 40 + b"]" * 40 + b"}}", "nested"),
    (b'{"tool": "a", "args": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", "nested"),
    (b'{"tool": "a", "args": {"s": "' + b"x" * 10_000_000 + b'"}}', "longer than"),
    ('{"tool": "shell.rսn", "args": {}}'.encode(), "ARMENIAN"),
    ('{"tool": "shell\u200b.run", "args": {}}'.encode(), "ZERO WIDTH SPACE"),
    (b'{"tool": "shell run", "args": {}}', "no tool name"),
    (b'{"tool": "shell.run", "args": {"cmd": "ls"}}', "'command' is missing"),
    (b'{"tool": "shell.run", "args": {"command": "ls", "sudo": true}}', "no argument 'sudo'"),
]


@pytest.mark.parametrize(("line", "because"), BAD, ids=[f"{number}-{because}" for number, (_, because) in enumerate(BAD)])
def test_bad_input_is_denied_with_the_reason_and_exit_code_1(line: bytes, because: str) -> None:
    result = run("check", "--profile", "workstation", "-", stdin=line + b"\n" + jsonl(shell("ls")))
    assert result.code == 1
    bad, good = result.lines
    assert (bad["decision"], bad["valid"], good["decision"]) == ("deny", False, "allow")
    assert because in " ".join(bad["reasons"])
    assert len(result.out) < 10_000
    assert result.err == "gate check: line 1 is no valid call\n"


def test_a_value_that_its_kind_does_not_take_is_denied_and_a_valid_line(rules: list[str]) -> None:
    result = run(
        "check", "--profile", "workstation", "-", stdin=jsonl(shell("ls\x00"), shell("echo 'open"), {"tool": "files.read", "args": {"path": 7}})
    )
    assert [(one["decision"], one["valid"]) for one in result.lines] == [("deny", True)] * 3
    assert result.code == 0


def test_windows_line_ends_and_a_last_line_without_one(rules: list[str]) -> None:
    both = jsonl(shell("git status")).replace(b"\n", b"\r\n") + json.dumps(shell("git status")).encode()
    assert [one["decision"] for one in run("check", *rules, "-", stdin=both).lines] == ["allow", "allow"]


def test_no_lines_at_all(rules: list[str]) -> None:
    assert run("check", *rules, "-", stdin=b"") == (0, "", "")


@pytest.mark.parametrize("calls", ["missing.jsonl", "."])
def test_input_that_cannot_be_read(folder: Path, rules: list[str], calls: str) -> None:
    result = run("check", *rules, calls)
    assert (result.code, result.err.count("\n")) == (2, 1)


def test_rules_that_cannot_be_read(folder: Path) -> None:
    (folder / "broken.toml").write_text('[[rule]]\nid = "x"\ndeny = { tol = "y" }\n')
    result = run("check", "--rules", "broken.toml", "-")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("gate: broken.toml:3: ")


def test_reading_a_line_never_takes_more_than_the_limit(folder: Path) -> None:
    (folder / "long").write_bytes(b"x" * (5 * MAX_LINE) + b"\n{}\n" + b"y" * MAX_LINE + b"\n" + b"z" * (MAX_LINE + 1))
    with (folder / "long").open("rb") as file:
        sizes = [len(line) for line in lines(file)]
    assert sizes == [MAX_LINE + 2, 2, MAX_LINE, MAX_LINE + 1]


CATALOGUE = AnyTool()
CHECKER = Checker(parse(RULES), None, Standing(), 1_800_000_000.0, CATALOGUE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_law_no_line_crashes_the_checker(line: bytes) -> None:
    found = CHECKER.check(line)
    assert (found.decision, found.valid) == ("deny", False) or json.loads(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    tool=st.sampled_from([*CATALOGUE.kinds, "pay", "x y"]),
    args=st.dictionaries(st.sampled_from(["command", "path", "url", "n", "text"]), json_values, max_size=3),
)
def test_law_no_call_crashes_the_checker(tool: str, args: dict[str, Any]) -> None:
    found = CHECKER.check(json.dumps({"tool": tool, "args": args}).encode())
    assert found.decision in ("allow", "deny", "ask")
    assert found.reasons
    assert not any("could not be checked" in reason for reason in found.reasons)


def test_a_kind_that_crashes_denies_its_own_line_only() -> None:
    from gate.effect import Assessment
    from gate.kind import KindTool

    class Broken:
        name = "broken"

        def parse(self, value: object) -> object:
            return value

        def assess(self, value: object) -> Assessment:
            raise ZeroDivisionError("\x1b[2J")

    checker = Checker(Rules.EMPTY, None, Standing(), 0.0, AnyTool([KindTool("bad", {"x": Broken()})]))
    found = checker.check(b'{"tool": "bad", "args": {"x": 1}}')
    assert (found.decision, found.valid) == ("deny", True)
    assert "ZeroDivisionError" in found.reasons[0]
    assert found.reasons[0].isprintable()


# ---- on a terminal ---------------------------------------------------------------------------------------------------------------------


def test_a_table_on_a_terminal_and_json_when_asked(folder: Path, rules: list[str]) -> None:
    (folder / "calls.jsonl").write_bytes(jsonl(shell("git status"), shell(TUNNEL), b"\x1b[2Jnonsense"))
    shown = terminal("check", *rules, "calls.jsonl", cwd=folder)
    assert shown.code == 1
    assert "\x1b[31mdeny" in shown.out
    assert "\x1b[2J" not in shown.out
    assert 'shell.run command="git status"' in shown.out
    assert "3 calls: 1 \x1b[32mallow" in shown.out
    assert "line 3 is no valid call" in shown.out
    plain = terminal("check", *rules, "calls.jsonl", cwd=folder, NO_COLOR="1")
    assert "\x1b" not in plain.out
    data = terminal("check", *rules, "--json", "calls.jsonl", cwd=folder)
    assert json.loads(data.out.splitlines()[0])["decision"] == "allow"


def test_ten_thousand_lines(folder: Path, rules: list[str]) -> None:
    commands = [f"cat file{n}.txt | grep -c x{n}" for n in range(9_999)]
    (folder / "calls.jsonl").write_bytes(jsonl(*map(shell, commands), shell(TUNNEL)))
    result = process("check", "--profile", "workstation", "calls.jsonl", cwd=folder)
    assert (result.code, len(result.lines), result.lines[-1]["decision"]) == (0, 10_000, "deny")


# ---- what was not checked ---------------------------------------------------------------------------------------------------------------


def test_rules_alone_say_so_in_every_answer_that_lets_through(made: Path) -> None:
    (made / "gate.toml").write_text('[default]\nlow = "allow"\nhigh = "ask"\n' + RULES)
    calls = jsonl(shell("git status"), {"tool": "files.read", "args": {"path": "x"}}, shell("rm -rf build"), shell(TUNNEL), b"nonsense")
    result = run("check", "-", stdin=calls)
    assert [one["decision"] for one in result.lines] == ["allow", "allow", "ask", "deny", "deny"]
    assert [any("only the rules were checked" in reason for reason in one["reasons"]) for one in result.lines] == [True, True, True, False, False]
    assert all(one["not_checked"] == ["capability", "budgets", "stops"] for one in result.lines)
    (made / "calls.jsonl").write_bytes(calls)
    shown = terminal("check", "calls.jsonl", cwd=made)
    assert "only the rules were checked" in shown.out


def test_with_a_capability_or_a_profile_only_the_rest_is_not_checked(made: Path) -> None:
    (made / "gate.toml").write_text('[default]\nlow = "allow"\n')
    read = jsonl({"tool": "files.read", "args": {"path": "x"}})
    token = run("grant", "researcher", "--tool", "files.read *").out.strip()
    narrow = run("grant", "researcher", "--tool", "files.read path=y").out.strip()
    for options, decision, unchecked in (
        (["--capability", token], "allow", ["budgets"]),
        (["--capability", narrow], "deny", ["budgets"]),
        (["--profile", "workstation"], "allow", ["stops"]),
    ):
        result = run("check", *options, "-", stdin=read)
        (line,) = result.lines
        assert (line["decision"], line["not_checked"], result.err) == (decision, unchecked, "")
        assert not any("only the rules" in reason for reason in line["reasons"])
