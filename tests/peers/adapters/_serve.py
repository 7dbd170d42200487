"""What every adapter shares. It runs in the peer's own environment and knows nothing of Gate.

Standard input is JSON lines: `{"workspace": …, "folder": …}` (two folders; the second is for the peer's own files), then one row a line:
`{"id", "tool", "args", "policy"}`.  Standard output is JSON lines: `{"offers": [words]}`, then for each row `{"id", "answer"}`, with `why` if
there is a reason, and `args` and `tool` where the peer runs something else than it was asked.

An adapter says how its peer is told a policy: `build(policy, ground)` gives a function `(tool, args) → answer`.  It is called once per different
policy.  What the function raises means that the tool did not run, so it is a refusal; what `build` raises breaks the rows of that policy.

No tool does anything, no connection is made and no name is looked up: a name stands for a public address, unless it is one of the host itself.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import sys
from pathlib import Path

PUBLIC = "93.184.216.34"


class Ground:
    """The workspace that rows speak of, and a folder for the peer's files."""

    def __init__(self, workspace: str, folder: str) -> None:
        self.workspace, self.folder = workspace, Path(folder)
        self._count = 0

    def write(self, text: str, suffix: str = ".yaml") -> str:
        """A file of the peer's with this text; its path."""
        self._count += 1
        path = self.folder / f"{self._count}{suffix}"
        path.write_text(text)
        return str(path)


def resolve(host: str) -> list[str]:
    """The addresses of a host without asking anybody: numbers as the C library reads them, names as public ones."""
    try:
        return [str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))]
    except ValueError:
        pass
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except (OSError, UnicodeError):
        return ["127.0.0.1"] if host.lower().rstrip(".").split(".")[-1] == "localhost" else [PUBLIC]


def offline() -> None:
    """No connection and no look-up from here on, whatever the peer tries."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the job makes no connections")

    socket.socket.connect = socket.socket.connect_ex = refuse
    socket.getaddrinfo = lambda host, port, *_, **__: [
        (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)) for address in resolve(str(host))
    ]
    socket.gethostbyname = lambda host: resolve(host)[0]


def said(policy: dict, kind: str) -> dict:
    """The arguments of the policy that are of this kind."""
    return {name: one for name, one in policy["args"].items() if one["kind"] == kind}


def reached(policy: dict, kinds: set) -> dict:
    """The arguments that the peer has a check for; the rest are left open."""
    return {name: one for name, one in policy["args"].items() if one["kind"] in kinds}


def serve(offers: set, build) -> None:
    """Answers every row on standard input."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
    os.dup2(2, 1)  # what a peer prints is no answer
    lines = iter(sys.stdin.buffer)
    start = json.loads(next(lines))
    ground = Ground(start["workspace"], start["folder"])
    offline()
    built: dict = {}
    out.write(json.dumps({"offers": sorted(offers)}) + "\n")
    for line in lines:
        row = json.loads(line)
        key = json.dumps(row["policy"], sort_keys=True)
        if key not in built and _concerns(offers, row["policy"]):
            built[key] = _built(build, row["policy"], ground)
        answer = _answer(built[key], row) if _concerns(offers, row["policy"]) else {"answer": "refused", "why": "not offered"}
        out.write(json.dumps({"id": row["id"], **answer}) + "\n")
    out.flush()


def _concerns(offers: set, policy: dict) -> bool:
    """Whether the peer has a check for anything in the policy; the job does not count other rows, and some peers are slow."""
    kinds = {one["kind"] for one in policy["args"].values()}
    return bool(kinds & offers) or kinds == {"any"} or "unnamed" in offers


def _built(build, policy: dict, ground: Ground):
    try:
        return build(policy, ground)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _answer(asked, row: dict) -> dict:
    if isinstance(asked, str):
        return {"answer": "broken", "why": asked[:200]}
    try:
        answer = asked(row["tool"], row["args"])
    except Exception as error:  # the tool did not run
        return {"answer": "refused", "why": f"{type(error).__name__}: {error}"[:160]}
    return answer if isinstance(answer, dict) else {"answer": answer}


def stub(seen: list):
    """A tool that only notes what it was given."""

    def tool(**args: object) -> str:
        seen.append(args)
        return "done"

    return tool
