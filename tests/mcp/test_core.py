"""The core: whatever either side sends, nothing passes that was not let through."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gate.mcp.catalogue import Catalogue
from gate.mcp.core import Session, same
from gate.mcp.methods import FREE, LISTS, OTHER, REVERSE, TASKS, TOOLS
from gate.mcp.verdict import NOBODY, Context, Drop, Forward, Hold, Permission, Reply, Settled, Wait
from gate.mcp.wire import Message, parse
from tests.mcp.behind import tool

IDS = st.sampled_from([1, 2, "1", "2", "gate.x.1"])
METHODS = st.sampled_from(sorted({*FREE, *LISTS, *TOOLS, *TASKS, *REVERSE, OTHER, "tools/call", "tasks/list", "subscriptions/listen", "x/y"}))
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b", "hidden"]),
        "arguments": st.just({}),
        "uri": st.sampled_from(["file:///a", "file:///b"]),
        "level": st.just("info"),
        "taskId": st.sampled_from(["t", "u"]),
        "ref": st.just({"type": "ref/prompt", "name": "p"}),
        "argument": st.just({"name": "n", "value": "v"}),
        "notifications": st.just({"resourceSubscriptions": ["file:///a"]}),
        "messages": st.just([]),
        "message": st.just("hello"),
        "requestedSchema": st.just({"properties": {"colour": {}}}),
        "requestId": IDS,
        "progressToken": st.sampled_from([1, "p"]),
        "_meta": st.fixed_dictionaries({}, optional={"progressToken": st.sampled_from([1, "p"])}),
    },
)
EVERYONE = Context("key", lambda tool: tool != "s/hidden", lambda *_: True, lambda: 60.0)


def made(**body: Any) -> Message:
    """A message."""
    return parse(json.dumps({"jsonrpc": "2.0", **body}).encode())


class Relayed(RuleBasedStateMachine):
    """A session between a client and a server that send what they like; the gate says yes or no as it likes."""

    def __init__(self) -> None:
        super().__init__()
        catalogue = Catalogue("s")
        catalogue.listed([tool("a"), tool("b"), tool("hidden")], 0.0)
        self.session = Session("s", catalogue)
        self.held: list[tuple[str, Hold]] = []
        self.asked: dict[object, str] = {}  # what the server has heard of and not answered
        self.wanted: set[object] = set()  # what the client has heard of and not answered
        self.open: set[object] = set()
        self.tickets = 0

    def settle(self, settled: tuple[Settled, ...]) -> None:
        for one in settled:
            assert one.ticket in self.open, "a ticket is settled once"
            self.open.remove(one.ticket)

    def to_server(self, verdict: Any) -> None:
        body = verdict.body
        if "method" in body and "id" in body:
            assert body["id"] not in self.asked, "two requests of one id are at the server"
            self.asked[body["id"]] = body["method"]
        elif "method" not in body:
            assert body["id"] in self.wanted
            self.wanted.remove(body["id"])

    def to_client(self, verdict: Any) -> None:
        body = verdict.body
        if "method" in body and "id" in body:
            self.wanted.add(body["id"])
        elif "method" not in body:
            assert body["id"] in self.asked, "a response to no request"
            del self.asked[body["id"]]

    def after(self, verdict: Any, sender: str) -> None:
        if isinstance(verdict, Hold):
            self.held.append((sender, verdict))
        elif isinstance(verdict, Forward):
            (self.to_server if sender == "client" else self.to_client)(verdict)
            self.settle(verdict.settled)
        elif isinstance(verdict, (Reply, Drop)):
            self.settle(verdict.settled)

    @rule(ident=IDS, method=METHODS, params=PARAMS)
    def client_asks(self, ident: Any, method: str, params: Any) -> None:
        verdict = self.session.client(made(id=ident, method=method, params=params), EVERYONE, 0.0)
        assert not isinstance(verdict, Wait)
        if isinstance(verdict, Forward):
            assert method in FREE or method in LISTS or method in TASKS or method in ("tasks/list", "subscriptions/listen")
        self.after(verdict, "client")

    @rule(ident=IDS, method=METHODS, params=PARAMS)
    def server_asks(self, ident: Any, method: str, params: Any) -> None:
        verdict = self.session.server(made(id=ident, method=method, params=params), EVERYONE, 0.0)
        assert not isinstance(verdict, Forward) or method == "ping"
        self.after(verdict, "server")

    @rule(ident=IDS, result=st.sampled_from([{}, {"tools": [tool("hidden")]}, {"task": {"taskId": "t"}}, {"status": "completed", "taskId": "t"}]))
    def server_answers(self, ident: Any, result: Any) -> None:
        verdict = self.session.server(made(id=ident, result=result), EVERYONE, 0.0)
        if ident not in self.asked:
            assert isinstance(verdict, Drop)
        if isinstance(verdict, Forward) and self.asked[ident] == "tools/list":
            assert verdict.body["result"]["tools"] == []  # type: ignore[index, call-overload]  # a list
        self.after(verdict, "server")

    @rule(ident=IDS)
    def client_answers(self, ident: Any) -> None:
        verdict = self.session.client(made(id=ident, result={"roots": []}), EVERYONE, 0.0)
        assert isinstance(verdict, Forward) == (ident in self.wanted)
        self.after(verdict, "client")

    @rule(sender=st.sampled_from(["client", "server"]), params=PARAMS, which=st.sampled_from(["cancelled", "progress", "resources/updated", "odd"]))
    def notice(self, sender: str, params: Any, which: str) -> None:
        message = made(method=f"notifications/{which}", params=params)
        verdict = self.session.client(message, EVERYONE, 0.0) if sender == "client" else self.session.server(message, EVERYONE, 0.0)
        assert which != "odd" or isinstance(verdict, Drop)
        if isinstance(verdict, Forward) and which == "cancelled":
            (self.asked if sender == "client" else self.wanted).__contains__(params["requestId"])
            if sender == "client":
                self.asked.pop(params["requestId"], None)
            else:
                self.wanted.discard(params["requestId"])
                self.asked.pop(params["requestId"], None) if params["requestId"] in self.asked and self.asked[
                    params["requestId"]
                ] == "subscriptions/listen" else None
        self.after(verdict, sender)

    @rule(yes=st.booleans())
    def gate_says(self, yes: bool) -> None:  # noqa: FBT001  # drawn
        if not self.held:
            return
        sender, hold = self.held.pop(0)
        if yes and not hold.hidden:
            self.tickets += len(hold.calls)
            tickets = list(range(self.tickets - len(hold.calls), self.tickets))
            self.open.update(tickets)
            verdict = self.session.allowed(hold, [Permission(dict(call.arguments), one) for call, one in zip(hold.calls, tickets, strict=True)])
            if isinstance(verdict, Drop):
                self.open.difference_update(tickets)
        else:
            verdict = self.session.refused(hold, "no")
            assert not isinstance(verdict, Forward)
        self.after(verdict, sender)

    @invariant()
    def every_open_ticket_is_somewhere(self) -> None:
        pending = [*self.session.up.pending.values(), *self.session.down.pending.values()]
        known = {ticket for one in pending for ticket in one.tickets}
        known |= {ticket for task in self.session.tasks.known.values() for ticket in task.tickets}
        assert self.open <= known

    def teardown(self) -> None:
        answers, settled = self.session.lost("gone")
        self.settle(settled)
        assert not self.open
        assert len({json.dumps(body["id"]) for body in answers}) == len(answers)


Relayed.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestRelayed = Relayed.TestCase


@given(
    st.recursive(
        st.integers() | st.booleans() | st.floats(allow_nan=False) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_value_is_the_same_as_itself_read_again(value: Any) -> None:
    assert same(value, json.loads(json.dumps(value)))


def test_one_is_not_true_and_not_one_point_nought() -> None:
    assert not same(1, True)  # noqa: FBT003  # that is the point
    assert not same(1, 1.0)
    assert not same({"a": [1]}, {"a": [1], "b": None})


def test_nobody_sees_anything() -> None:
    catalogue = Catalogue("s")
    catalogue.listed([tool("a")], 0.0)
    session = Session("s", catalogue)
    assert isinstance(session.client(made(id=1, method="tools/list"), NOBODY, 0.0), Forward)
    listed = session.server(made(id=1, result={"tools": [tool("a")]}), NOBODY, 0.0)
    assert isinstance(listed, Forward)
    assert listed.body["result"] == {"tools": []}
    hold = session.client(made(id=2, method="tools/call", params={"name": "a"}), NOBODY, 0.0)
    assert isinstance(hold, Hold)
    assert hold.hidden


def test_a_tool_that_changes_while_a_person_thinks_is_not_called() -> None:
    catalogue = Catalogue("s")
    catalogue.listed([tool("a")], 0.0)
    session = Session("s", catalogue)
    hold = session.client(made(id=1, method="tools/call", params={"name": "a"}), EVERYONE, 0.0)
    assert isinstance(hold, Hold)
    catalogue.listed([tool("a", "Now it does something else.")], 1.0)
    verdict = session.allowed(hold, [Permission({}, "ticket")])
    assert isinstance(verdict, Reply)
    assert "changed" in json.dumps(verdict.body)
    assert [(one.ticket, one.how) for one in verdict.settled] == [("ticket", "cancelled")]


def test_a_subscription_ends_with_its_capability() -> None:
    left = [60.0]
    who = Context("key", lambda _: True, lambda *_: True, lambda: left[0])
    session = Session("s", Catalogue("s"))
    hold = session.client(made(id=1, method="resources/subscribe", params={"uri": "file:///a"}), who, 0.0)
    assert isinstance(hold, Hold)
    assert isinstance(session.allowed(hold, [Permission({"uri": "file:///a"}, "t")]), Forward)
    told = made(method="notifications/resources/updated", params={"uri": "file:///a/b"})
    assert isinstance(session.server(told, who, 0.0), Forward)
    assert isinstance(session.server(made(method="notifications/resources/updated", params={"uri": "file:///ab"}), who, 0.0), Drop)
    left[0] = 0.0
    assert isinstance(session.server(told, who, 0.0), Drop)
