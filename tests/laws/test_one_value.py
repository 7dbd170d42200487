"""One value: what is checked, shown, digested and run is one frozen value."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gate import ANY, Denied, Gate, Range
from gate.call import b64url, canonical
from gate.testing import ScriptedApprover
from tests.kit import ASK, denied, intents, using, write_rules
from tests.laws.kit import tool_of


class TestOneValue:
    """What is checked, shown, digested, recorded and run is one frozen value."""

    @pytest.mark.parametrize("how", ["wrapped", "call", "acall", "authorize"])
    def test_an_argument_that_is_changed_while_a_person_thinks(self, gate: Gate, ran: list[Any], how: str) -> None:
        write_rules(gate, ASK)
        gated = tool_of(gate, ran, dict[str, Any])
        mine: dict[str, Any] = {"to": "bob", "items": [1, 2]}
        sent = {"value": mine}

        def change() -> None:
            mine["to"] = "eve"
            mine["items"].append(1000)
            sent["value"] = {"to": "eve"}

        thread = threading.Thread(target=change)
        gate.approvers = (person := ScriptedApprover(gate, [True], meanwhile=lambda: (thread.start(), thread.join())),)  # type: ignore[arg-type]
        with using(gate, "t"):
            if how == "wrapped":
                gated(mine)
            elif how == "call":
                gate.call("t", sent)
            elif how == "acall":
                asyncio.run(gate.acall("t", sent))
            else:
                ran.append(gate.authorize("t", sent, ref="r1").arguments["value"])
        good = {"to": "bob", "items": [1, 2]}
        assert mine["to"] == "eve", "the attack took place"
        assert ran == [good]
        assert person.questions[0].to_json()["arguments"] == {"value": good}
        (intent,) = intents(gate)
        assert intent["args"] == {"value": good}
        assert intent.get("digest", b64url_of("t", good)) == b64url_of("t", good)

    def test_the_tool_gets_a_copy_of_its_own(self, gate: Gate, ran: list[Any]) -> None:
        """What a tool does to its arguments changes neither the record nor the caller's object."""

        @gate.tool(idempotent=True)
        def greedy(value: list[int]) -> int:
            ran.append(list(value))
            value.append(99)
            return len(value)

        mine = [1]
        with using(gate, "greedy"):
            assert greedy(mine) == greedy(mine) == 2
        assert mine == [1]
        assert ran == [[1], [1]]
        assert [intent["args"]["value"] for intent in intents(gate)] == [[1], [1]]

    def test_an_object_that_reads_differently_each_time_is_read_once(self, gate: Gate, ran: list[Any]) -> None:
        class Shifty(dict[str, Any]):
            reads = 0

            def items(self) -> Any:
                type(self).reads += 1
                return {"to": "bob" if self.reads == 1 else "eve"}.items()

            def __getitem__(self, key: str) -> Any:
                return dict(self.items())[key]

            def __iter__(self) -> Iterator[str]:
                return iter(("to",))

            def keys(self) -> Any:
                return {"to": 0}.keys()

        gate.approvers = (person := ScriptedApprover(gate, [True]),)
        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        with using(gate, "t"):
            gated(Shifty(to="original"))
        seen = {
            json.dumps(one, sort_keys=True)
            for one in [ran[0], person.questions[0].to_json()["arguments"]["value"], intents(gate)[0]["args"]["value"]]
        }  # type: ignore[index, call-overload]
        assert len(seen) == 1, seen

    @pytest.mark.parametrize(
        ("kind", "members", "held"),
        [
            (
                str,
                {"__str__": lambda self: "evil", "__eq__": lambda self, other: True, "__hash__": lambda self: 0, "isascii": lambda self: True},
                "good",
            ),
            (
                int,
                {
                    "__int__": lambda self: 10**400,
                    "__index__": lambda self: 999,
                    "__le__": lambda self, other: True,
                    "__ge__": lambda self, other: True,
                },
                7,
            ),
            (float, {"__float__": lambda self: 1e300, "is_integer": lambda self: True, "__sub__": lambda self, other: 0.0}, 7.5),
        ],
        ids=["str", "int", "float"],
    )
    @pytest.mark.parametrize("typed", [True, False], ids=["typed", "any"])
    def test_a_subclass_that_lies_is_taken_for_what_it_holds(
        self, gate: Gate, ran: list[Any], kind: Any, members: dict[str, Any], held: Any, typed: bool
    ) -> None:
        lying = type("Lying", (kind,), members)(held)
        gated = tool_of(gate, ran, kind if typed else Any)
        with using(gate, "t"):
            gated(lying)
        assert type(ran[0]) is kind
        assert ran == [held]
        assert intents(gate)[0]["args"]["value"] == held

    def test_a_lying_list_is_a_plain_one_afterwards(self, gate: Gate, ran: list[Any]) -> None:
        class Lying(list[Any]):
            def __iter__(self) -> Iterator[Any]:
                return iter(["bob"])

            def __len__(self) -> int:
                return 1

            def __eq__(self, other: object) -> bool:
                return True

            __hash__ = None  # type: ignore[assignment]

        gated, typed = tool_of(gate, ran), tool_of(gate, ran, list[str], name="typed")
        with using(gate, "t", "typed"):
            gated(Lying(["eve"]))
            typed(Lying(["eve"]))
        for value, intent in zip(ran, intents(gate), strict=True):
            assert type(value) is list
            assert value == intent["args"]["value"]

    def test_a_lying_mapping_of_arguments(self, gate: Gate, ran: list[Any]) -> None:
        """Whatever it says first or last: the values that are judged are the values that run."""

        class Lying(Mapping[str, Any]):
            def __init__(self) -> None:
                self.reads = 0

            def __getitem__(self, key: str) -> Any:
                self.reads += 1
                return 5 if self.reads % 2 else 5000

            def __iter__(self) -> Iterator[str]:
                return iter(["value"])

            def __len__(self) -> int:
                return 1

        tool_of(gate, ran, int)
        with gate.acting(gate.grant("agent-7", tools={"t": {"value": Range(max=10)}})):
            for _ in range(6):
                try:
                    gate.call("t", Lying())
                except Denied as denial:
                    assert "5000" in str(denial)
        assert ran
        assert set(ran) == {5}
        assert {intent["args"]["value"] for intent in intents(gate)} == {5}

    def test_defaults_are_part_of_the_value(self, gate: Gate, ran: list[Any]) -> None:
        """The naive way checks what was sent, and the tool's own default runs unchecked."""

        @gate.tool
        def send(to: str, copy: str = "everybody") -> None:
            ran.append((to, copy))

        with gate.acting(gate.grant("agent-7", tools={"send": {"to": ANY, "copy": "nobody"}})):
            denied(lambda: send("bob"), "copy")
            send("bob", "nobody")
        with gate.acting(gate.grant("agent-7", tools={"send": {"to": ANY}})):
            send("bob")
            denied(lambda: send("bob", "nobody"), "copy")
        assert ran == [("bob", "nobody"), ("bob", "everybody")]
        assert intents(gate)[1]["args"] == {"to": "bob", "copy": "everybody"}

    def test_a_mutable_default_is_not_shared_between_calls(self, gate: Gate, ran: list[Any]) -> None:
        @gate.tool
        def add(value: list[int] = []) -> None:  # noqa: B006  # the classic mistake
            value.append(1)
            ran.append(value)

        with using(gate, "add"):
            add()
            add()
        assert ran == [[1], [1]]


def b64url_of(tool: str, value: Any) -> str:
    """The digest of a call of a tool with one argument, computed by hand."""
    from hashlib import sha256

    return b64url(sha256(canonical({"tool": tool, "arguments": {"value": value}})).digest())
