"""How people are asked about calls over HTTP: in a modern client's result, in an old client's stream, and elsewhere."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack

import pytest

from gate.mcp.asking import INPUT
from tests.kit import intents
from tests.mcp.kit import Upstream, tool
from tests.mcp.test_http import BOTH, MODERN, Site

ASK = """
[[rule]]
id = "a-person"
ask = { tool = "s/echo" }
"""
ABLE = {**MODERN, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
YES = {"action": "accept", "content": {"approve": True}}
TOOLS = [tool("echo", inputSchema={"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False})]


@pytest.fixture
def site(tmp_path):
    with ExitStack() as stack:

        def made(**more) -> Site:
            return Site(tmp_path, Upstream(TOOLS), stack, rules=ASK, **more)

        yield made


def call(here: Site, n: int = 1, **more) -> dict:
    params = {"name": "echo", "arguments": {"n": n}, "_meta": ABLE, **more}
    return here.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).json()


def test_a_modern_client_is_asked_in_the_result_and_calls_again(site):
    here = site(answers="ann")
    result = call(here)["result"]
    assert (result["resultType"], list(result["inputRequests"]), here.upstream.calls()) == ("input_required", [INPUT], [])
    back = {"requestState": result["requestState"], "inputResponses": {INPUT: YES}}
    assert "another call" in json.dumps(call(here, 2, **back))
    result = call(here)["result"]
    back["requestState"] = result["requestState"]
    assert call(here, **back)["result"]["content"][0]["text"] == "did echo"
    assert "used before" in json.dumps(call(here, **back))
    (seen,) = here.upstream.calls()
    assert not seen.json["params"].keys() & {"requestState", "inputResponses"}
    assert len(intents(here.gate)) == 1


def test_a_no_and_somebody_elses_state(site):
    here = site(answers="ann")
    state = call(here)["result"]["requestState"]
    other = here.grant("other", "echo")
    params = {"name": "echo", "arguments": {"n": 1}, "_meta": ABLE, "requestState": state, "inputResponses": {INPUT: YES}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    assert "another call" in here.post(body, {"authorization": here.bearer(other)}).text
    state = call(here)["result"]["requestState"]
    assert call(here, requestState=state, inputResponses={INPUT: {"action": "decline"}})["result"]["isError"] is True
    assert here.upstream.calls() == []


def test_an_old_client_is_asked_in_a_stream_and_answers_in_its_session(site):
    here = site(answers="ann")
    who = {"authorization": here.bearer()}
    greeting = {"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}, "clientInfo": {}}
    begun = here.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": greeting}, who)
    headers = who | {"mcp-session-id": begun.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
    plain = headers | {"content-type": "application/json", "accept": BOTH}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"n": 1}}}
    with here.client.stream("POST", here.url, json=body, headers=plain) as answer:
        lines = (line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: "))
        asked = json.loads(next(lines))
        assert (asked["method"], "s/echo" in asked["params"]["message"]) == ("elicitation/create", True)
        assert here.upstream.calls() == []
        other = {"jsonrpc": "2.0", "id": asked["id"], "result": YES}
        stranger = here.grant("other", "echo")
        assert here.post(other, headers | {"authorization": here.bearer(stranger)}).status_code == 404
        assert here.post(other, {"authorization": here.bearer()}).status_code == 202  # no session: nobody waits for it there
        assert here.upstream.calls() == []
        assert here.post(other, headers).status_code == 202
        assert json.loads(next(lines))["result"]["content"][0]["text"] == "did echo"
    assert len(here.upstream.calls()) == 1


def test_a_call_is_held_for_an_answer_from_elsewhere(site):
    here = site(waits=30.0)

    def approve() -> None:
        desk = here.gate.home.desk
        while not (cases := desk.cases()):
            pass
        desk.approve(cases[0].question.id, by="owner", binding_hash=cases[0].question.binding_hash, number=cases[0].question.number)

    person = threading.Thread(target=approve)
    person.start()
    assert here.call(arguments={"n": 1}).json()["result"]["content"][0]["text"] == "did echo"
    person.join()


def test_without_a_way_to_a_person_it_is_refused(site):
    here = site()
    result = here.call(arguments={"n": 1}).json()["result"]
    assert (result["isError"], result["content"][0]["text"].startswith("Refused by Gate for now")) == (True, True)
    assert here.upstream.calls() == []
