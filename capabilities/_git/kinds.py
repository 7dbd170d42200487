"""The kinds of git's arguments: a repository, a revision, a branch, files, a message, a remote."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from capabilities._git import names
from capabilities._git.remote import split
from capabilities._http.constraint import public
from capabilities._http.url import parse
from capabilities._paths.place import Setting, look
from capabilities._paths.text import normal, show
from capabilities._plain import NOTHING
from gate.effect import Assessment, Risk

_READS: Final = frozenset(["reads"])
_OURS: Final = frozenset(["main", "master", "trunk", "develop", "production", "prod", "stable", "release", "gh-pages"])


class RepositoryKind:
    """The folder of a repository. `workspace`: what a relative path is relative to, and what counts as inside."""

    name = "git.repository"

    def __init__(self, workspace: str | None = None) -> None:
        self.workspace = workspace

    def parse(self, value: object) -> str:
        """The absolute path in normal form; ValueError says what is wrong with it."""
        path = normal(self.workspace or os.getcwd(), value)
        if ".git" in path.lower().split("/"):
            raise ValueError(f"{show(path)} is inside a '.git'")
        return path

    def assess(self, value: object) -> Assessment:
        """Low in the workspace, high outside."""
        if not isinstance(value, str):
            return NOTHING
        try:
            place = look(value, Setting.here(self.workspace))
        except (ValueError, OSError) as error:
            return Assessment(_READS, Risk.HIGH, (f"cannot be inspected: {error}",))
        if place.inside and not place.secret:
            return Assessment(_READS, Risk.LOW, (f"uses the repository {show(value)}",))
        return Assessment(_READS, Risk.HIGH, (f"uses the repository {show(value)}, outside the workspace",))


class Named:
    """A text or list that `parse` checks; what it says about a call is nothing."""

    def __init__(self, name: str, parse: Callable[[object], object]) -> None:
        self.name, self._parse = f"git.{name}", parse

    def parse(self, value: object) -> object:
        """The value in its one form; ValueError says what is wrong with it."""
        return self._parse(value)

    def assess(self, value: object) -> Assessment:
        """Nothing of its own."""
        return NOTHING


class TargetKind:
    """The branch or tag of a remote that is changed."""

    name = "git.target"

    def parse(self, value: object) -> str:
        """The full ref; ValueError says what is wrong with it."""
        return names.ref(value)

    def assess(self, value: object) -> Assessment:
        """Medium for a branch of somebody's work, high for a tag or a branch that others build on."""
        if not isinstance(value, str):
            return NOTHING
        name = value.removeprefix("refs/heads/")
        if value.startswith("refs/tags/") or name.partition("/")[0].lower() in _OURS or name.lower().startswith("release"):
            return Assessment(frozenset(["writes"]), Risk.HIGH, (f"changes {show(value)}, which others build on",), frozenset(["T1195.002"]))
        return Assessment(frozenset(["writes"]), Risk.MEDIUM, (f"changes {show(value)} of the remote",))


class RemoteKind:
    """The address of a remote. `sends`: the repository's content leaves for it."""

    def __init__(self, *, sends: bool) -> None:
        self.name, self.sends = f"git.{'push' if sends else 'fetch'}_url", sends

    def parse(self, value: object) -> str:
        """The address in its one form; ValueError says why it is refused."""
        return str(split(value))

    def assess(self, value: object) -> Assessment:
        """Medium for a public host, high for another; where content leaves, it is named as that."""
        if not isinstance(value, str):
            return NOTHING
        effects, techniques = frozenset(["egress"]), frozenset(["T1567.001"] if self.sends else [])
        verb = "sends commits to" if self.sends else "fetches from"
        try:
            found = split(value)
            known = public(parse(f"https://{f'[{found.host}]' if ':' in found.host else found.host}/"))
        except ValueError as error:
            return Assessment(effects, Risk.HIGH, (f"cannot be inspected: {error}",), techniques)
        if not known:
            return Assessment(effects, Risk.HIGH, (f"{verb} {found.host}, which is not public",), techniques)
        return Assessment(effects, Risk.MEDIUM, (f"{verb} {found.host}",), techniques)
