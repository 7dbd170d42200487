"""The official servers through the gate: every valid call gives what it gives directly, and what is not granted is not there.

A call that lacks a required argument is refused by the gate itself, in its own words; that is the one difference.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from gate import ANY
from gate.mcp.methods import TOOLS
from tests.mcp.behind import ALL, Place
from tests.mcp.client import Client
from tests.mcp.official import node_server, python_server

pytestmark = pytest.mark.slow
ABLE = {"roots": {}, "sampling": {}, "elicitation": {"form": {}, "url": {}}}
ANSWERS = {
    "roots/list": {"roots": []},
    "sampling/createMessage": {"role": "assistant", "model": "none", "content": {"type": "text", "text": "sampled"}},
    "elicitation/create": {"action": "decline"},
}
Step = tuple[str, dict[str, Any]]


def called(name: str, **arguments: Any) -> Step:
    """A call as a step."""
    return "tools/call", {"name": name, "arguments": arguments}


def told(client: Client, steps: Iterable[Step], plain: Callable[[str], str]) -> list[object]:
    """All that a server answers, without what differs from run to run."""
    client.answers = ANSWERS
    found: list[object] = [client.initialize(ABLE)["result"]]
    for method, params in steps:
        response = client.request(method, params)
        found.append({name: value for name, value in response.items() if name not in ("jsonrpc", "id")})
    found.append(sorted({one["method"] for one in client.unasked if "method" in one}))
    return [json.loads(plain(json.dumps(one))) for one in found]


def same(place: Place, server: list[str], steps: list[Step], plain: Callable[[str], str] = str, between: Callable[[], object] = lambda: None) -> None:
    """Directly and through a gate that grants everything: identical results, call by call."""
    with Client(server, cwd=place.folder) as client:
        client.initialize(ABLE)
        tools = client.tools()
    between()
    with Client(server, cwd=place.folder) as client:
        direct = told(client, [("tools/list", {}), *steps], plain)
    between()
    place.granted, place.rules = {**dict.fromkeys(tools, ANY), **dict.fromkeys(TOOLS, ANY)}, ALL
    with place.gated(server) as client:
        gated = told(client, [("tools/list", {}), *steps], plain)
    assert len(direct) == len(gated)
    for step, one, other in zip([("initialize", {}), ("tools/list", {}), *steps, ("unasked", {})], direct, gated, strict=True):
        assert other == one, step


def test_filesystem(place: Place) -> None:
    folder = place.folder / "data"
    server = [*node_server("filesystem"), str(folder)]

    def fresh() -> None:
        for path in sorted(folder.rglob("*"), reverse=True) if folder.exists() else ():
            path.rmdir() if path.is_dir() else path.unlink()
        folder.mkdir(exist_ok=True)
        (folder / "a.txt").write_text("one\ntwo ✓\n")
        (folder / "sub").mkdir(exist_ok=True)

    fresh()
    at = str(folder)
    steps = [
        called("list_allowed_directories"),
        called("read_text_file", path=f"{at}/a.txt"),
        called("read_text_file", path=f"{at}/a.txt", head=1),
        called("read_text_file", path=f"{at}/missing.txt"),
        called("read_text_file", path="/etc/passwd"),
        called("read_multiple_files", paths=[f"{at}/a.txt", f"{at}/missing.txt"]),
        called("write_file", path=f"{at}/b.txt", content="b\u2028\U0001f600"),
        called("edit_file", path=f"{at}/b.txt", edits=[{"oldText": "b", "newText": "c"}], dryRun=True),
        called("create_directory", path=f"{at}/sub/deep"),
        called("list_directory", path=at),
        called("directory_tree", path=at),
        called("move_file", source=f"{at}/b.txt", destination=f"{at}/sub/c.txt"),
        called("search_files", path=at, pattern="**/*.txt"),
        called("get_file_info", path=f"{at}/missing"),
        called("nowhere"),
    ]
    same(place, server, steps[:-1], between=fresh)
    assert (folder / "sub/c.txt").read_text() == "b\u2028\U0001f600"


def test_everything(place: Place) -> None:
    steps: list[Step] = [
        called("echo", message="hi \u00e9 \u2028"),
        called("get-sum", a=1, b=2),
        called("get-sum", a=0.1, b=1e-7),
        called("get-env"),
        called("get-structured-content", location="New York"),
        called("get-annotated-message", messageType="error", includeImage=False),
        called("get-tiny-image"),
        called("get-resource-links", count=2),
        called("get-resource-reference", resourceType="Text", resourceId=1),
        called("trigger-sampling-request", prompt="x", maxTokens=5),
        called("trigger-elicitation-request"),
        called("get-roots-list"),
        called("trigger-long-running-operation", duration=0.2, steps=2),
        ("tools/call", {"name": "trigger-long-running-operation", "arguments": {"duration": 0.2, "steps": 2}, "_meta": {"progressToken": "p"}}),
        ("resources/list", {}),
        ("resources/templates/list", {}),
        ("resources/read", {"uri": "demo://resource/dynamic/text/1"}),
        ("resources/read", {"uri": "demo://nowhere"}),
        ("prompts/list", {}),
        ("prompts/get", {"name": "simple-prompt"}),
        ("prompts/get", {"name": "args-prompt", "arguments": {"city": "Paris"}}),
        ("prompts/get", {"name": "nowhere"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "completable-prompt"}, "argument": {"name": "department", "value": "E"}}),
        ("logging/setLevel", {"level": "error"}),
        ("ping", {}),
    ]

    def plain(text: str) -> str:
        text = re.sub(r"\d{1,2}:\d\d:\d\d( [AP]M)?|\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
        return re.sub(r'"\{\\n  \\".*?\\n\}"', '"ENVIRONMENT"', text)  # which the gate makes smaller, on purpose

    same(place, node_server("everything"), steps, plain)


def test_memory(place: Place) -> None:
    kept = place.folder / "memory.jsonl"
    server = ["/usr/bin/env", f"MEMORY_FILE_PATH={kept}", *node_server("memory")]
    entity = {"name": "ann", "entityType": "person", "observations": ["likes tea"]}
    steps = [
        called("create_entities", entities=[entity]),
        called("create_relations", relations=[{"from": "ann", "to": "ann", "relationType": "is"}]),
        called("add_observations", observations=[{"entityName": "ann", "contents": ["x"]}]),
        called("add_observations", observations=[{"entityName": "nobody", "contents": ["x"]}]),
        called("search_nodes", query="tea"),
        called("open_nodes", names=["ann"]),
        called("delete_observations", deletions=[{"entityName": "ann", "observations": ["x"]}]),
        called("read_graph"),
        called("delete_entities", entityNames=["ann"]),
    ]
    same(place, server, steps, between=lambda: kept.unlink(missing_ok=True))


def test_sequential_thinking(place: Place) -> None:
    thought = {"thought": "one", "nextThoughtNeeded": True, "thoughtNumber": 1, "totalThoughts": 2}
    steps = [called("sequentialthinking", **thought), called("sequentialthinking", **{**thought, "thoughtNumber": 2, "nextThoughtNeeded": False})]
    same(place, node_server("sequential-thinking"), steps)


def test_git(place: Place) -> None:
    repository = place.folder / "repository"

    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words], cwd=repository, check=True, capture_output=True)

    repository.mkdir()
    git("init", "--initial-branch=main")
    (repository / "a.txt").write_text("a\n")
    git("add", "a.txt")
    git("commit", "-m", "first")
    (repository / "a.txt").write_text("b\n")
    at = str(repository)
    steps = [
        called("git_status", repo_path=at),
        called("git_diff_unstaged", repo_path=at),
        called("git_diff_unstaged", repo_path=at, context_lines=0),
        called("git_log", repo_path=at, max_count=1),
        called("git_show", repo_path=at, revision="HEAD"),
        called("git_branch", repo_path=at, branch_type="local"),
        called("git_show", repo_path=at, revision="nowhere"),
        called("git_status", repo_path="/nowhere"),
    ]
    same(place, [*python_server("git"), "--repository", at], steps)


def test_time(place: Place) -> None:
    steps = [
        called("convert_time", source_timezone="Europe/Berlin", time="12:30", target_timezone="Asia/Tokyo"),
        called("convert_time", source_timezone="Nowhere/X", time="12:30", target_timezone="Asia/Tokyo"),
    ]
    same(place, [*python_server("time"), "--local-timezone", "UTC"], steps)


def test_what_is_not_granted_of_everything_is_not_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """`get-env` is called read-only by its server, and prints the environment: singly and in a batch."""
    monkeypatch.setenv("CANARY", "canary-7")
    server = node_server("everything")
    call = {"jsonrpc": "2.0", "id": 50, "method": "tools/call", "params": {"name": "get-env", "arguments": {}}}
    with Client(server) as client:
        client.initialize()
        assert "canary-7" in json.dumps(client.call("get-env"))
    place.granted = {"echo": ANY}
    with place.gated(server) as client:
        client.initialize()
        assert client.tools() == ["echo"]
        assert client.call("get-env")["error"]["message"] == "Unknown tool: get-env"
        client.raw(json.dumps([call]).encode())
        assert "batch" in json.dumps(client.read())
        assert client.call("echo", {"message": "x"})["result"]["content"][0]["text"] == "Echo: x"
    place.granted = {"get-env": ANY}
    (place.folder / "gate.lock").unlink()
    with place.gated(server) as client:
        client.initialize()
        assert "canary-7" not in json.dumps(client.call("get-env"))


def test_where_the_servers_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node they are skipped, not passed."""
    monkeypatch.setenv("GATE_MCP_SERVERS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception):
        node_server("everything")
