"""What a row of the attack list means in words that any policy engine can be told, and whom it is an attack on.

A grant of Gate's becomes a neutral policy: the tool's name, and for each argument what it may be.

>>> grant = {"path": {"constraint_type": "subpath", "roots": ["/w"]}, "deep": {"constraint_type": "range", "max": 9}}
>>> policy("files", "files.read", grant, "/w")["args"]["deep"]
{'kind': 'number', 'min': 1, 'max': 9}
>>> policy("files", "files.read", grant, "/w")["args"]["path"]["below"]
['/w']

The words: `files` (below these folders), `http` (these hosts, schemes, ports, paths), `public http` (any host with a public address), `shell` (a
string that runs these programs), `argv`, `number` (whole, from 1 up to), `choice`, `headers`, `any`.  Two more are attacked by a call as a whole:
`name` (of the tool) and `unnamed` (an argument that nobody named); `ports` and `paths` are those of a URL whose host is granted.
A kind of Gate's that has no word here keeps its own, and no peer offers it.

A pattern stands beside the word wherever a pattern can say it: the most careful line that a user could write, the same for every peer that
knows patterns but no paths, URLs or commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.attacks.verdict import Row, filled

_SECRETS = frozenset({"secret place", "secrets", "secret-tree"})
_PEOPLE = frozenset({"delete", "overwrite", "profile", "private named"})
_USUAL = {"https": 443, "http": 80}
_SIMPLE = frozenset({"number", "choice", "any"})
_SHARED = frozenset({"browser", "compute", "files", "http", "names", "shell"})
"""The kinds whose grants other packages can be told. Those of the others are more than the parts that have a word here."""

READ_ONLY = [
    ["git", "status"], ["git", "log"], ["git", "diff"], ["git", "show"], ["git", "ls-files"],
    *([name] for name in (
        "ls cat head tail wc grep rg find sort uniq cut tr diff comm paste nl column file stat du df tree pwd echo printf basename dirname "
        "realpath readlink which whoami id uname uptime free nproc lscpu ps jq xxd strings md5sum test true seq sleep man"
    ).split()),
]  # fmt: skip
"""What a person would allow on a workstation without being asked: programs that read. None that is made to run others (env, xargs, awk, sh)."""


def sort(row: Row) -> str:
    """`attack`, `ordinary`, or `person`: an ordinary call that a person must say yes to."""
    if row.expected == "allowed":
        return "ordinary"
    return "person" if row.expected == "asked" and (row.group.startswith("ordinary") or row.group in _PEOPLE) else "attack"


def sent(row: Row, workspace: str, outside: str) -> dict[str, Any]:
    """The row as an adapter reads it. Relative paths are joined to the workspace, for the sake of peers that know only whole ones."""
    args, grant = filled(row.args, workspace, outside), filled(row.grant, workspace, outside)
    told = policy(row.kind, row.tool, grant, workspace)
    for name, said in told["args"].items():
        value = args.get(name)
        if said["kind"] == "files" and isinstance(value, str) and not value.startswith("/"):
            args[name] = f"{workspace}/{value}"
    return {"id": row.id, "tool": row.tool, "args": args, "policy": told}


def policy(kind: str, tool: str, grant: Mapping[str, Any] | str, workspace: str) -> dict[str, Any]:
    """The neutral policy of a grant."""
    if isinstance(grant, str):
        return {"tool": tool, "args": _profile(kind, tool, workspace)}
    if kind not in _SHARED:
        return {"tool": tool, "args": {name: {"kind": f"{kind}: {constraint['constraint_type']}"} for name, constraint in grant.items()}}
    if kind == "names":
        return {"tool": "files.read", "args": {name: {"kind": "any"} for name in grant}}
    return {"tool": tool, "args": {name: _said(name, constraint) for name, constraint in grant.items()}}


def attacked(row: Row, told: Mapping[str, Any], args: Mapping[str, Any]) -> frozenset[str]:
    """The words that must refuse an attack; for any other row, all that must admit it."""
    said: Mapping[str, Any] = told["args"]
    if row.kind == "names" and (row.tool != told["tool"] or sort(row) != "attack"):
        return frozenset({"name"})
    if row.group in _SECRETS:
        return frozenset({"secret place"})  # no grant names them: Gate's kinds know them
    everything = frozenset(one["kind"] for one in said.values() if one["kind"] != "any")
    if isinstance(row.grant, str) and "" in said:
        return everything
    if sort(row) != "attack":
        return everything | {"paths" for one in said.values() if one.get("paths")}
    return frozenset(_simple(said, args)) or everything & {"headers"} or everything - _SIMPLE


def _simple(said: Mapping[str, Any], args: Mapping[str, Any]) -> Iterator[str]:
    """What is violated of what needs no parser."""
    if args.keys() - said.keys():
        yield "unnamed"
    for name, one in said.items():
        if name not in args:
            yield one["kind"]
        elif one["kind"] == "choice" and args[name] not in one["values"]:
            yield "choice"
        elif one["kind"] == "http" and (word := _beside_the_host(one, args[name])):
            yield word
        elif one["kind"] == "number" and not (type(args[name]) is int and one["min"] <= args[name] <= one["max"]):
            yield "number"


def _beside_the_host(said: Mapping[str, Any], url: Any) -> str:
    """`ports` or `paths` where host and scheme are plainly the granted ones, so that a check of hosts alone is not blamed."""
    plain = re.fullmatch(r"(https?)://([a-z0-9.-]+)(?::(\d{1,5}))?(/.*)?", url) if isinstance(url, str) else None
    if plain is None or plain[1] not in said["schemes"] or not any(fnmatchcase(plain[2], host) for host in said["hosts"]):
        return ""
    if plain[3] and int(plain[3]) not in (said["ports"] or [_USUAL[plain[1]]]):
        return "ports"
    return "paths" if said["paths"] else ""


def _said(name: str, constraint: Mapping[str, Any]) -> dict[str, Any]:
    match constraint["constraint_type"]:
        case "subpath":
            below = list(constraint["roots"])
            return {"kind": "files", "below": below, "pattern": files_pattern(below)}
        case "url":
            return _http(constraint)
        case "argv":
            programs = constraint["programs"]
            return (
                {"kind": "shell", "programs": programs, "pattern": shell_pattern(programs)}
                if name == "command"
                else {"kind": "argv", "programs": programs}
            )
        case "range":
            return {"kind": "number", "min": max(constraint.get("min", 1), 1), "max": constraint["max"]}
        case "one_of":
            return {"kind": "choice", "values": list(constraint["values"])}
        case "wildcard":
            return {"kind": "headers" if name == "headers" else "any"}
        case other:
            return {"kind": other}


def _profile(kind: str, tool: str, workspace: str) -> dict[str, Any]:
    """The profile `workstation` in neutral words; tools that it asks about have none."""
    if tool == "files.read":
        return {"path": {"kind": "files", "below": [workspace], "pattern": files_pattern([workspace])}}
    if tool == "shell.run":
        return {"command": {"kind": "shell", "programs": READ_ONLY, "pattern": shell_pattern(READ_ONLY)}}
    return {"": {"kind": f"profile of {kind}"}}


def _http(constraint: Mapping[str, Any]) -> dict[str, Any]:
    hosts, schemes, paths = constraint["hosts"], constraint.get("schemes", ["https"]), constraint.get("paths")
    said = {"hosts": hosts, "schemes": schemes, "ports": constraint.get("ports"), "paths": paths}
    if hosts == ["*"]:
        return {"kind": "public http", **said}
    return {"kind": "http", **said, "pattern": http_pattern(hosts, schemes, said["ports"], paths)}


def files_pattern(below: list[str]) -> str:
    """Below one of the folders, without a `..` as a part of the path.

    >>> bool(re.search(files_pattern(["/w"]), "/w/a..b")), bool(re.search(files_pattern(["/w"]), "/w/../x"))
    (True, False)
    """
    return rf"^(?:{'|'.join(map(re.escape, below))})/(?!(?:.*/)?\.\.(?:/|\Z))[^\x00-\x1f\x7f]*\Z"


def http_pattern(hosts: list[str], schemes: list[str], ports: list[int] | None, paths: list[str] | None) -> str:
    r"""Scheme, host, the port of the scheme or a named one, then nothing that a parser could take for part of the host.

    >>> pattern = http_pattern(["*.example.org"], ["https"], None, ["/v1/*"])
    >>> [bool(re.search(pattern, url)) for url in ("https://a.example.org:443/v1/x", "https://example.org/v1/", r"https://e.org\@a.example.org/v1/")]
    [True, False, False]
    """
    names = "|".join((r"(?:[a-z0-9-]+\.)+" + re.escape(host[2:])) if host.startswith("*.") else re.escape(host) for host in hosts)
    places = "|".join(rf"{scheme}://(?:{names})(?::(?:{'|'.join(map(str, ports or [_USUAL[scheme]]))}))?" for scheme in schemes)
    rest = "|".join(re.escape(path).replace(r"\*", r"[^\s\\]*") for path in paths) if paths else r"(?:[/?#][^\s\\]*)?"
    return rf"^(?:{places})(?:{rest})\Z"


def shell_pattern(programs: list[list[str]]) -> str:
    """One of the programs, then no character by which a shell chains, substitutes, redirects or groups.

    >>> pattern = shell_pattern([["ls"], ["git", "log"]])
    >>> [bool(re.search(pattern, command)) for command in ("ls -l", "git log 'a b'", "git push", "ls; id", "lsof", "ls > x")]
    [True, True, False, False, False, False]
    """
    return rf"^(?:{'|'.join(re.escape(' '.join(program)) for program in programs)})(?: [^;&|`$<>(){{}}\\\x00-\x1f\x7f]*)?\Z"
