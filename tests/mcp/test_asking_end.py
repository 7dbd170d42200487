"""How people are asked about calls to a server: in the client's dialogue, and elsewhere."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from gate import ANY, Gate
from gate.mcp.asking import INPUT
from tests.kit import intents, outcomes
from tests.mcp.behind import Place, tool
from tests.mcp.client import Client
from tests.mcp.test_attacks import MODERN

ASK = """
    [[rule]]
    id = "a-person"
    ask = { tool = "s/echo" }
    [[rule]]
    id = "inputs"
    ask = { tool = "s/inputs" }
    [[rule]]
    id = "elicit"
    allow = { tool = "s/elicitation/create" }
"""
CLOSED = {"inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}}
TOOLS = [tool("echo", **CLOSED), tool("grave", annotations={"destructiveHint": True}, **CLOSED), tool("inputs", **CLOSED)]
YES = {"action": "accept", "content": {"approve": True}}


@pytest.fixture
def asking(place: Place) -> Place:
    """Where a person is asked about `echo`, and about `grave` because it says that it destroys."""
    place.granted, place.rules = {"echo": ANY, "grave": ANY, "inputs": ANY, "elicitation/create": ANY}, ASK
    return place


def opened(client: Client, *, elicits: bool = True) -> Client:
    """Greeted."""
    client.initialize({"elicitation": {}} if elicits else {})
    return client


def words(response: dict[str, Any]) -> str:
    """What a call gave, as text."""
    return json.dumps(response)


@pytest.mark.parametrize(
    ("answer", "runs"), [(YES, True), ({"action": "decline"}, False), ({"action": "cancel"}, False), ({"action": "accept", "content": {}}, False)]
)
def test_an_old_clients_dialogue_answers_below_high_risk(asking: Place, answer: dict[str, Any], runs: bool) -> None:  # noqa: FBT001  # a case
    with opened(asking.gated(asking.scripted(lists=[TOOLS]), "--answers", "ann")) as client:
        client.answers = {"elicitation/create": answer}
        found = client.call("echo", {"n": 1})
        assert ("Refused by Gate" in words(found)) != runs
        (asked,) = [one for one in client.unasked if one.get("method") == "elicitation/create"]
        assert "Gate asks: agent wants to run s/echo(n=1)" in asked["params"]["message"]
    assert asking.names == (["echo"] if runs else [])
    with Gate(asking.home) as gate:
        assert outcomes(gate) == (["ok"] if runs else [])


def test_a_form_is_never_asked_from_high_risk_on_nor_where_nobody_said_whose_it_is(asking: Place) -> None:
    server = asking.scripted(lists=[TOOLS])
    with opened(asking.gated(server, "--answers", "ann")) as client:
        client.answers = {"elicitation/create": YES}
        assert "Refused by Gate for now" in words(client.call("grave", {"n": 1}))
        assert client.unasked == []
    with opened(asking.gated(server)) as client:
        client.answers = {"elicitation/create": YES}
        assert "Refused by Gate for now" in words(client.call("echo", {"n": 1}))
        assert client.unasked == []
    assert asking.names == []


def test_who_is_refused_with_a_question_calls_again_when_it_is_answered(asking: Place) -> None:
    with opened(asking.gated(asking.scripted(lists=[TOOLS])), elicits=False) as client:
        assert "Refused by Gate for now" in words(client.call("grave", {"n": 1}))
        _approve(asking)
        assert client.call("grave", {"n": 1})["result"]["content"]
        assert "Refused by Gate for now" in words(client.call("grave", {"n": 1}))
    assert asking.names == ["grave"]


def test_a_client_that_starts_again_takes_up_the_answer_once_and_only_its_own(asking: Place) -> None:
    server, token, other = asking.scripted(lists=[TOOLS]), asking.grant(), asking.grant()

    def graved(token: str) -> str:
        with opened(asking.gated(server, token=token), elicits=False) as client:
            return words(client.call("grave", {"n": 1}))

    assert "Refused by Gate for now" in graved(token)
    _approve(asking)
    assert "Refused by Gate for now" in graved(other)  # whose own question it is, though agent, server and call are the same
    assert asking.names == []
    assert "Refused" not in graved(token)
    assert "Refused by Gate for now" in graved(token)
    assert asking.names == ["grave"]


def test_a_no_holds_for_a_client_that_starts_again(asking: Place) -> None:
    server, token = asking.scripted(lists=[TOOLS]), asking.grant()
    with opened(asking.gated(server, token=token), elicits=False) as client:
        assert "Refused by Gate for now" in words(client.call("grave", {"n": 1}))
    with Gate(asking.home) as gate:  # the question of a relay that is gone waits on
        (case,) = gate.home.desk.cases()
        gate.home.desk.deny(case.question.id, by="owner")
    with opened(asking.gated(server, token=token), elicits=False) as client:
        refused = words(client.call("grave", {"n": 1}))
        assert "Refused by Gate" in refused
        assert "for now" not in refused
    assert asking.names == []


def test_a_call_is_held_for_an_answer_from_elsewhere_and_holds_up_nobody(asking: Place) -> None:
    asking.rules += """
    [[rule]]
    id = "quick"
    allow = { tool = "s/inputs" }
    spares = ["inputs"]
    """
    with opened(asking.gated(asking.scripted(lists=[TOOLS]), "--waits", "60s"), elicits=False) as client:
        client.tools()
        client.send(id="held", method="tools/call", params={"name": "grave", "arguments": {"n": 1}})
        assert client.request("ping")["result"] is not None
        waiting = threading.Thread(target=_approve, args=(asking,))
        waiting.start()
        assert client.response("held", 60)["result"]["content"]
        waiting.join()
    assert asking.names == ["grave"]


def _approve(place: Place) -> None:
    """A person says yes to the one question that is open, at another terminal."""
    with Gate(place.home) as gate:
        until = time.monotonic() + 30
        while not (cases := gate.home.desk.cases()) and time.monotonic() < until:
            time.sleep(0.05)
        (case,) = cases
        gate.home.desk.approve(case.question.id, by="owner", binding_hash=case.question.binding_hash, number=case.question.number)


# ---- modern clients ----------------------------------------------------------------------------------------------------------------


def asked(client: Client, name: str = "echo", **arguments: Any) -> dict[str, Any]:
    """A call that is answered with the gate's question."""
    result: dict[str, Any] = client.call(name, arguments, _meta=MODERN)["result"]
    assert result["resultType"] == "input_required", result
    assert list(result["inputRequests"]) == [INPUT]
    return result


def retried(client: Client, state: str, answer: Any = YES, name: str = "echo", **arguments: Any) -> dict[str, Any]:
    """The call again, with what the client brings back."""
    return client.call(name, arguments, _meta=MODERN, requestState=state, inputResponses={INPUT: answer})


def test_a_modern_client_is_asked_in_the_result_and_calls_again(asking: Place) -> None:
    with asking.gated(asking.scripted(lists=[TOOLS]), "--answers", "ann") as client:
        result = asked(client, n=1)
        assert "agent wants to run s/echo(n=1)" in result["inputRequests"][INPUT]["params"]["message"]
        assert asking.names == []
        assert retried(client, result["requestState"], n=1)["result"]["content"]
        assert "used before" in words(retried(client, result["requestState"], n=1))
        assert retried(client, asked(client, n=1)["requestState"], {"action": "decline"}, n=1)["result"]["isError"]
    assert asking.names == ["echo"]
    assert "requestState" not in asking.ran[0]["params"]
    assert "inputResponses" not in asking.ran[0]["params"]


def test_a_state_is_good_for_its_own_call_only(asking: Place) -> None:
    other = asking.grant()
    with asking.gated(asking.scripted(lists=[TOOLS]), "--answers", "ann") as client:
        assert "another call" in words(retried(client, asked(client, n=1)["requestState"], n=2))
        assert "another call" in words(retried(client, asked(client, n=1)["requestState"], name="inputs", n=1))
        state = asked(client, n=1)["requestState"]
        assert "not one of this gate" in words(retried(client, state[:-4] + "AAAA", n=1))
        assert "not one of this gate" in words(retried(client, "gate1.e30.AAAA", n=1))
        client.send(
            id=900,
            method="tools/call",
            params={
                "name": "echo",
                "arguments": {"n": 1},
                "_meta": {**MODERN, "io.github.capgate/capability": other},
                "requestState": state,
                "inputResponses": {INPUT: YES},
            },
        )
        assert "another call" in words(client.response(900))
    assert asking.names == []


def test_an_approval_survives_the_servers_own_rounds_and_runs_the_call_once(asking: Place) -> None:
    """The server wants something from the client before it goes on: that is still the one call that was approved."""
    inputs = {"who": {"method": "elicitation/create", "params": {"message": "Who?", "requestedSchema": {"properties": {"who": {"type": "string"}}}}}}
    with asking.gated(asking.scripted(lists=[TOOLS], inputs=inputs), "--answers", "ann") as client:
        second = retried(client, asked(client, "inputs", n=1)["requestState"], name="inputs", n=1)["result"]
        assert list(second["inputRequests"]) == ["who"]
        assert second["requestState"] != "up"
        answer = {"who": {"action": "accept", "content": {"who": "ann"}}}
        third = client.call("inputs", {"n": 1}, _meta=MODERN, requestState=second["requestState"], inputResponses=answer)["result"]
        assert third["resultType"] == "complete"
        assert third["content"][0]["text"] == '"up"'  # the server got its own state back
        again = client.call("inputs", {"n": 1}, _meta=MODERN, requestState=second["requestState"], inputResponses=answer)
        assert "used before" in words(again)
    with Gate(asking.home) as gate:
        assert [one["tool"] for one in intents(gate)].count("s/inputs") == 1
