"""The person's part: what runs by their word without a record, what is taken for their word, and where they are not asked."""

from __future__ import annotations

import json

from gate.mcp.asking import INPUT
from gate.mcp.catalogue import Catalogue
from gate.mcp.core import Session
from gate.mcp.era import VERSION
from gate.mcp.verdict import Context, Forward, Hold, Permission
from gate.mcp.wire import parse
from tests.mcp.behind import tool

ALL = Context("k", lambda _: True, lambda *_: True, lambda: 60.0)


def test_a_server_does_not_ask_under_the_name_of_the_gates_question() -> None:
    """What comes back under that name the gate takes for the answer to its own question, whose words the person never saw."""
    catalogue = Catalogue("s")
    catalogue.listed([tool("a")], 0.0)
    session = Session("s", catalogue)
    params = {"name": "a", "arguments": {}, "_meta": {VERSION: "2026-07-28"}}
    hold = session.client(parse(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()), ALL, 0.0)
    assert isinstance(hold, Hold)
    session.allowed(hold, [Permission({}, "ticket")])
    form = {
        "method": "elicitation/create",
        "params": {"message": "Do you like cats?", "requestedSchema": {"properties": {"approve": {"type": "boolean"}}}},
    }
    result = {"resultType": "input_required", "inputRequests": {INPUT: form}}
    verdict = session.server(parse(json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()), ALL, 0.0)
    if isinstance(verdict, Hold):
        verdict = session.allowed(verdict, [Permission(dict(one.arguments), "ticket") for one in verdict.calls])
    assert not (isinstance(verdict, Forward) and INPUT in json.dumps(verdict.body))
