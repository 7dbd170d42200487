"""A scripted stand-in for the Messages API, on loopback only: no model, the turns of each agent are a list.

The agent whose first message holds `agent NAME` in it gets NAME's turns, every other conversation with tools those of "main".  A turn is a list of
(tool, arguments, id); when the turns are used up the model says "done".
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_IDS = itertools.count(1)  # a message whose id was seen before is none
_AGENT = re.compile(r"agent ([a-z]+)")


class Model:
    """`seen`: what the model was told about each call, by its id, and whether as an error. tools: what it was offered, with the arguments' names."""

    def __init__(self, turns: dict[str, list[list[tuple[str, dict[str, Any], str]]]]) -> None:
        self.turns, self.seen, self.url = turns, dict[str, tuple[str, bool]](), ""
        self.tools = dict[str, list[str]]()

    def step(self, body: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]] | str:
        messages, tools = body["messages"], body.get("tools") or []
        self.tools |= {tool["name"]: sorted(tool.get("input_schema", {}).get("properties", {})) for tool in tools}
        for message in messages:
            for block in message["content"] if isinstance(message["content"], list) else []:
                if block.get("type") == "tool_result":
                    self.seen[block["tool_use_id"]] = (_text(block.get("content")), bool(block.get("is_error")))
        if not tools:
            return "title"
        found = _AGENT.search(_text(messages[0]["content"]))
        turns = self.turns.get(found[1] if found else "main", [])
        number = sum(message["role"] == "assistant" for message in messages)
        return turns[number] if number < len(turns) else "done"


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") if isinstance(block, dict) else str(block) for block in content or [])


@contextmanager
def serving(model: Model) -> Iterator[Model]:
    """The API, for as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def do_GET(self) -> None:
            self._json({})

        do_HEAD = do_GET

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
            if "/v1/messages" not in self.path or "count_tokens" in self.path:
                return self._json({"input_tokens": 1})
            blocks, stop = _blocks(model.step(body))
            if not body.get("stream"):
                return self._json(_message(body, blocks, stop))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for event, data in _events(body, blocks, stop):
                self.wfile.write(f"event: {event}\ndata: {json.dumps({'type': event, **data})}\n\n".encode())
            return None

        def _json(self, data: object) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(data).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        model.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield model
        finally:
            server.shutdown()


def _blocks(step: list[tuple[str, dict[str, Any], str]] | str) -> tuple[list[dict[str, Any]], str]:
    if isinstance(step, str):
        return [{"type": "text", "text": step}], "end_turn"
    return [{"type": "tool_use", "id": id_, "name": name, "input": arguments} for name, arguments, id_ in step], "tool_use"


def _message(body: dict[str, Any], content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    who = {"id": f"msg_{next(_IDS)}", "type": "message", "role": "assistant", "model": body.get("model", "x")}
    return {**who, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}


def _events(body: dict[str, Any], blocks: list[dict[str, Any]], stop: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "message_start", {"message": _message(body, [], None)}
    for index, block in enumerate(blocks):
        is_text = block["type"] == "text"
        start = {**block, "text": ""} if is_text else {**block, "input": {}}
        delta = {"type": "text_delta", "text": block["text"]} if is_text else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield "content_block_start", {"index": index, "content_block": start}
        yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    yield "message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 1}}
    yield "message_stop", {}
