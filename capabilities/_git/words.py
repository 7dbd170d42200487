"""What a person is told of a git operation: one sentence, and what would be sent, committed or overwritten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gate.frozen import Frozen
from gate.preview import Panel, facts, listing, text

if TYPE_CHECKING:  # starts programs, which only a preview does
    from capabilities._git.repository import Repository

_SENTENCES: Final = {
    "status": "see what is changed in {repository}",
    "log": "read the history of {repository}",
    "diff": "see changes of {repository}",
    "show": "read the commit {revision} of {repository}",
    "add": "stage files of {repository}",
    "commit": "commit what is staged in {repository}",
    "branch": "make the branch {name} in {repository}",
    "checkout": "check out {name} in {repository}",
    "push": "push {source} of {repository} to {target} of {remote}",
    "force_push": "FORCE {target} of {remote} to be {source} of {repository}",
    "delete_ref": "DELETE {target} of {remote}",
    "fetch": "fetch {branch} from {remote} into {repository}",
    "clone": "clone {remote} into {repository}",
}


def headline(name: str, arguments: Mapping[str, Frozen]) -> str:
    """As in: push HEAD of app to agent/fix of ssh://git@github.com/acme/app.git."""
    said = {key: _short(key, value) for key, value in arguments.items() if isinstance(value, str)}
    return _SENTENCES[name].format_map({"revision": "HEAD", **said})


def preview(name: str, arguments: Mapping[str, Frozen]) -> list[Panel]:
    """The operation; commits and their files where something is sent, the staged changes where something is committed."""
    said = [(key, _short(key, value)) for key, value in arguments.items() if isinstance(value, str) and key != "message"]
    panels = [facts(f"git {name.replace('_', ' ')}", said)]
    if "message" in arguments:
        panels.append(text("message", str(arguments["message"])))
    if name not in _LOOKS:
        return panels
    from capabilities._git.repository import GitError, Repository

    try:
        return [*panels, *_consequences(name, Repository(str(arguments["repository"])), arguments)]
    except (PermissionError, GitError, OSError, ValueError) as error:
        return [*panels, facts("its consequences", [("cannot be inspected", str(error)[:400])])]


def _consequences(name: str, repository: Repository, arguments: Mapping[str, Frozen]) -> list[Panel]:
    from capabilities._git import work

    if name == "commit":
        return [text("staged", work.diff(repository, "", [], staged=True))]
    commits, files = work.unsent(repository, repository.commit(str(arguments["source"])))
    return [listing("commits that no known branch of a remote has", commits), text("their files", files)]


def _short(key: str, value: object) -> str:
    if key in ("target", "name", "branch") and isinstance(value, str):
        return value.removeprefix("refs/heads/")
    return os.path.basename(value) or value if key == "repository" and isinstance(value, str) else str(value)


_LOOKS: Final = frozenset(["push", "force_push", "commit"])
