"""What clients of one gate over HTTP share although they are different people."""

from __future__ import annotations

import pytest

from tests.mcp.kit import Seen, Upstream, event, tool
from tests.mcp.test_http import MODERN, site  # noqa: F401  # a fixture

CALL = {"mcp-method": "tools/call", "mcp-name": "echo"}
VERSION = "io.modelcontextprotocol/protocolVersion"


@pytest.mark.parametrize(
    "meta",
    [{"tenant": "empty"}, {"io.modelcontextprotocol/clientCapabilities": {"x": {}}}, {VERSION: "2026-07-28 "}],
    ids=["a member of its own", "what it can do", "a version that the server does not know"],
)
def test_one_clients_meta_does_not_decide_what_others_tools_are(site, meta) -> None:  # noqa: F811
    """The gate lists the tools with its own `_meta`, because it judges everybody's calls by that list for ten seconds."""

    def listed(seen: Seen) -> dict:
        said = seen.json["params"]["_meta"]
        usual = {name: said.get(name) for name in MODERN} == MODERN and seen.header("mcp-protocol-version") == MODERN[VERSION]
        return {"tools": [tool("echo")] if usual and "tenant" not in said else []}

    here = site(Upstream(tools__list=listed))
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}, "_meta": MODERN | meta}}
    here.post(body, CALL | {"authorization": here.bearer(here.grant("mallory", "echo"))})
    assert "error" not in here.call().json(), "somebody else's _meta took the tool away"


def test_a_list_that_failed_is_nobodys(site) -> None:  # noqa: F811
    """A server that refuses one listing has not said that it has no tools."""
    refused = [{"code": -32603, "message": "busy"}]

    def listed(seen: Seen) -> object:
        return event({"jsonrpc": "2.0", "id": seen.json["id"], "error": refused.pop()}) if refused else {"tools": [tool("echo")]}

    here = site(Upstream(tools__list=listed))
    assert "error" in here.call().json()
    assert "error" not in here.call().json()


def replayed(seen: Seen) -> object:
    """A server that finds an event by its id alone, in whatever session it was."""
    if seen.header("last-event-id") == "alice-7":
        return event({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "alice's secret"}})
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "one"}}
    return b"id: alice-7\n" + event(note) if seen.header("last-event-id") is None else 405


@pytest.mark.parametrize("session", [False, True], ids=["without a session", "in a session of its own"])
def test_a_stream_of_somebody_else_is_not_taken_up(site, session) -> None:  # noqa: F811
    here = site(Upstream(GET=replayed))
    alice, bob = here.session(), here.grant("bob", "echo")
    stream = {"accept": "text/event-stream"}
    assert "id: alice-7" in here.client.get(here.url, headers=alice | stream).text
    his = here.session(bob) if session else {"authorization": here.bearer(bob)}
    answer = here.client.get(here.url, headers=his | stream | {"last-event-id": "alice-7"})
    assert (answer.status_code, "alice's secret" in answer.text) == (400, False)
    assert "alice's secret" in here.client.get(here.url, headers=alice | stream | {"last-event-id": "alice-7"}).text, "it is hers to take up"


def test_a_call_takes_up_no_stream(site) -> None:  # noqa: F811
    here = site()
    here.call(headers={"last-event-id": "alice-7"})
    assert [seen.header("last-event-id") for seen in here.upstream.seen] == [None, None]
