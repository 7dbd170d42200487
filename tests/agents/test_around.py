"""The seam of all adapters: who acts, what is run, what is refused and recorded, and that nothing of it is a way around."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate import ANY, Denied, Gate, NeedsApproval
from gate.agents.around import MOST, Around, Sent, note, told
from gate.approvers.callback import Callback
from gate.decide import Allow
from gate.errors import GateError, OutputLimit
from tests.agents.kit import READS, SAY, TEXT, Tool, around, grant
from tests.kit import ASK, intents, log, refusals, write_rules


@pytest.fixture
def tool(gate: Gate) -> Tool:
    return Tool(gate)


# ---- who acts -----------------------------------------------------------------------------------------------------------------------


def test_the_adapters_own_capability_comes_first_then_the_frameworks_then_who_acts(gate: Gate, tool: Tool) -> None:
    own, framework, ambient = (grant(gate, name) for name in ("own", "framework", "ambient"))
    sent = SAY._replace(capability=framework)
    with gate.acting(ambient, session="s"):
        around(gate, capability=own).run(sent, tool)
        around(gate).run(sent, tool)
        around(gate).run(SAY, tool)
    around(gate).run(SAY._replace(capability=framework.presentation, session="of the framework"), tool)
    assert tool.agents == ["own", "framework", "ambient", "framework"]
    assert [each["session"] for each in intents(gate)][2:] == ["s", "of the framework"]


def test_nobody_is_refused_and_that_is_recorded_with_the_id(gate: Gate, tool: Tool) -> None:
    with pytest.raises(Denied, match="no capability"):
        around(gate).run(SAY, tool)
    assert not tool.ran
    assert [(each["tool"], each["ref"]) for each in log(gate, "refusal")] == [("say", "c1")]


def test_the_adapters_session_is_for_calls_without_one(gate: Gate, tool: Tool) -> None:
    made = around(gate, capability=grant(gate), session="mine")
    made.run(SAY, tool)
    made.run(SAY._replace(session="theirs"), tool)
    assert [each["session"] for each in intents(gate)] == ["mine", "theirs"]


def test_an_answer_is_taken_up_in_the_frameworks_thread_where_nobody_named_a_session(gate: Gate, tool: Tool) -> None:
    write_rules(gate, ASK)
    capability, sent = grant(gate), SAY._replace(session="thread-1")
    with gate.acting(capability), pytest.raises(NeedsApproval) as asked_first:
        around(gate).run(sent, tool)
    question = asked_first.value.question
    assert question is not None and question.session == "thread-1"
    shown = gate.home.desk.case(question.id).question
    gate.home.desk.approve(question.id, by="owner", binding_hash=shown.binding_hash, number=shown.number, method="terminal")
    with gate.acting(capability), pytest.raises(NeedsApproval):
        around(gate).run(sent._replace(session="thread-2", id="c2"), tool)  # another thread's yes
    with gate.acting(capability, session="mine"), pytest.raises(NeedsApproval):
        around(gate).run(sent._replace(id="c3"), tool)  # a session that was named stays
    with gate.acting(capability):
        around(gate).run(sent, tool)
    assert len(tool.ran) == 1


def test_a_thread_in_place_of_the_session_changes_nothing_of_who_acts(gate: Gate, tool: Tool) -> None:
    sent = SAY._replace(session="thread-1")
    with gate.acting(grant(gate), agent="somebody else"), pytest.raises(Denied, match="somebody else"):
        around(gate).run(sent, tool)
    inner = around(gate)

    def outer(arguments):
        return inner.run(Sent("tell", arguments, "c2", session="thread-2"), tool)

    with gate.acting(grant(gate), task="bills"):
        around(gate).run(sent, outer)
    assert [(each["session"], each["task"]) for each in intents(gate)] == [("thread-1", "bills")] * 2, "what runs inside a call is in its session"
    assert tool.agents == ["root"]


def test_a_part_narrows_whatever_was_found_and_is_made_once(gate: Gate, tool: Tool) -> None:
    part = {"agent": "child", "tools": ["say"]}
    child = around(gate, part=part)
    with gate.acting(grant(gate), session="s"):
        for _ in range(3):
            child.run(SAY, tool)
        with pytest.raises(Denied, match="tell"):
            child.run(Sent("tell", {"text": "x"}), tool)
    around(gate, part=part, capability=grant(gate, "other")).run(SAY, tool)
    assert tool.agents == ["child"] * 4
    assert {each["session"] for each in intents(gate)[:3]} == {"s"}, "the child's calls are in its caller's session"
    assert len(log(gate, "attenuate")) == 2


def test_a_part_that_is_wider_is_a_refusal_and_no_crash(gate: Gate, tool: Tool) -> None:
    wider = around(gate, capability=grant(gate, "root", "say"), part={"agent": "child", "tools": ["tell"]})
    with pytest.raises(Denied):
        wider.run(Sent("tell", {"text": "x"}), tool)
    assert not tool.ran and len(refusals(gate)) == 1


def test_a_forged_capability_is_a_refusal(gate: Gate, tool: Tool) -> None:
    token = grant(gate).presentation
    for forged in ("", "x.y.z", token[:-8] + "AAAAAAAA", 5):
        with pytest.raises(Denied):
            around(gate).run(SAY._replace(capability=forged), tool)
    with pytest.raises(Denied, match=r"cannot be used: .*Give the adapter the capability, or its text: capability\.token"):
        around(gate, capability=str(grant(gate))).run(SAY, tool)  # what Python shows of it
    assert not tool.ran


def test_what_is_kept_of_who_acted_is_bounded(gate: Gate, tool: Tool) -> None:
    made = around(gate, capability=grant(gate))
    for number in range(MOST + 20):
        made.run(SAY._replace(session=f"s{number}"), tool)
    assert len(made._scopes) == MOST


def test_a_revoked_capability_is_worth_nothing_at_the_next_call(gate: Gate, tool: Tool) -> None:
    capability = grant(gate)
    made = around(gate, capability=capability)
    made.run(SAY, tool)
    gate.revoke(capability)
    with pytest.raises(Denied, match="revoked"):
        made.run(SAY, tool)
    assert len(tool.ran) == 1


# ---- what is run --------------------------------------------------------------------------------------------------------------------


def test_the_tool_gets_the_checked_arguments_and_not_the_callers(gate: Gate, tool: Tool) -> None:
    made = around(gate, capability=grant(gate))
    sent = {"text": "hi", "n": "5"}
    assert made.run(Sent("say", sent), tool) == "said hi"
    assert tool.ran == [{"text": "hi", "n": 5}] and tool.ran[0] is not sent
    assert asyncio.run(made.arun(Sent("say", {"text": "ho"}), tool.later)) == "said ho"


def test_what_is_no_call_of_a_tool_is_refused_and_recorded(gate: Gate, tool: Tool) -> None:
    made = around(gate, capability=grant(gate))

    class Odd(dict):
        """A mapping of the caller's own making."""

    wrong = [
        Sent("nothing", {}),
        Sent("Say", {"text": "x"}),
        Sent(None, {"text": "x"}),
        Sent(["say"], {"text": "x"}),
        *[Sent("say", arguments) for arguments in ("text", None, [1], {1: "x"}, {"text": 5}, {}, {"text": "x", "more": 1}, Odd(text="x"))],
    ]
    for number, sent in enumerate(wrong, 1):
        for run in (lambda s: made.run(s, tool), lambda s: asyncio.run(made.arun(s, tool.later))):
            with pytest.raises(Denied):
                run(sent)
        assert len(refusals(gate)) == 2 * number, sent
    assert not tool.ran


def test_a_tool_behind_the_gate_but_not_behind_this_adapter_is_refused(gate: Gate, tool: Tool) -> None:
    made = around(gate, "say", capability=grant(gate))
    gate.declare("tell", TEXT)
    with pytest.raises(Denied, match="not behind this adapter"):
        made.run(Sent("tell", {"text": "x"}), tool)
    assert not tool.ran


def test_what_the_tool_raises_passes_through(gate: Gate) -> None:
    made = around(gate, capability=grant(gate))
    error = StopIteration("mine")

    def fail(_):
        raise error

    with pytest.raises(StopIteration) as caught:
        made.run(SAY, fail)
    assert caught.value is error


def test_a_tool_called_by_the_tool_is_not_run_by_the_continuation_around_it(gate: Gate, tool: Tool) -> None:
    """The outer call's continuation would run another tool's call: a grant of `tell` would then do what only `say`'s function does."""
    made = around(gate, capability=grant(gate))

    def inner(_):
        with pytest.raises(GateError, match="not one of this process"):
            gate.call("tell", {"text": "inner"})
        return made.run(Sent("tell", {"text": "inner"}, "c2"), tool)

    async def ainner(_):
        with pytest.raises(GateError, match="not one of this process"):
            await gate.acall("tell", {"text": "inner"})
        return await made.arun(Sent("tell", {"text": "inner"}, "c3"), tool.later)

    assert made.run(SAY, inner) == "said inner"
    assert asyncio.run(made.arun(SAY, ainner)) == "said inner"
    assert tool.ran == [{"text": "inner"}] * 2
    refs = {each.get("ref") for each in intents(gate)}
    assert {"c1", "c2", "c3"} <= refs


def test_what_a_tool_calls_has_not_the_id_of_its_own_call(gate: Gate) -> None:
    """A tool that sends the same twice would be refused the second time, as if the framework had made its call again."""
    sent = []
    mail = gate.wrap(sent.append, name="mail", effects="egress")
    made = around(gate, capability=gate.grant("root", tools={"say": ANY, "mail": ANY}))

    def twice(_):
        mail("same")
        mail("same")

    made.run(SAY, twice)
    assert sent == ["same", "same"]


def test_nothing_stays_behind_after_a_call(gate: Gate, tool: Tool) -> None:
    made = around(gate, capability=grant(gate))
    made.run(SAY, tool)
    with pytest.raises(Denied):
        made.run(Sent("say", {}), tool)
    assert gate.current().capability is None
    with gate.acting(grant(gate), session="s"), pytest.raises(GateError, match="not one of this process"):
        gate.call("say", {"text": "x"})


def test_threads_and_tasks_act_each_for_themselves(gate: Gate) -> None:
    made, meet = around(gate), threading.Barrier(4, timeout=20)
    seen = []

    def run(arguments):
        meet.wait()
        seen.append((arguments["text"], gate.current().agent))
        return arguments["text"]

    names = ["ann", "bob", "cy", "dee"]
    held = {name: grant(gate, name) for name in names}
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(made.run, Sent("say", {"text": name}, name, held[name]), run) for name in names]
        assert [call.result() for call in calls] == names
    assert sorted(seen) == [(name, name) for name in names]

    async def together():
        gone = asyncio.Event()

        async def later(arguments):
            if arguments["text"] == "dee":
                gone.set()
            await gone.wait()
            return arguments["text"], gate.current().agent

        return await asyncio.gather(*[made.arun(Sent("say", {"text": name}, name, held[name]), later) for name in names])

    assert asyncio.run(together()) == [(name, name) for name in names]


def test_a_call_that_waits_for_the_disk_runs_once_under_an_id(gate: Gate, tool: Tool) -> None:
    made = around(gate, capability=grant(gate), session="s")
    mail = Sent("tell", {"text": "bob"}, "c7")
    made.run(mail, tool)
    with pytest.raises(Denied):
        made.run(mail, tool)
    with pytest.raises(Denied):
        around(gate, capability=grant(gate), session="s").run(mail, tool)  # another adapter of the same session
    made.run(mail._replace(arguments={"text": "carol"}), tool)  # another call
    made.run(mail._replace(id="c8"), tool)
    made.run(mail._replace(session="other"), tool)
    assert [each["text"] for each in tool.ran] == ["bob", "carol", "bob", "bob"]


def test_the_same_id_at_the_same_time_runs_once(gate: Gate, tool: Tool) -> None:
    made = around(gate, capability=grant(gate), session="s")

    def once() -> bool:
        try:
            made.run(Sent("tell", {"text": "bob"}, "c7"), tool)
        except Denied:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(each.result() for each in [pool.submit(once) for _ in range(24)]) == 1
    assert len(tool.ran) == 1


def test_a_result_over_its_limit_is_withheld(gate: Gate) -> None:
    made = around(gate, capability=grant(gate))
    with pytest.raises(OutputLimit) as caught:
        made.run(Sent("grow", {"text": "x"}), lambda _: "x" * 11)
    assert told(caught.value).startswith("Gate: ") and "xxxx" not in told(caught.value)


# ---- when the gate breaks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["scope", "scope_of", "find_tool", "home.rules", "home.now", "records.spend"])
def test_whatever_breaks_in_the_gate_the_tool_does_not_run(gate: Gate, tool: Tool, step: str, monkeypatch) -> None:
    made = around(gate, capability=grant(gate))

    def broken(*_, **__):
        raise RuntimeError("broke")

    path, _, name = step.rpartition(".")
    monkeypatch.setattr({"": gate, "home": gate.home, "records": gate.home.records}[path], name, broken)
    sent = Sent("say", None) if step == "find_tool" else SAY
    with pytest.raises(Denied, match="the gate failed"):
        made.run(sent, tool)
    with pytest.raises(Denied, match="the gate failed"):
        asyncio.run(made.arun(sent, tool.later))
    assert not tool.ran


def test_a_refusal_that_cannot_be_recorded_is_one(gate: Gate, tool: Tool, monkeypatch, caplog) -> None:
    def broken(*_, **__):
        raise RuntimeError("broke")

    monkeypatch.setattr(gate.home.records, "refusal", broken)
    with pytest.raises(Denied, match="no capability"):
        around(gate).run(SAY, tool)
    assert "could not be recorded" in caplog.text and not tool.ran


def test_a_note_keeps_the_result(gate: Gate) -> None:
    assert note("done", ["a", "b"]) == "Note: a; b.\ndone"
    assert note({"n": 1}, ["a"]) == 'Note: a.\n{"n": 1}'


def test_an_allowed_call_is_an_allow(gate: Gate) -> None:
    with gate.acting(grant(gate), session="s"):
        around(gate)
        assert isinstance(gate.check("say", {"text": "x"}), Allow)


def test_ids_that_repeat(gate: Gate) -> None:
    """Some models give every first call of a turn the same id: `once=False` runs an identical later call."""
    ran: list[dict[str, object]] = []
    capability = gate.grant("root", tools={"write": ANY})
    for once in (True, False):
        around = Around(gate, capability=capability, tools={"write": {"effects": "writes"}}, session=f"once {once}", once=once)
        around.declare("write", None)
        around.run(Sent("write", {"text": "a"}, "call_0"), ran.append)
        if once:
            with pytest.raises(Denied, match="ran before"):
                around.run(Sent("write", {"text": "a"}, "call_0"), ran.append)
        else:
            around.run(Sent("write", {"text": "a"}, "call_0"), ran.append)
    assert len(ran) == 3


def test_the_task_of_a_kept_scope_is_the_task_of_its_calls(gate: Gate) -> None:
    capability = gate.grant("root", tools={"look": ANY})
    made = Around(gate, capability=capability, session="s", tools={"look": {"effects": "reads"}})
    made.declare("look")
    for task in ("one", "two"):
        with gate.acting(capability, session="other", task=task):
            made.run(Sent("look", {"at": task}, task), lambda arguments: "seen")
    assert [record["task"] for record in intents(gate)] == ["one", "two"]


def test_a_part_is_the_same_after_a_restart(tmp_path) -> None:
    """A sub-agent's question is answered while nothing runs, and its budget does not begin again."""
    part = {"agent": "child", "tools": ["tell"], "calls": 1}
    ran: list[object] = []
    token, question = "", None
    for life in range(3):
        with Gate(tmp_path / ".gate") as gate:
            if not token:
                write_rules(gate, ASK)
                token = gate.grant("root", tools={"tell": ANY}).presentation
            made = Around(gate, capability=token, part=part, session="s", tools=READS)
            made.declare("tell", TEXT)
            if life == 1:
                assert question is not None
                answer = Callback(gate, lambda _: True).ask(question)
                gate.home.desk.answer(question.id, answer)
            call = Sent("tell", {"text": "hi"}, f"c{life}")
            if life == 1:
                made.run(call, ran.append)
            else:
                with pytest.raises(Denied) as caught:
                    made.run(call, ran.append)
                question = getattr(caught.value, "question", None)
    assert len(ran) == 1 and "nothing is left of the calls" in str(caught.value)
