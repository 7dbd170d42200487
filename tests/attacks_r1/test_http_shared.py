"""What clients of one gate over HTTP share although they are different people."""

from __future__ import annotations

from tests.mcp.kit import Seen, Upstream, event, tool
from tests.mcp.test_http import MODERN, site  # noqa: F401  # a fixture


def test_one_clients_meta_does_not_decide_what_others_tools_are(site) -> None:  # noqa: F811
    """The gate lists the tools under the asker's own `_meta`, and judges everybody's calls by that list for ten seconds."""

    def listed(seen: Seen) -> dict:
        meta = seen.json.get("params", {}).get("_meta", {})
        return {"tools": [] if meta.get("tenant") == "empty" else [tool("echo")]}

    here = site(Upstream(tools__list=listed))
    mallory = here.grant("mallory", "echo")
    meta = MODERN | {"tenant": "empty"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}, "_meta": meta}}
    routed = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "echo"}
    here.post(body, routed | {"authorization": here.bearer(mallory)})
    assert "error" not in here.call().json(), "somebody else's _meta took the tool away"


def test_a_stream_of_somebody_else_is_not_taken_up(site) -> None:  # noqa: F811
    """GET with the id of an event of another's stream, without a session: what the server replays there is shown, as far as it is notices."""

    def replayed(seen: Seen) -> object:
        if seen.header("last-event-id") == "alice-7":
            return event({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "alice's secret"}})
        return 405

    here = site(Upstream(GET=replayed))
    bob = here.grant("bob", "echo")
    headers = {"authorization": here.bearer(bob), "accept": "text/event-stream", "last-event-id": "alice-7"}
    assert "alice's secret" not in here.client.get(here.url, headers=headers).text
