"""A gate beside a model of ten lines: whatever is granted, passed on, revoked, stopped, spent, and whatever time it is, they agree.

The machine does things in random order; the model says by plain arithmetic whether a call may run.  Every call goes one of four ways: waiting
for the disk, not waiting, leaving no record, and as the two halves of a hook.
"""

from __future__ import annotations

import contextvars
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from gate import Capability, Denied, Gate, Range, TokenError
from gate.testing import FakeClock
from tests.kit import log, write_rules

RULES = '[[rule]]\nid = "quiet"\nallow = { tool = "quiet" }\naudit = "off"\n'
TOOLS = ("durable", "quick", "quiet")
WAYS = (*TOOLS, "hook")


@dataclass
class Held:
    """One capability as the model sees it."""

    capability: Capability
    agent: str
    most: int
    calls: int | None
    expires: float
    above: Held | None = None
    spent: int = 0
    revoked: bool = False

    @property
    def chain(self) -> list[Held]:
        return [self, *(self.above.chain if self.above else [])]


class Machine(RuleBasedStateMachine):
    """A gate and its model."""

    held = Bundle("held")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        self.stopped: set[str] = set()
        self.alive = 0
        self.ran: list[tuple[str, int]] = []
        self.expected: list[tuple[str, int]] = []
        self.open()
        write_rules(self.gate, RULES)

    def open(self) -> None:
        self.gate = Gate(self.folder / ".gate", clock=self.clock, clear={"*": ["*"]})
        self.agents: dict[str, tuple[contextvars.Context, Any]] = {}
        self.tools = {name: self.wrapped(name) for name in TOOLS}

    def wrapped(self, name: str) -> Any:
        def tool(x: int) -> None:
            self.ran.append((name, x))

        return self.gate.wrap(tool, name=name, effects="reads" if name == "quick" else "writes")

    def teardown(self) -> None:
        if hasattr(self, "gate"):
            told = [(record["tool"], record["args"]["x"]) for record in log(self.gate, "intent", "call")]
            assert sorted(told) == sorted(each for each in self.expected if each[0] != "quiet")
            self.leave()
            self.gate.close()
            shutil.rmtree(self.folder)

    @rule(
        target=held, agent=st.sampled_from("ab"), most=st.sampled_from([3, 9]), calls=st.sampled_from([None, 3, 9]), minutes=st.sampled_from([5, 60])
    )
    def grant(self, agent: str, most: int, calls: int | None, minutes: int) -> Held:
        tools = {name: {"x": Range(max=most)} for name in TOOLS}
        made = self.gate.grant(agent, tools=tools, calls=calls, minutes=minutes, delegations=5)
        self.alive += 1
        return Held(made, agent, most, calls, made.expires)

    @rule(target=held, parent=held, agent=st.sampled_from("ab"), most=st.sampled_from([1, 5, 9]), calls=st.sampled_from([None, 2, 5]))
    def attenuate(self, parent: Held, agent: str, most: int, calls: int | None) -> Any:
        tools = {name: {"x": Range(max=most)} for name in TOOLS}
        limit = next((one.calls for one in parent.chain if one.calls is not None), None)
        wider = most > parent.most or (limit is not None and calls is not None and calls > limit)
        try:
            made = self.gate.attenuate(parent.capability, agent, tools=tools, calls=calls)
        except TokenError:
            assert wider or len(parent.chain) > 5 or self.now() >= parent.expires
            return parent
        assert not wider
        return Held(made, agent, most, calls, made.expires, parent)

    @precondition(lambda self: self.alive > 2)
    @rule(one=held)
    def revoke(self, one: Held) -> None:
        self.alive -= not one.revoked
        self.gate.revoke(one.capability)
        one.revoked = True

    @rule(agent=st.sampled_from("ab*"), one=held, way=st.sampled_from(WAYS))
    def stop_for_a_while(self, agent: str, one: Held, way: str) -> None:
        self.call(one, 1, way, 1)
        self.gate.stop(everything=True) if agent == "*" else self.gate.stop(agent=agent)
        self.stopped.add(agent)
        self.call(one, 1, way, 1)
        self.gate.resume(everything=True) if agent == "*" else self.gate.resume(agent=agent)
        self.stopped.discard(agent)
        self.call(one, 1, way, 1)

    @rule(seconds=st.sampled_from([1, 30, 600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(again=st.booleans())
    def restart(self, again: bool) -> None:
        self.gate.close()
        if again:
            self.leave()
            self.open()

    @rule(one=held, x=st.sampled_from([1, 4, 7]), way=st.sampled_from(WAYS), times=st.integers(1, 3))
    def calls(self, one: Held, x: int, way: str, times: int) -> None:
        self.call(one, x, way, times)

    def call(self, one: Held, x: int, way: str, times: int) -> None:
        for _ in range(times):
            tool = "durable" if way == "hook" else way
            may = self.may(one, x)
            try:
                self.agent(one).run(self.run, tool, x, hook=way == "hook")
                assert may, "it ran"
            except Denied as denial:
                assert not may, str(denial)
            except TokenError:
                assert self.now() >= one.expires
            if may:
                self.expected.append((tool, x))
                for each in one.chain:
                    each.spent += 1

    def agent(self, one: Held) -> contextvars.Context:
        """Where an agent acts on and on under one capability, as in a program that runs for long."""
        if one.capability.jti not in self.agents:
            context, acting = contextvars.copy_context(), self.gate.acting(one.capability, session="s")
            context.run(acting.__enter__)
            self.agents[one.capability.jti] = context, acting
        return self.agents[one.capability.jti][0]

    def leave(self) -> None:
        for context, acting in self.agents.values():
            context.run(acting.__exit__, None, None, None)
        self.agents = {}

    def run(self, tool: str, x: int, *, hook: bool) -> None:
        if not hook:
            self.tools[tool](x)
            return
        ticket = self.gate.authorize(tool, {"x": x}, ref=f"r{len(self.expected)}")
        self.ran.append((tool, int(str(ticket.arguments["x"]))))
        assert self.gate.settle(ticket)

    def may(self, one: Held, x: int) -> bool:
        """The model."""
        return (
            x <= one.most
            and not any(each.revoked for each in one.chain)
            and not self.stopped & {"*", *[each.agent for each in one.chain]}
            and self.now() < one.expires
            and all(each.calls is None or each.spent < each.calls for each in one.chain)
        )

    def now(self) -> float:
        return self.clock.now()

    @invariant()
    def what_ran_is_what_may(self) -> None:
        if hasattr(self, "gate"):
            assert self.ran == self.expected


TestModel = Machine.TestCase
TestModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
