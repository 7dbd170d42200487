"""The catalogue's tools as a server of MCP, used by the official client in both eras, and over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from capabilities import files, shell
from gate import ANY, Gate
from gate.mcp.door import Door
from gate.mcp.own import Own, definition
from gate.mcp.ownshell import Http
from tests.commands.kit import environment
from tests.mcp.client import Client
from tests.mcp.kit import OPEN, mcp_python, serving

CLIENT = """
import anyio, json, sys
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

async def main():
    server = StdioServerParameters(command=sys.argv[2], args=json.loads(sys.argv[3]), env=json.loads(sys.argv[4]))
    async with Client(stdio_client(server), mode=sys.argv[1]) as client:
        said = {"version": client.protocol_version}
        listed = (await client.list_tools()).tools
        said["tools"] = {tool.name: sorted(tool.input_schema["properties"]) for tool in listed}
        async def call(name, **arguments):
            result = await client.call_tool(name, arguments)
            return [bool(result.is_error), result.content[0].text]
        said["write"] = await call("files.write", path="work/a.txt", text="one")
        said["read"] = await call("files.read", path="work/a.txt")
        said["out"] = await call("files.read", path="secret.txt")
        said["run"] = await call("shell.run", command="wc -c work/a.txt")
        said["rm"] = await call("shell.run", command="rm -rf work")
        said["wrong"] = await call("files.read", path="work/none.txt")
        try:
            said["hidden"] = await call("files.delete", path="work/a.txt")
        except Exception as error:
            said["hidden"] = str(error)
        print(json.dumps(said))

anyio.run(main)
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "secret.txt").write_text("s3cr3t")
    (tmp_path / "gate.toml").write_text(OPEN)
    with Gate(tmp_path / ".gate") as gate:
        tools = {
            "files.read": {"path": files.below(tmp_path / "work")},
            "files.write": {"path": files.below(tmp_path / "work"), "text": ANY},
            "shell.run": {"command": shell.programs("wc")},
        }
        (tmp_path / "cap.json").write_text(gate.grant("agent", tools=tools).presentation)
    return tmp_path


WORDS = ["-m", "gate", "mcp", "--kinds", "files,shell,http", "--capability", "cap.json"]


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
def test_the_official_client_uses_them(home, mode, version):
    program = [mcp_python(), "-c", CLIENT, mode, sys.executable, json.dumps(WORDS), json.dumps(environment())]
    done = subprocess.run(program, cwd=home, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["version"] == version
    assert said["tools"] == {"files.read": ["path"], "files.write": ["overwrite", "path", "text"], "shell.run": ["command", "timeout"]}
    assert (said["write"], said["read"]) == ([False, "3"], [False, "one"])
    assert json.loads(said["run"][1])["stdout"].strip() == "3 work/a.txt"
    for refused in ("out", "rm"):
        assert said[refused][0] is True
        assert said[refused][1].startswith("Refused by Gate, it did not run: ")
    assert "s3cr3t" not in json.dumps(said)
    assert said["wrong"][0] is True
    assert "Unknown tool" in said["hidden"]
    assert (home / "work" / "a.txt").read_text() == "one"


def test_what_a_plain_client_sends(home):
    client = Client([sys.executable, *WORDS], cwd=home, env=environment())
    client.initialize()
    assert client.request("nothing/there")["error"]["code"] == -32601
    client.raw(b'[{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"files.read","arguments":{"path":"work/a.txt"}}}]')
    assert client.read()["error"]["code"] == -32600
    client.send(id=9, method="server/discover", params={"_meta": {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}})
    assert client.response(9)["error"] == {
        "code": -32022,
        "message": "Unsupported protocol version",
        "data": {"supported": ["2026-07-28"], "requested": "2099-01-01"},
    }
    assert client.close() == 0


def test_without_a_capability_nothing_is_there(home):
    client = Client([sys.executable, *WORDS[:-2]], cwd=home, env=environment())
    client.initialize()
    assert client.tools() == []
    assert "Unknown tool" in client.call("files.read", {"path": "work/a.txt"})["error"]["message"]
    client.close()


def test_over_http(home):
    with Gate(home / ".gate") as gate:
        own = Own(gate, list(files.tools(str(home)).values()))
        capability = gate.grant("agent", tools={"files.read": {"path": files.below(home / "work")}})
        (home / "work" / "a.txt").write_text("one")
        with serving(Http(own, Door(own.behind, here=own.grants))) as url, httpx.Client(trust_env=False) as client:
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "files.read", "arguments": {"path": "work/a.txt"}}}
            assert client.post(f"{url}/mcp", json=body).status_code == 401
            headers = {"authorization": f"Bearer {capability.presentation}"}
            assert client.post(f"{url}/mcp", json=body, headers=headers).json()["result"]["content"][0]["text"] == "one"
            assert client.post(f"{url}/mcp", json=body, headers=headers | {"mcp-name": "other"}).json()["error"]["code"] == -32020
            assert client.post(f"{url}/mcp", json=[body], headers=headers).status_code == 400
            assert client.get(f"{url}/mcp", headers=headers).status_code == 405
            weak = gate.grant("agent", tools={"other": ANY})
            assert client.post(f"{url}/mcp", json=body, headers={"authorization": f"Bearer {weak.presentation}"}).status_code == 403


def test_definitions_are_made_of_the_tools():
    from gate.kind import kind_tool

    made = {tool.name: definition(tool, function) for function in files.tools(".").values() if (tool := kind_tool(function))}
    assert made["files.write"]["inputSchema"] == {
        "type": "object",
        "properties": {"path": {"type": "string"}, "text": {"type": "string"}, "overwrite": {"type": "boolean"}},
        "required": ["path", "text"],
        "additionalProperties": False,
    }
    assert made["files.read"]["description"] == "The text of a file (UTF-8)."


def test_ids_of_requests_begin_again_with_every_client(home):
    """An id is good for one connection: the same call under the same id is no repetition for another client, nor after a restart."""
    arguments = {"path": "work/b.txt", "text": "one", "overwrite": True}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "files.write", "arguments": arguments}}
    grant = {"files.write": {"path": files.below(home / "work"), "text": ANY, "overwrite": ANY}}
    with Gate(home / ".gate") as gate:
        headers = {"authorization": f"Bearer {gate.grant('agent', tools=grant).presentation}"}
    for _ in range(2):
        with Gate(home / ".gate") as gate:
            own = Own(gate, list(files.tools(str(home)).values()))
            with serving(Http(own, Door(own.behind, here=own.grants))) as url, httpx.Client(trust_env=False) as client:
                for _ in range(2):
                    answer = client.post(f"{url}/mcp", json=body, headers=headers).json()
                    assert "isError" not in answer["result"], answer
