"""Putting the gate before the servers of every client's file, and away again: nothing else changes, and a broken file is left alone."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import ConfigError
from gate.mcp import jsonfile, lockfile
from gate.mcp.child import allowed
from gate.mcp.clients import CLIENTS, file_of
from gate.mcp.entry import Launch, server_name
from gate.mcp.install import SUFFIX, apply, launcher, plan_install, plan_uninstall
from gate.mcp.ours import is_ours, looks_gated
from gate.mcp.pins import Kept
from tests.commands.kit import run
from tests.kit import SOURCES

LAUNCH = Launch(("/opt/gate/bin/gate",), ("--home", "/home/me/.gate"))
SH = os.path.abspath(shutil.which("sh") or "/bin/sh")

CLAUDE = """\
{
  "globalShortcut": "",
  "mcpServers": {
    "Files Here": { "command": "sh", "args": ["-c", "exec server /home/me"], "env": { "TOKEN": "t" } },
    "bare": {
      "command": "sh"
    },
    "remote": {
      "type": "http",
      "url": "https://mcp.example.com/mcp",
      "headers": { "Authorization": "Bearer secret", "X-Team": "blue" },
      "unknown": [1, 2.50]
    }
  }
}
"""
CODE = """\
{"numStartups": 7, "mcpServers": {"a": {"type": "stdio", "command": "sh", "args": []}},
 "projects": {"/home/me/p": {"allowedTools": [], "mcpServers": {"b": {"command": "sh", "args": ["x"]}}}, "/q": {"history": []}}}
"""
CURSOR = '{\r\n\t"mcpServers": {\r\n\t\t"git": {\r\n\t\t\t"command": "sh -e",\r\n\t\t\t"args": ["one", "two"]\r\n\t\t}\r\n\t}\r\n}\r\n'
VSCODE = """\
\ufeff{
  // what the editor starts
  "inputs": [{ "type": "promptString", "id": "key", "password": true }],
  "servers": {
    "time": {
      "type": "stdio", /* local */
      "command": "sh", // found on the PATH
      "args": [
        "-c", // one
        "serve",
      ],
      "env": { "KEY": "${input:key}" },
      "envFile": "${workspaceFolder}/.env",
    },
    "web": { "url": "https://mcp.example.com/mcp", "headers": { "X-Key": "${input:key}" } },
  },
}
"""
CODEX = """\
model = "o5"  # mine

[mcp_servers.time]
command = "sh" # quick
args = [
  "-c",  # one
  "serve # not a comment",
]
startup_timeout_sec = 20

[mcp_servers.time.env]
TZ = "UTC"

# the tracker
[mcp_servers."issue tracker"]
url = "https://issues.example.com/mcp"
bearer_token_env_var = "TRACKER_TOKEN"
http_headers = { "X-Team" = "blue" }

[mcp_servers.bare]
command = 'sh'

[profiles.fast]
model = "o5-mini"
"""
GEMINI = """\
{
  "theme": "Dark", // mine
  "mcpServers": {
    "py": { "command": "sh", "args": ["-m", "srv"], "trust": false, "includeTools": ["a"] },
    "far": { "httpUrl": "https://mcp.example.com/mcp", "headers": { "Authorization": "Bearer $TOKEN" }, "timeout": 5000 }
  }
}
"""
TEXTS = {"claude-desktop": CLAUDE, "claude-code": CODE, "cursor": CURSOR, "vscode": VSCODE, "codex": CODEX, "gemini": GEMINI}
OPTIONS = ["mcp", "--home", "/home/me/.gate", "--name"]


def written(tmp_path: Path, client: str, text: str | None = None) -> Path:
    file = tmp_path / ("config.toml" if client == "codex" else "mcp.json")
    file.write_bytes((TEXTS[client] if text is None else text).encode())
    return file


def install(client: str, file: Path, **more) -> None:
    apply(plan_install(CLIENTS[client], file, LAUNCH, **more))


def meant(file: Path, text: str | None = None):
    text = file.read_bytes().decode() if text is None else text
    return tomllib.loads(text) if file.suffix == ".toml" else jsonfile.read(text).value


# ---- every client ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", TEXTS)
def test_all_servers_start_the_gate_and_nothing_else_changes(tmp_path, client):
    file = written(tmp_path, client)
    old = meant(file)
    install(client, file)
    new = meant(file)
    assert rest(old, CLIENTS[client].tables) == rest(new, CLIENTS[client].tables)
    for table in CLIENTS[client].tables:
        for before, after in zip(servers(old, table), servers(new, table), strict=True):
            assert looks_gated(after)
            assert after["command"] == "/opt/gate/bin/gate"
            assert after["args"][:4] == OPTIONS
            end = ["--http", before.get("httpUrl") or before.get("url")] if "command" not in before else None
            assert not after.get("env", {}).keys() & before.get("env", {}).keys()
            assert after["args"][-2:] == end if end else "--" in after["args"]
            assert not after.keys() & {"url", "httpUrl", "headers", "http_headers", "bearer_token_env_var"}
            changed = {"command", "args", "type", "env", "envFile", "env_vars", "url", "httpUrl", "headers", "http_headers", "bearer_token_env_var"}
            assert {k: v for k, v in before.items() if k not in changed} == {k: v for k, v in after.items() if k not in changed}


def lists(value, table):
    """The lists of servers at a path."""
    if not table:
        return [value]
    if not isinstance(value, dict):
        return []
    return [one for name, child in value.items() if table[0] in (name, "*") for one in lists(child, table[1:])]


def servers(value, table):
    return [server for listed in lists(value, table) for server in listed.values()]


def rest(value, tables):
    """Everything but the servers."""
    value = copy.deepcopy(value)
    for table in tables:
        for listed in lists(value, table):
            listed.clear()
    return value


@pytest.mark.parametrize("client", TEXTS)
def test_back_is_the_same_byte_for_byte(tmp_path, client):
    file = written(tmp_path, client)
    old = file.read_bytes()
    install(client, file)
    assert file.read_bytes() != old
    assert (file.parent / (file.name + SUFFIX)).read_bytes() == old
    apply(plan_uninstall(CLIENTS[client], file))
    assert file.read_bytes() == old
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.parametrize("client", TEXTS)
def test_twice_is_once(tmp_path, client):
    file = written(tmp_path, client)
    install(client, file)
    first = {path: path.read_bytes() for path in tmp_path.iterdir()}
    plan = plan_install(CLIENTS[client], file, LAUNCH)
    assert (plan.servers, plan.new) == ((), plan.old)
    apply(plan)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == first


@pytest.mark.parametrize("client", TEXTS)
def test_other_options_later_replace_the_first(tmp_path, client):
    file = written(tmp_path, client)
    old = file.read_bytes()
    install(client, file)
    apply(plan_install(CLIENTS[client], file, Launch(("/new/gate",), ("--home", "/other"))))
    assert b"/opt/gate" not in file.read_bytes()
    apply(plan_uninstall(CLIENTS[client], file))
    assert file.read_bytes() == old


def test_comments_stay(tmp_path):
    for client, comments in (
        ("vscode", ["// what the editor starts", "/* local */", "// found on the PATH"]),
        ("codex", ["# mine", "# quick", "# the tracker"]),
    ):
        file = written(tmp_path, client)
        install(client, file)
        assert all(comment in file.read_text() for comment in comments)


def test_the_words_of_a_local_server(tmp_path):
    file = written(tmp_path, "claude-desktop")
    install("claude-desktop", file)
    made = meant(file)["mcpServers"]["Files Here"]
    assert made["args"] == [*OPTIONS, "files-here", "--env", "TOKEN=MCP_ENV_1", "--env", "PATH=MCP_ENV_2", "--", SH, "-c", "exec server /home/me"]
    assert made["env"] == {"MCP_ENV_1": "t", "MCP_ENV_2": os.pathsep.join(dict.fromkeys([os.path.dirname(SH), "/usr/local/bin", "/usr/bin", "/bin"]))}


def test_a_client_that_joins_words_gets_them_apart(tmp_path):
    file = written(tmp_path, "cursor")
    install("cursor", file)
    assert meant(file)["mcpServers"]["git"]["args"] == [*OPTIONS, "git", "--", SH, "-e", "one", "two"]
    with pytest.raises(ConfigError, match="paths without spaces"):
        plan_install(CLIENTS["cursor"], file, Launch(("/opt/my gate/gate",)))


def test_credentials_of_a_remote_server_are_no_arguments(tmp_path):
    file = written(tmp_path, "claude-desktop")
    install("claude-desktop", file)
    made = meant(file)["mcpServers"]["remote"]
    assert "secret" not in str(made["args"])
    assert made["args"][5:] == [
        "--header-env", "Authorization=MCP_HEADER_1", "--header-env", "X-Team=MCP_HEADER_2", "--http", "https://mcp.example.com/mcp",
    ]  # fmt: skip
    assert made["env"] == {"MCP_HEADER_1": "Bearer secret", "MCP_HEADER_2": "blue"}
    assert made["type"] == "stdio"


def test_codex_variables(tmp_path):
    file = written(tmp_path, "codex")
    install("codex", file)
    made = meant(file)["mcp_servers"]
    assert made["issue tracker"]["env_vars"] == ["TRACKER_TOKEN"]
    assert "--bearer-env" in made["issue tracker"]["args"]
    assert made["time"]["args"][5:] == ["--env", "TZ=MCP_ENV_1", "--", SH, "-c", "serve # not a comment"]
    assert made["time"]["env"] == {"MCP_ENV_1": "UTC"}


# ---- later ----------------------------------------------------------------------------------------------------------------------------


def test_what_the_client_wrote_meanwhile_is_kept(tmp_path):
    file = written(tmp_path, "claude-code")
    install("claude-code", file)
    value = json.loads(file.read_text())
    value["numStartups"] = 8
    value["mcpServers"]["new"] = {"command": "sh", "args": ["n"]}
    file.write_text(json.dumps(value, indent=1))
    install("claude-code", file)
    assert all(looks_gated(one) for one in meant(file)["mcpServers"].values())
    apply(plan_uninstall(CLIENTS["claude-code"], file))
    expected = json.loads(CODE)
    expected["numStartups"] = 8
    expected["mcpServers"]["new"] = {"command": "sh", "args": ["n"]}
    assert meant(file) == expected


def test_an_entry_written_by_hand_is_a_server_like_others(tmp_path):
    text = '{"mcpServers": {"mine": {"command": "gate", "args": ["mcp", "--", "sh"]}, "b": {"command": "sh"}}}'
    file = written(tmp_path, "claude-desktop", text)
    plan = plan_install(CLIENTS["claude-desktop"], file, LAUNCH)
    apply(plan)
    assert plan.servers == ("mine", "b")
    assert meant(file)["mcpServers"]["mine"]["args"][-3:] == ["mcp", "--", "sh"]
    assert meant(file)["mcpServers"]["mine"]["command"] == "/opt/gate/bin/gate"
    assert plan_install(CLIENTS["claude-desktop"], file, LAUNCH).servers == ()
    apply(plan_uninstall(CLIENTS["claude-desktop"], file))
    assert file.read_text() == text


def test_what_starts_a_gate_and_is_not_in_the_backup_is_said(tmp_path):
    file = written(tmp_path, "claude-desktop", '{"mcpServers": {"b": {"command": "sh"}}}')
    install("claude-desktop", file)
    value = json.loads(file.read_text())
    value["mcpServers"]["mine"] = {"command": "gate", "args": ["mcp", "--", "sh"]}
    file.write_text(json.dumps(value))
    plan = plan_uninstall(CLIENTS["claude-desktop"], file)
    assert (plan.servers, len(plan.notes)) == (("b",), 1)
    assert "not in the backup" in plan.notes[0]


def test_only_what_is_asked_for(tmp_path):
    file = written(tmp_path, "gemini")
    plan = plan_install(CLIENTS["gemini"], file, LAUNCH, only=["py"])
    assert (plan.servers, plan.outside) == (("py",), ("far: not asked for",))
    with pytest.raises(ConfigError, match="no server 'nope'"):
        plan_install(CLIENTS["gemini"], file, LAUNCH, only=["nope"])


def test_a_server_that_cannot_be_gated_is_said(tmp_path):
    file = written(tmp_path, "claude-code", '{"mcpServers": {"old": {"type": "sse", "url": "https://e.example/sse"}}}')
    plan = plan_install(CLIENTS["claude-code"], file, LAUNCH)
    assert plan.outside == ("old: it speaks the old SSE transport, which the gate does not",)
    assert plan.new == plan.old


def test_a_program_that_is_not_here_is_said(tmp_path):
    file = written(tmp_path, "gemini", '{"mcpServers": {"x": {"command": "no-such-program-7"}}}')
    assert "'no-such-program-7' is not found here" in plan_install(CLIENTS["gemini"], file, LAUNCH).notes[0]


# ---- what comes with a project -----------------------------------------------------------------------------------------------------------


def of_project(folder: Path, entry: dict):
    """A project's own `.mcp.json` after install: the plan, and its one server."""
    file = folder / ".mcp.json"
    file.write_text(json.dumps({"mcpServers": {"x": entry}}))
    plan = plan_install(CLIENTS["claude-code"], file, LAUNCH)
    apply(plan)
    return plan, json.loads(file.read_text())["mcpServers"]["x"]


_OURS = {"command": "/opt/gate/bin/gate", "args": [*OPTIONS, "x", "--", "evil"]}


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "./tools/gate", "args": ["mcp", "--", "evil"]},
        {"command": "/tmp/evil/python", "args": ["-P", "-m", "gate", "mcp", "--", "evil"]},
        {"command": "/opt/gate/bin/gate", "args": ["mcp", "--home", "./theirs", "--capability", "./theirs.cap", "--pins", "off", "--", "evil"]},
        {"command": "/opt/gate/bin/gate", "args": [*OPTIONS, "x", "--pins", "off", "--", "evil"]},
        {"command": "/opt/gate/bin/gate", "args": [*OPTIONS, "x", "--home", "./theirs", "--", "evil"]},
        {"command": "/opt/gate/bin/gate", "args": [*OPTIONS, "another", "--", "evil"]},
        {"command": "/opt/gate/bin/gate", "args": [*OPTIONS, "x", "--env", "PYTHONPATH=MCP_ENV_1", "--http", "https://e.example"]},
        {"command": "/opt/gate/bin/gate", "args": [*OPTIONS, "x", "--kinds", "shell"]},
        _OURS | {"env": {"PYTHONPATH": "./lib"}},
        _OURS | {"envFile": "./env"},
    ],
)
def test_what_calls_itself_the_gate_is_not_taken_for_it(tmp_path, entry):
    assert not is_ours(CLIENTS["claude-code"], "x", entry, LAUNCH)
    plan, after = of_project(tmp_path, entry)
    assert plan.servers == ("x",)
    assert is_ours(CLIENTS["claude-code"], "x", after, LAUNCH)
    assert after["args"][-len(entry["args"]) - 1 :] == [entry["command"], *entry["args"]]


def test_what_install_wrote_is_ours_without_the_backup(tmp_path):
    file = written(tmp_path, "claude-desktop")
    install("claude-desktop", file)
    file.with_name(file.name + SUFFIX).unlink()
    plan = plan_install(CLIENTS["claude-desktop"], file, LAUNCH)
    assert (plan.servers, plan.new) == ((), plan.old)


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_PRELOAD", "PYTHONHOME", "SSL_CERT_FILE", "OPENSSL_CONF", "PATH", "GATE_CAPABILITY", "OTEL_X"])
def test_the_servers_variables_are_not_the_gates(tmp_path, name):
    """They decide which modules, libraries and certificates the gate itself uses; the server gets them all the same."""
    for entry in ({"command": "sh", "args": ["srv"]}, {"url": "https://e.example/mcp"}):
        _, after = of_project(tmp_path, entry | {"env": {name: "/repo/lib"}})
        assert name not in after.get("env", {})
        passed = [word for before, word in zip(after["args"], after["args"][1:], strict=False) if before == "--env"]
        assert allowed(after["env"], passed) == ({name: "/repo/lib"} if "command" in entry else {})
        (tmp_path / f".mcp.json{SUFFIX}").unlink()


def test_a_module_of_the_project_is_not_loaded_into_the_gate(tmp_path):
    """`gate mcp` as it is installed, with the PYTHONPATH of a Python server; which the server finds as it was."""
    evil = tmp_path / "lib"
    evil.mkdir()
    (evil / "click.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w').close()\nraise SystemExit(0)\n")
    new, got = tmp_path / "new", tmp_path / "got"
    server = f"import os; open({str(new)!r}, 'w').write(os.environ['PYTHONPATH']); os.rename({str(new)!r}, {str(got)!r})"
    _, after = of_project(tmp_path, {"command": sys.executable, "args": ["-c", server], "env": {"PYTHONPATH": str(evil)}})
    assert run("init", str(tmp_path)).code == 0
    words = [str(tmp_path / ".gate") if word == LAUNCH.options[1] else word for word in after["args"]]
    started = [sys.executable, "-P", "-m", "gate", *words]
    with subprocess.Popen(started, env={**os.environ, **after["env"]}, cwd=SOURCES, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as gate:
        while not got.exists() and gate.poll() is None:
            time.sleep(0.02)
        gate.stdin.close()
    assert got.read_text() == str(evil)
    assert not (tmp_path / "owned").exists()


def test_comments_among_variables_stay(tmp_path):
    file = written(tmp_path, "vscode", '{"servers": {"a": {"command": "sh", "env": {\n  // mine\n  "A": "1", /* two */ "B": "2",\n}}}}')
    install("vscode", file)
    assert file.read_text().partition('"env"')[2] == ': {\n  // mine\n  "MCP_ENV_1": "1", /* two */ "MCP_ENV_2": "2",\n}}}}'


@pytest.mark.parametrize(
    "env", ["env.A = '1' # mine\nenv . \"B c\" = '2'\n", "[mcp_servers.a.env] # mine\nA = '1'\n'B c' = '2'\n", "env = { A = '1', 'B c' = '2' }\n"]
)
def test_variables_in_toml(tmp_path, env):
    text = f"[mcp_servers.a]\ncommand = 'sh'\n{env}\n[mcp_servers.b]\ncommand = 'sh'\n"
    file = written(tmp_path, "codex", text)
    install("codex", file)
    assert meant(file)["mcp_servers"]["a"]["env"] == {"MCP_ENV_1": "1", "MCP_ENV_2": "2"}
    assert ("# mine" in file.read_text()) == ("# mine" in text)
    apply(plan_uninstall(CLIENTS["codex"], file))
    assert file.read_text() == text


# ---- the file itself ------------------------------------------------------------------------------------------------------------------

BROKEN = {
    "no end": '{"mcpServers": {"a": {"command": "sh"}}',
    "twice": '{"mcpServers": {"a": {"command": "sh"}, "a": {"command": "rm"}}}',
    "twice inside": '{"mcpServers": {"a": {"command": "sh", "command": "rm"}}}',
    "no object": "[]",
    "list": '{"mcpServers": []}',
    "text for a server": '{"mcpServers": {"a": "sh"}}',
    "args no list": '{"mcpServers": {"a": {"command": "sh", "args": "-c"}}}',
    "args no texts": '{"mcpServers": {"a": {"command": "sh", "args": [1]}}}',
    "env no object": '{"mcpServers": {"a": {"command": "sh", "env": ["A"]}}}',
    "nothing to start": '{"mcpServers": {"a": {"args": []}}}',
    "command and url": '{"mcpServers": {"a": {"type": "http", "command": "sh", "url": "https://e.example/mcp"}}}',
    "both": '{"mcpServers": {"a": {"command": "sh"}, "b": {"url": 7}}}',
    "same name": '{"mcpServers": {"A b": {"command": "sh"}, "a-b": {"command": "sh"}}}',
    "NaN": '{"x": NaN, "mcpServers": {"a": {"command": "sh"}}}',
    "deep": '{"x": ' + "[" * 5000 + "]" * 5000 + "}",
    "empty": "",
}
BROKEN_TOML = {
    "no end": "[mcp_servers.a\ncommand = 'sh'",
    "inline": "[mcp_servers]\na = { command = 'sh' }",
    "dotted": "mcp_servers.a.command = 'sh'",
    "text that looks like a table": "x = '''\n[mcp_servers.b]\n'''\n[mcp_servers.a.env]\nT = '1'\n[mcp_servers]\na.command = 'sh'",
    "apart": "[mcp_servers.a.env]\nT = '1'\n[x]\n[mcp_servers.a]\ncommand = 'sh'",
    "a list": "[[mcp_servers]]\ncommand = 'sh'",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_left_alone(tmp_path, text):
    file = written(tmp_path, "claude-desktop", text)
    with pytest.raises(ConfigError):
        install("claude-desktop", file)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(file.name, text)]


@pytest.mark.parametrize("text", BROKEN_TOML.values(), ids=BROKEN_TOML)
def test_toml_that_is_written_otherwise_is_left_alone(tmp_path, text):
    file = written(tmp_path, "codex", text)
    with pytest.raises(ConfigError):
        install("codex", file)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(file.name, text)]


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "mcp.json"
    file.write_bytes(b'{"mcpServers": {"\xff": {}}}')
    with pytest.raises(ConfigError, match="no UTF-8"):
        install("cursor", file)
    with pytest.raises(ConfigError, match="no such file"):
        install("cursor", tmp_path / "none.json")
    with pytest.raises(ConfigError, match="is no file"):
        install("cursor", tmp_path)


def test_permissions_and_links_stay(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    real = written(tmp_path / "dotfiles", "gemini")
    real.chmod(0o640)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    install("gemini", link)
    assert link.is_symlink()
    assert looks_gated(meant(real)["mcpServers"]["py"])
    beside = real.with_name(real.name + SUFFIX)
    assert {path.stat().st_mode & 0o777 for path in (real, beside)} == {0o640}
    apply(plan_uninstall(CLIENTS["gemini"], link))
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == (GEMINI, 0o640)


def test_a_change_meanwhile_is_not_lost(tmp_path):
    file = written(tmp_path, "gemini")
    plan = plan_install(CLIENTS["gemini"], file, LAUNCH)
    file.write_text("{}")
    with pytest.raises(ConfigError, match="changed meanwhile"):
        apply(plan)
    assert file.read_text() == "{}"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_no_way_back_without_a_backup(tmp_path):
    file = written(tmp_path, "gemini")
    with pytest.raises(ConfigError, match="not known what to go back to"):
        plan_uninstall(CLIENTS["gemini"], file)


# ---- laws -------------------------------------------------------------------------------------------------------------------------------

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_SERVERS = st.dictionaries(
    st.from_regex(r"[a-z]{1,6}", fullmatch=True),
    st.fixed_dictionaries(
        {"command": _TEXTS}, optional={"args": st.lists(_TEXTS, max_size=3), "env": st.dictionaries(_TEXTS, _TEXTS, max_size=2), "x": st.integers()}
    ),
    max_size=4,
)


@given(
    value=st.fixed_dictionaries({"mcpServers": _SERVERS, "other": st.recursive(_TEXTS | st.integers() | st.none(), st.lists)}),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    ascii_only=st.booleans(),
)
def test_any_json_goes_there_and_back(tmp_path_factory, value, indent, ascii_only):
    file = tmp_path_factory.mktemp("any") / "mcp.json"
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    file.write_bytes(text.encode())
    install("claude-code", file)
    new = json.loads(file.read_bytes().decode())
    assert new["other"] == value["other"]
    assert all(looks_gated(one) for one in new["mcpServers"].values())
    for name, one in value["mcpServers"].items():
        assert new["mcpServers"][name]["args"][-len(one.get("args", [])) :] == one.get("args", []) or not one.get("args")
    if value["mcpServers"]:
        apply(plan_uninstall(CLIENTS["claude-code"], file))
    assert file.read_bytes() == text.encode()


@given(st.text(max_size=80))
def test_a_server_has_a_name_that_a_grant_can_name(name):
    from capabilities._mcp.pin import SERVER

    assert SERVER.fullmatch(server_name(name))


# ---- the command ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GATE_CAPABILITY", "XDG_CONFIG_HOME", "CODEX_HOME", "GATE_HOME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("init").code == 0
    return tmp_path


@pytest.mark.parametrize("client", TEXTS)
def test_the_command_finds_the_file(home, client):
    file = file_of(CLIENTS[client])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(TEXTS[client].encode())
    (home / "cap.json").write_text("x")
    bare = run("mcp", "install", client)
    assert (bare.code, "name it: --capability FILE" in bare.err) == (2, True)  # or every call would be of an unknown tool
    assert file.read_bytes() == TEXTS[client].encode()
    shown = run("mcp", "install", client, "--capability", "cap.json", "--dry-run")
    assert file.read_bytes() == TEXTS[client].encode()
    assert "+++" in shown.out
    done = run("mcp", "install", client, "--capability", "cap.json")
    assert (done.code, "behind the gate" in done.out, "Restart the client." in done.out) == (0, True, True)
    assert str(home / ".gate") in file.read_text()
    assert run("mcp", "uninstall", client).code == 0
    assert file.read_bytes() == TEXTS[client].encode()


def test_a_server_that_was_approved_under_another_command_is_said(home):
    """`gate mcp lock -- sh server.sh` and then install, which writes where sh is: the gate would not start it, and the client says nothing of why."""
    file = file_of(CLIENTS["claude-code"])
    file.write_text(
        json.dumps({"mcpServers": {"Notes": {"command": "sh", "args": ["a b.sh"]}, "far": {"type": "http", "url": "https://e.example/mcp"}}})
    )
    (home / "cap.json").write_text("x")
    lock = home / "gate.lock"
    lockfile.change(lock, "notes", lambda _: Kept(("sh", "a b.sh"), "", {}))
    lockfile.change(lock, "far", lambda _: Kept(("--http", "https://e.example/mcp"), "", {}))
    words = ("mcp", "install", "claude-code", "--capability", "cap.json")
    said = (
        f"Notes: it is pinned as `sh 'a b.sh'`, and the gate does not start it otherwise; approve it as it is here: gate mcp lock --home {home}/.gate"
    )
    for _ in range(2):  # the first time, and when it is behind the gate
        ran = run(*words, "--json")
        assert [one for one in ran.data["notes"] if "pinned" in one] == [f"{said} --name notes -- {SH} 'a b.sh'"]
    lockfile.change(lock, "notes", lambda _: Kept((SH, "a b.sh"), "", {}))
    again = run(*words)
    assert "pinned" not in again.out
    assert "2 servers behind the gate" in again.out
    assert "Notes, as before" in again.out
    assert run(*words, "--json").data["kept"] == ["Notes", "far"]


def test_a_capability_of_the_environment_is_the_clients_to_have(home, monkeypatch):
    file = file_of(CLIENTS["cursor"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(TEXTS["cursor"].encode())
    monkeypatch.setenv("GATE_CAPABILITY", "secret")
    done = run("mcp", "install", "cursor")
    assert (done.code, "must be set where the client starts" in done.err) == (0, True)
    assert "secret" not in file.read_text()


def test_a_project_and_a_capability(home):
    (home / "p" / ".vscode").mkdir(parents=True)
    file = home / "p" / ".vscode" / "mcp.json"
    file.write_bytes(VSCODE.encode())
    ran = run("mcp", "install", "vscode", "--project", "p", "--capability", "cap.json")
    assert (ran.code, "there is no capability in 'cap.json'" in ran.err) == (2, True)
    (home / "cap.json").write_text("x")
    ran = run("mcp", "install", "vscode", "--project", "p", "--capability", "cap.json", "--server", "time", "--json")
    assert (ran.code, ran.data["servers"], ran.data["outside"]) == (1, ["time"], ["web: not asked for"])
    assert ["--capability", str(home / "cap.json")] == meant(file)["servers"]["time"]["args"][3:5]
    assert "keeps no servers in a project" in run("mcp", "install", "claude-desktop", "--project", "p", "--capability", "cap.json").err


def test_there_must_be_a_gate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, "gemini")
    ran = run("mcp", "install", "gemini", "--file", str(file))
    assert (ran.code, "there is no gate" in ran.err) == (2, True)
    assert file.read_text() == GEMINI


def test_the_launcher_is_absolute_and_looks_into_no_current_folder():
    words = launcher()
    assert os.path.isabs(words[0])
    assert len(words) == 1 or words[1] == "-P"
