"""One yes, several runs: modern clients of the gate over HTTP, where the state that goes on with a call is theirs to send."""

from __future__ import annotations

import asyncio
import json
import threading
import time

from tests.kit import intents
from tests.mcp.kit import Upstream, reply, tool
from tests.mcp.test_http import MODERN, Site, site  # noqa: F401  # a fixture

RULES = '[[rule]]\nid = "a-person"\nask = { tool = "*", expires = "10m" }\n'
WIPE = tool("wipe", inputSchema={"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False})
ASKS = MODERN | {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
YES = {"gate.approval": {"action": "accept", "content": {"approve": True}}}


def wipe(here: Site, ident: int, **more: object) -> dict:
    who = here.bearer(here.wipes)  # type: ignore[attr-defined]
    params = {"name": "wipe", "arguments": {"x": 1}, "_meta": ASKS, **more}
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "wipe", "authorization": who}
    return here.post({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": params}, headers).json()


def opened(site, answer) -> Site:  # noqa: F811
    here = site(Upstream([WIPE], tools__call=answer), rules=RULES, answers="owner")
    here.wipes = here.grant("wiper", "wipe")
    return here


def test_two_states_of_one_question_run_it_once(site):  # noqa: F811
    """The same call made twice is one question and two states; one yes lets both go on while the first is on its way."""

    async def later(seen, send):
        await asyncio.sleep(1.5)
        await reply(send, {"content": [{"type": "text", "text": "wiped"}]}, seen.json["id"])

    here = opened(site, later)
    states = [wipe(here, n)["result"]["requestState"] for n in (1, 2)]
    said: list[dict] = []
    first = threading.Thread(target=lambda: said.append(wipe(here, 3, requestState=states[0], inputResponses=YES)))
    first.start()
    time.sleep(0.7)
    said.append(wipe(here, 4, requestState=states[1]))  # without any answer
    first.join()
    assert len(intents(here.gate)) == 1
    assert len(here.upstream.calls("wipe")) == 1, json.dumps(said)
