"""What a peer must do before it is measured: for every word it offers, let an ordinary call through and stop an obviously forbidden one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.peers.neutral import files_pattern, http_pattern, shell_pattern

_HOSTS, _SCHEMES = ["api.example.com"], ["https"]
_URL = {"hosts": _HOSTS, "schemes": _SCHEMES, "ports": None, "paths": None, "pattern": http_pattern(_HOSTS, _SCHEMES, None, None)}
_NAMES = {"files": "path", "http": "url", "public http": "url", "shell": "command", "number": "cpu_seconds", "choice": "method"}
_PROGRAMS = [["ls"], ["git", "status"]]


def _cases(workspace: str) -> Iterator[tuple[str, str, dict[str, Any], Any, Any]]:
    """Word, tool, what its argument may be, an ordinary value, a forbidden one."""
    below = {"kind": "files", "below": [workspace], "pattern": files_pattern([workspace])}
    yield "files", "files.read", below, f"{workspace}/notes.md", "/etc/passwd"
    yield "http", "http.request", {"kind": "http", **_URL}, "https://api.example.com/v1", "https://evil.example/"
    public = {"kind": "public http", "hosts": ["*"], "schemes": ["https", "http"], "ports": [80, 443], "paths": None}
    yield "ports", "http.request", {"kind": "http", **_URL}, "https://api.example.com/v1", "https://api.example.com:8443/v1"
    below_v1 = {**_URL, "paths": ["/v1/*"], "pattern": http_pattern(_HOSTS, _SCHEMES, None, ["/v1/*"])}
    yield "paths", "http.request", {"kind": "http", **below_v1}, "https://api.example.com/v1/x", "https://api.example.com/v2/x"
    yield "public http", "http.request", public, "https://example.com/", "http://127.0.0.1/"
    yield "shell", "shell.run", {"kind": "shell", "programs": _PROGRAMS, "pattern": shell_pattern(_PROGRAMS)}, "ls -l", "rm -rf x"
    yield "number", "compute.run", {"kind": "number", "min": 1, "max": 60}, 5, 500
    yield "choice", "http.request", {"kind": "choice", "values": ["GET", "HEAD"]}, "GET", "DELETE"


def questions(workspace: str) -> list[dict[str, Any]]:
    """The sanity rows, as adapters read them."""
    asked = []
    for word, tool, told, good, bad in _cases(workspace):
        policy = {"tool": tool, "args": {_NAMES[told["kind"]]: told}}
        for end, value in (("good", good), ("bad", bad)):
            asked.append({"id": f"sanity {word} {end}", "tool": tool, "args": dict.fromkeys(policy["args"], value), "policy": policy})
    plain = {"tool": "files.read", "args": {"path": {"kind": "any"}}}
    number = {"tool": "compute.run", "args": {"cpu_seconds": {"kind": "number", "min": 1, "max": 60}}}
    for word, policy, tool, extra in (("name", plain, "files.delete", {}), ("unnamed", number, "compute.run", {"extra": "x"})):
        args = dict.fromkeys(policy["args"], "x" if word == "name" else 5)
        asked.append({"id": f"sanity {word} good", "tool": policy["tool"], "args": args, "policy": policy})
        asked.append({"id": f"sanity {word} bad", "tool": tool, "args": {**args, **extra}, "policy": policy})
    return asked


def failing(word: str, answers: Mapping[str, Mapping[str, Any]]) -> str:
    """Why the word cannot be measured; empty when it can."""
    good, bad = answers[f"sanity {word} good"], answers[f"sanity {word} bad"]
    if good["answer"] != "allowed":
        return f"does not allow the ordinary call ({good.get('why', good['answer'])})"
    return "allows the forbidden call" if bad["answer"] == "allowed" else ""
