"""git: a repository below a folder, by typed operations instead of command lines.

    git.commit  repository="app" message="Fix the parser"
    git.push    repository="app" remote="git@github.com:acme/app.git" source="HEAD" target="agent/fix"

Git runs programs that a repository's own files name, also for reading.  The tools look at a repository first and refuse one that could make git
start anything (`_git.repository`), make commits and checkouts by the commands that have no hooks, and reach remotes from a clean repository by the
address that was checked, https and ssh only (`_git.network`).  Forcing and deleting are tools of their own, of high risk.  The constraints
`git_remote` (`remotes`) and `git_ref` (`refs`) say where and what; the repository is a path, for `subpath`.

Not promised: somebody who changes `.git` between the look and the command; that a server is who its name says beyond what ssh and TLS check.

>>> TARGET.parse("agent/fix"), SENDS.parse("git@github.com:acme/app.git")
('refs/heads/agent/fix', 'ssh://git@github.com/acme/app.git')
>>> refs("agent/*").check("refs/heads/agent/fix"), remotes("https://github.com/acme/*").check("https://github.com/evil/app")
(True, False)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from capabilities._git import names
from capabilities._git.constraint import Refs, Remotes
from capabilities._git.kinds import Named, RemoteKind, RepositoryKind, TargetKind
from capabilities._git.net import Net
from capabilities._git.words import headline, preview
from capabilities._plain import Number, Switch
from gate.effect import Assessment, Risk
from gate.kind import Kind, KindTool

REPOSITORY: Final = RepositoryKind()
REVISION: Final = Named("revision", names.revision)
SOURCE: Final = Named("source", lambda value: names.revision(value, several=False))
BRANCH: Final = Named("branch", names.ref)
PATHS: Final = Named("paths", names.paths)
MESSAGE: Final = Named("message", names.message)
COUNT: Final = Number("count", 0, 1000, whole=True)
STAGED: Final = Switch("staged")
TARGET: Final = TargetKind()
SENDS: Final = RemoteKind(sends=True)
FETCHES: Final = RemoteKind(sends=False)
_RUNS: Final = frozenset(["files", "processes", "environment"])
_READ: Final = Assessment(frozenset(["reads"]), Risk.LOW)
_WRITE: Final = Assessment(frozenset(["reads", "writes"]), Risk.MEDIUM, ("changes the repository",))
_SEND: Final = Assessment(frozenset(["reads", "egress", "writes"]), Risk.MEDIUM)
_FORCE: Final = Assessment(_SEND.effects | {"irreversible"}, Risk.HIGH, ("replaces what the remote has",), frozenset(["T1485"]))
_DELETE: Final = _FORCE._replace(reasons=("deletes a branch or tag of the remote",))

_SPECS: Final[Mapping[str, tuple[Mapping[str, Kind], str, Assessment]]] = {
    "status": ({}, "", _READ),
    "log": ({"revision": REVISION, "paths": PATHS, "count": COUNT}, "revision paths count", _READ),
    "diff": ({"revision": REVISION, "paths": PATHS, "staged": STAGED}, "revision paths staged", _READ),
    "show": ({"revision": SOURCE}, "revision", _READ),
    "add": ({"paths": PATHS}, "", _WRITE),
    "commit": ({"message": MESSAGE}, "", _WRITE),
    "branch": ({"name": BRANCH, "start": SOURCE}, "start", _WRITE),
    "checkout": ({"name": BRANCH}, "", _WRITE),
    "push": ({"remote": SENDS, "source": SOURCE, "target": TARGET}, "", _SEND),
    "force_push": ({"remote": SENDS, "source": SOURCE, "target": TARGET}, "", _FORCE),
    "delete_ref": ({"remote": SENDS, "target": TARGET}, "", _DELETE),
    "fetch": ({"remote": FETCHES, "branch": BRANCH}, "", _SEND._replace(effects=frozenset(["egress", "writes"]))),
    "clone": ({"remote": FETCHES}, "", _SEND._replace(effects=frozenset(["egress", "writes"]))),
}


def remotes(*urls: str) -> Remotes:
    """Admits these remotes: `remotes("https://github.com/acme/*", "git@github.com:acme/app.git")`."""
    return Remotes(list(urls))


def refs(*names: str) -> Refs:
    """Admits these branches and tags: `refs("agent/*", "refs/tags/v1")`."""
    return Refs(list(names))


def kind_tools(workspace: str | os.PathLike[str] | None = None) -> dict[str, KindTool]:
    """The tools `git.status`, `log`, … for repositories in a workspace, by default the process's current folder."""
    folder = None if workspace is None else os.path.realpath(workspace)
    return {f"git.{name}": _kind_tool(name, RepositoryKind(folder)) for name in _SPECS}


def _kind_tool(name: str, repository: RepositoryKind) -> KindTool:
    kinds, optional, assessment = _SPECS[name]
    needs = _RUNS | {"network"} if "egress" in assessment.effects else _RUNS
    return KindTool(
        f"git.{name}",
        {"repository": repository, **kinds},
        frozenset(optional.split()),
        assessment,
        headline=partial(headline, name),
        preview=partial(preview, name),
        requires=needs,
    )


def tools(root: str | os.PathLike[str], *, author: tuple[str, str] | None = None, net: Net | None = None) -> dict[str, Callable[..., object]]:
    """The tools for repositories below one folder. For `gate.tool`.

    author: name and address of commits, the repository's own by default.  net: how remotes are reached, see `_git.net.Net`.
    """
    from capabilities._git.tools import make  # starts programs, which checking a call does not

    folder = os.path.realpath(root)
    return make(folder, kind_tools(folder), author, net or Net())


TOOLS: Final[dict[str, KindTool]] = kind_tools()
__all__ = ["FETCHES", "REPOSITORY", "SENDS", "TARGET", "TOOLS", "Net", "Refs", "Remotes", "kind_tools", "refs", "remotes", "tools"]
