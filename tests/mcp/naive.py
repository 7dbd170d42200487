"""A relay as one writes it first: it looks at each line, refuses the tools in DENY, hides them from lists, and passes on the bytes it got.

`DENY=a,b python -m tests.mcp.naive SERVER ARGS…`.  The attacks of `test_attacks` succeed against it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading

DENY = set(os.environ.get("DENY", "").split(","))


def main() -> None:
    """Relays until the server ends."""
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin
    assert server.stdout
    lists: set[object] = set()

    def down() -> None:
        assert server.stdout
        for line in server.stdout:
            with contextlib.suppress(ValueError, AttributeError, TypeError):
                message = json.loads(line)
                if message.get("id") in lists and "result" in message:
                    message["result"]["tools"] = [tool for tool in message["result"]["tools"] if tool["name"] not in DENY]
                    sys.stdout.write(json.dumps(message) + "\n")
                    sys.stdout.flush()
                    continue
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    threading.Thread(target=down, daemon=True).start()
    for line in sys.stdin.buffer:
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            message = json.loads(line)
            if message.get("method") == "tools/list":
                lists.add(message.get("id"))
            if message.get("method") == "tools/call" and message["params"].get("name") in DENY:
                refused = {"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": "denied"}], "isError": True}}
                sys.stdout.write(json.dumps(refused) + "\n")
                sys.stdout.flush()
                continue
        server.stdin.write(line)
        server.stdin.flush()
    server.stdin.close()
    server.wait(5)


if __name__ == "__main__":
    main()
