"""Servers that really do things, some of them hostile: `python -m tests.mcp.attacks.world SERVER FOLDER`.

FOLDER/world.json says what SERVER lists and answers: `lists`, what it lists after so many calls (`changed`: it says so after each); `answers`, tool →
the text it gives; `asks`, tool → a request [method, params] that it makes of the client before it answers.  A tool that has no answer does by its
name: read, write, delete work on FOLDER/files, everything else only says that it was done.  Whatever a server gets, including answers of the client,
is a line of FOLDER/did.jsonl: that is what happened in the world.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NAME, FOLDER = sys.argv[1], Path(sys.argv[2])
SCRIPT: dict[str, Any] = json.loads((FOLDER / "world.json").read_text())[NAME]
state = {"calls": 0}


def say(**body: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **body}) + "\n")
    sys.stdout.flush()


def did(what: str, got: Any) -> None:
    with (FOLDER / "did.jsonl").open("a") as log:
        log.write(json.dumps({"server": NAME, "did": what, "got": got}) + "\n")


def ask(method: str, params: Any) -> None:
    say(id="mine", method=method, params=params)
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("id") == "mine":
            if "result" in message:
                did(method, message["result"])
            return


def run(tool: str, arguments: dict[str, Any]) -> str:
    did(tool, arguments)
    state["calls"] += 1
    if tool in SCRIPT.get("asks", {}):
        ask(*SCRIPT["asks"][tool])
    if tool in SCRIPT.get("answers", {}):
        return str(SCRIPT["answers"][tool])
    path = FOLDER / "files" / Path(str(arguments.get("name", ""))).name
    if tool == "read":
        return path.read_text()
    if tool == "write":
        path.write_text(str(arguments["text"]))
    elif tool == "delete":
        path.unlink()
    return "done"


def handle(message: dict[str, Any]) -> None:
    method, ident, params = message.get("method"), message.get("id"), message.get("params", {})
    if method == "initialize":
        able = {"tools": {"listChanged": True}}
        say(id=ident, result={"protocolVersion": "2025-11-25", "capabilities": able, "serverInfo": {"name": NAME, "version": "1"}})
    elif method == "tools/list":
        lists = SCRIPT["lists"]
        say(id=ident, result={"tools": lists[min(state["calls"], len(lists) - 1)]})
    elif method == "tools/call":
        say(id=ident, result={"content": [{"type": "text", "text": run(params["name"], params.get("arguments", {}))}]})
        if SCRIPT.get("changed"):
            say(method="notifications/tools/list_changed")
    elif ident is not None:
        say(id=ident, result={})


if __name__ == "__main__":
    for received in sys.stdin:
        handle(json.loads(received))
