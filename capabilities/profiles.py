"""Profiles: ready-made rules and grants for a place where agents work.

- `workstation`: inspected commands that only read, in the workspace, in ordinary places outside it or from a service that a program is
  configured for, and reading files in the workspace, run without a question; tunnels, proxies, miners and burners are refused; everything else asks.
- `workspace`: the same, but nothing outside the workspace runs without a question.

"Inspected" is what the kinds' data covers; see docs/reference/kinds.md.  Places that may hold keys, tokens or histories always ask.

>>> profile("workstation", "/srv/project").rules.splitlines()[0]
'# profile workstation, workspace "/srv/project"'
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from capabilities import browser, compute, email, files, git, http, mcp, messages, payments, python, secrets, shell, sql
from capabilities._paths.links import resolve
from gate.constraint import ANY, Entry
from gate.kind import KindTool

_KINDS: Final = (files, shell, http, browser, compute, sql, payments, python, email, messages, mcp, secrets, git)
_TECHNIQUES: Final = ("T1572", "T1090", "T1496")
_RULES: Final = """\
# profile {name}, workspace {workspace}
[default]
low = "ask"
medium = "ask"
high = "ask"
critical = "ask"

[[rule]]
id = "{name}-no-tunnels-no-miners"
deny = {{ technique = {techniques}, risk = "critical" }}
reason = "tunnels, proxies, miners and burners are never part of ordinary work"
match = ['shell.run command="ssh -fNR 2222:localhost:22 gateway"', 'shell.run command="./trainer -o stratum+tcp://pool.example:3333"']
not_match = ['shell.run command="ssh gateway uptime"', 'shell.run command="grep -rn stratum ."']

[[rule]]
id = "{name}-reads"
allow = {{ tool = ["shell.run", "files.read", "files.list"], effect = "reads", risk = "{risk}" }}
match = ['shell.run command="git status"']

[[rule]]
id = "{name}-files-outside"
ask = {{ tool = ["files.read", "files.list"], unless = {{ path = {{ constraint_type = "subpath", roots = [{workspace}] }} }} }}
reason = "it is outside the workspace"

[[rule]]
id = "{name}-changes"
ask = {{ effect = ["writes", "egress", "executes", "spends", "delegates", "irreversible", "undeclared"] }}
reason = "it changes something, starts something that cannot be inspected, or reaches the network"
match = ['shell.run command="rm -r build"', 'shell.bash text="ls"', 'http.request url="https://example.com/"', 'shell.run command="python x.py"']
"""


class Profile(NamedTuple):
    """The rules as the text of a rules file, and grants: tool → argument → what its value may be (the rules decide the rest)."""

    rules: str
    grants: Mapping[str, Mapping[str, Entry]]


def profile(name: str, workspace: str | os.PathLike[str] | None = None) -> Profile:
    """The profile of that name for a workspace, by default the current folder; ValueError when there is none of that name."""
    if name not in NAMES:
        raise ValueError(f"there is no profile {name!r}; there are {', '.join(NAMES)}")
    root = resolve(os.path.abspath(workspace or os.getcwd()))
    text = _RULES.format(name=name, workspace=json.dumps(root, ensure_ascii=False), techniques=json.dumps(_TECHNIQUES), risk=NAMES[name])
    return Profile(text, MappingProxyType({tool.name: _anything(tool) for kind in _KINDS for tool in kind.TOOLS.values()}))


def workstation(workspace: str | os.PathLike[str] | None = None) -> Profile:
    """The profile `workstation` for a workspace."""
    return profile("workstation", workspace)


def _anything(tool: KindTool) -> Mapping[str, Entry]:
    return MappingProxyType({argument: Entry(ANY, argument in tool.optional) for argument in tool.arguments})


NAMES: Final[Mapping[str, str]] = MappingProxyType({"workstation": "medium", "workspace": "low"})
