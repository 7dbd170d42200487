"""The ready-made tools: a function for each operation, for repositories below one folder, none of them reached through a link."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TypeAlias

from capabilities._git import network, work
from capabilities._git.net import Net
from capabilities._git.repository import Repository
from capabilities._paths.links import resolve
from capabilities._paths.text import below, normal
from gate.kind import KindTool, ready

Tools: TypeAlias = list[Callable[..., object]]


def make(root: str, kinds: Mapping[str, KindTool], author: tuple[str, str] | None, net: Net) -> dict[str, Callable[..., object]]:
    """The functions by name, each marked as the tool that it is."""

    def place(repository: str) -> str:
        """The folder; PermissionError when it is not below the root, or is reached through a link."""
        path = normal(root, repository)
        if not below(path, root) or resolve(path) != path:
            raise PermissionError(f"'{path}' is not below '{root}', or is reached through a link")
        return path

    made = _here(place, author) + _elsewhere(place, net)
    return {f"git.{function.__name__}": ready(kinds[f"git.{function.__name__}"], function) for function in made}


def _here(place: Callable[[str], str], author: tuple[str, str] | None) -> Tools:
    """What stays in the repository."""

    def opened(repository: str) -> Repository:
        return Repository(place(repository))

    def status(repository: str) -> str:
        """The branch and what is changed, staged and new."""
        return work.status(opened(repository))

    def log(repository: str, revision: str = "HEAD", paths: list[str] = [], count: int = 20) -> str:  # noqa: B006  # never changed
        """The last commits."""
        return work.log(opened(repository), revision, paths, count)

    def diff(repository: str, revision: str = "HEAD", paths: list[str] = [], staged: bool = False) -> str:  # noqa: B006  # as above
        """What differs from a revision, or what is staged."""
        return work.diff(opened(repository), revision, paths, staged=staged)

    def show(repository: str, revision: str = "HEAD") -> str:
        """One commit with its patch."""
        return work.show(opened(repository), revision)

    def add(repository: str, paths: list[str]) -> str:
        """Stages files."""
        return work.add(opened(repository), paths)

    def commit(repository: str, message: str) -> str:
        """Commits what is staged; the commit's id."""
        return work.commit(opened(repository), message, author)

    def branch(repository: str, name: str, start: str = "HEAD") -> str:
        """Makes a branch; the id it stands at."""
        return work.branch(opened(repository), name, start)

    def checkout(repository: str, name: str) -> str:
        """Checks a branch out."""
        return work.checkout(opened(repository), name)

    return [status, log, diff, show, add, commit, branch, checkout]


def _elsewhere(place: Callable[[str], str], net: Net) -> Tools:
    """What reaches a remote."""

    def opened(repository: str) -> Repository:
        return Repository(place(repository))

    def push(repository: str, remote: str, source: str, target: str) -> str:
        """Sends commits to a branch of a remote, never replacing what is there."""
        here = opened(repository)
        return network.push(here, remote, [(here.commit(source), target)], net)

    def force_push(repository: str, remote: str, source: str, target: str) -> str:
        """Makes a branch of a remote be this commit, whatever is there."""
        here = opened(repository)
        return network.push(here, remote, [(here.commit(source), target)], net, force=True)

    def delete_ref(repository: str, remote: str, target: str) -> str:
        """Deletes a branch or tag of a remote."""
        return network.push(opened(repository), remote, [("", target)], net)

    def fetch(repository: str, remote: str, branch: str) -> dict[str, str]:
        """Brings a branch of a remote here: its commit's id, and the ref that names it."""
        commit, name = network.fetch(opened(repository), remote, branch, net)
        return {"commit": commit, "ref": name}

    def clone(repository: str, remote: str) -> str:
        """Makes a repository of a remote in a folder that is not there yet; the id of its commit."""
        path = place(repository)
        if os.path.lexists(path):
            raise FileExistsError(f"'{path}' is there already")
        return network.clone(remote, path, net)

    return [push, force_push, delete_ref, fetch, clone]
