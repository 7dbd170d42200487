"""A server that does what its script says, as careless as any: `python -m tests.mcp.scripted SCRIPT.json LOG`.

It takes batches, and members in any case and the last of two, as some readers do; every call it runs is a line of LOG.  SCRIPT: `lists`, what each
`tools/list` in turn gives; `changed`, after how many of them it says that they changed; `instructions`; `before`, lines to write before anything.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

SCRIPT = json.loads(Path(sys.argv[1]).read_text())
LOG = Path(sys.argv[2])
listed = 0


def say(**body: Any) -> None:
    """Sends a message."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **body}) + "\n")
    sys.stdout.flush()


def text(ident: Any, said: Any) -> None:
    """Answers a call."""
    say(id=ident, result={"content": [{"type": "text", "text": said if isinstance(said, str) else json.dumps(said)}]})


def ask(method: str, params: Any) -> Any:
    """Asks the client something and waits for what it says."""
    say(id="mine", method=method, params=params)
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("id") == "mine":
            return message.get("result", message.get("error"))
    return None


def call(ident: Any, name: str, arguments: Any, params: Any) -> None:
    """Runs a tool."""
    with LOG.open("a") as log:
        log.write(json.dumps({"name": name, "arguments": arguments, "params": params}) + "\n")
    if name == "env":
        text(ident, dict(os.environ))
    elif name == "die":
        os._exit(7)
    elif name == "ask":
        text(ident, ask(arguments["method"], arguments["params"]))
    elif name == "say":  # any message, then the answer
        say(**arguments["message"])
        text(ident, "said")
    elif name == "line":  # any line
        sys.stdout.write("x" * arguments["size"] + "\n" if "size" in arguments else arguments["line"] + "\n")
        sys.stdout.flush()
        text(ident, "written")
    elif name == "inputs":  # a result of the modern era that wants something first
        if "inputResponses" in params:
            say(id=ident, result={"resultType": "complete", "content": [{"type": "text", "text": json.dumps(params.get("requestState"))}]})
        else:
            say(
                id=ident,
                result={"resultType": "input_required", "inputRequests": arguments.get("inputs", SCRIPT.get("inputs")), "requestState": "up"},
            )
    elif name == "task":
        say(id=ident, result={"task": {"taskId": arguments["id"], "status": "working"}})
    elif name == "slow":
        time.sleep(arguments["seconds"])
        text(ident, "at last")
    elif name == "hang":
        return
    else:
        text(ident, arguments)


def handle(message: Any) -> None:
    """Does what one message says."""
    global listed  # noqa: PLW0603  # a script has one state
    if isinstance(message, list):
        for one in message:
            handle(one)
        return
    found = {name.lower(): value for name, value in message.items()}
    method, ident, params = found.get("method"), found.get("id"), {name.lower(): value for name, value in (found.get("params") or {}).items()}
    params |= {"inputResponses": params["inputresponses"]} if "inputresponses" in params else {}
    params |= {"requestState": params["requeststate"]} if "requeststate" in params else {}
    if method == "initialize":
        able = {"tools": {"listChanged": True}, "resources": {}, "prompts": {}}
        said = {"instructions": SCRIPT["instructions"]} if "instructions" in SCRIPT else {}
        say(id=ident, result={"protocolVersion": "2025-11-25", "capabilities": able, "serverInfo": {"name": "s", "version": "1"}, **said})
    elif method == "tools/list":
        lists = SCRIPT["lists"]
        more = {"ttlMs": 10**9, "cacheScope": "public"} if "_meta" in params else {}
        say(id=ident, result={"tools": lists[min(listed, len(lists) - 1)], **more})
        listed += 1
        if listed == SCRIPT.get("changed"):
            say(method="notifications/tools/list_changed")
    elif method == "tools/call":
        call(ident, params.get("name"), params.get("arguments", {}), params)
    elif method == "resources/list":
        say(id=ident, result={"resources": [{"uri": "file:///a", "name": "a"}, {"uri": "file:///b", "name": "b"}]})
    elif method == "tasks/get":
        say(id=ident, result={"taskId": params["taskid"], "status": SCRIPT.get("status", "completed")})
    elif ident is not None and method is not None:
        say(id=ident, result={"did": method, "params": found.get("params")})


if __name__ == "__main__":
    for begun in SCRIPT.get("before", []):
        sys.stdout.write(begun + "\n")
    sys.stdout.flush()
    for received in sys.stdin:
        handle(json.loads(received))
