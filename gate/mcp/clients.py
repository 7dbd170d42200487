"""Clients: where each MCP client keeps its list of servers, and how it writes one down.

    client          file                                                             table
    claude-desktop  (application data)/Claude/claude_desktop_config.json             mcpServers
    claude-code     ~/.claude.json; with a project PROJECT/.mcp.json                 mcpServers, projects.*.mcpServers
    cursor          ~/.cursor/mcp.json; PROJECT/.cursor/mcp.json                     mcpServers
    vscode          (application data)/Code/User/mcp.json; PROJECT/.vscode/mcp.json  servers
    codex           $CODEX_HOME or ~/.codex, config.toml; PROJECT/.codex/config.toml mcp_servers
    gemini          ~/.gemini/settings.json; PROJECT/.gemini/settings.json           mcpServers

Application data is `~/Library/Application Support` on macOS, `%APPDATA%` on Windows and `$XDG_CONFIG_HOME` or `~/.config` elsewhere.  Source: the
documentation of each client, read in November 2026.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, NamedTuple

from gate.errors import ConfigError


class Client(NamedTuple):
    """One client. user, project: its file below the home folder or application data ("@"), and below a project ("" for none).

    tables: where servers are listed, "*" for any name.  url: the members that name a remote server.  trims: it starts servers with another PATH
    than a terminal has.  joins: it puts command and arguments into one line.
    """

    name: str
    user: str
    project: str
    tables: tuple[tuple[str, ...], ...] = (("mcpServers",),)
    url: tuple[str, ...] = ("url",)
    trims: bool = False
    joins: bool = False


CLIENTS: Final = {
    client.name: client
    for client in (
        Client("claude-desktop", "@/Claude/claude_desktop_config.json", "", trims=True),
        Client("claude-code", ".claude.json", ".mcp.json", (("mcpServers",), ("projects", "*", "mcpServers"))),
        Client("cursor", ".cursor/mcp.json", ".cursor/mcp.json", joins=True),
        Client("vscode", "@/Code/User/mcp.json", ".vscode/mcp.json", (("servers",),)),
        Client("codex", ".codex/config.toml", ".codex/config.toml", (("mcp_servers",),)),
        Client("gemini", ".gemini/settings.json", ".gemini/settings.json", url=("httpUrl", "url")),
    )
}


def file_of(client: Client, project: str = "") -> Path:
    """The client's file; ConfigError where it has none in a project."""
    if project:
        if not client.project:
            raise ConfigError(f"{client.name} keeps no servers in a project")
        return Path(project).absolute() / client.project
    if client.name == "codex" and (home := os.environ.get("CODEX_HOME")):
        return Path(home).absolute() / "config.toml"
    folder, _, rest = client.user.partition("/")
    return _application_data() / rest if folder == "@" else Path.home() / client.user


def _application_data() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
