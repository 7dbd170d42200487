"""The ids of the gate's own requests are one space for both sides: whoever is on the other side of the one asked may answer."""

from __future__ import annotations

import sys
from pathlib import Path

from gate import ANY
from gate.mcp.catalogue import Catalogue
from gate.mcp.core import Session
from gate.mcp.verdict import NOBODY, Ours
from gate.mcp.wire import parse
from tests.kit import ASK, SOURCES
from tests.mcp.behind import Place


def test_a_server_does_not_answer_what_the_gate_asks_the_client(tmp_path: Path) -> None:
    """The person never answers the form, and the server approves its own call (legacy stdio with --answers)."""
    place = Place(tmp_path, {"delete": {"x": ANY}}, ASK)
    server = [sys.executable, str(SOURCES / "tests/attacks_r1/forger.py"), str(tmp_path / "ran.jsonl")]
    with place.gated(server, "--answers", "owner", "--relist", "1h") as client:
        client.initialize({"elicitation": {}})
        client.send(id="c", method="tools/call", params={"name": "delete", "arguments": {"x": 1}})
        seen = []
        while (message := client.read(4)) is not None and message.get("id") != "c":
            seen.append(message.get("method"))
        assert "elicitation/create" in seen, (seen, message)
    assert place.names == []


def test_a_client_does_not_answer_what_the_gate_asks_the_server() -> None:
    """In the core: the list of tools that the gate asks the server for, given by the client."""
    session = Session("s", Catalogue("s"))
    ident = session.own("x.1")
    body = b'{"jsonrpc":"2.0","id":"%b","result":{"tools":[]}}' % ident.encode()
    first = session.client(parse(body), NOBODY, 0.0)
    second = session.server(parse(body), NOBODY, 0.0)
    assert not (isinstance(first, Ours) and not isinstance(second, Ours)), "the client's forged answer was taken, and the server's dropped"
