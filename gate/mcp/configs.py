"""Configs: the servers in the text of a client's file, JSON or TOML, and how one of them is replaced.

A changed text is read again and must mean exactly what was wanted; otherwise ConfigError, and nobody has written anything.
"""

from __future__ import annotations

import json
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from gate.constraints.value import is_object
from gate.errors import ConfigError
from gate.mcp import jsonfile, tomlfile
from gate.mcp.jsonfile import Change

if TYPE_CHECKING:
    from gate.mcp.clients import Client

Path: TypeAlias = tuple[str, ...]
_NO_ENTRY: Final[Mapping[str, object]] = {}


class Config(ABC):
    """The servers of one text, by their path in it. ConfigError, or ValueError, for a text that is not what the client writes."""

    def __init__(self, text: str, client: Client) -> None:
        self.text, self.client = text, client
        self.value = self._parse(text)
        self.entries: dict[Path, Mapping[str, object]] = {}
        for table in client.tables:
            for path, servers in _reached(self.value, table):
                if not is_object(servers) or not all(is_object(one) for one in servers.values()):
                    raise ConfigError(f"'{'.'.join(path)}' is no list of servers")
                self.entries |= {(*path, name): one for name, one in servers.items() if is_object(one)}

    @abstractmethod
    def span(self, path: Path) -> tuple[int, int]:
        """Where the text of a server begins and ends."""

    @abstractmethod
    def _parse(self, text: str) -> object: ...

    @abstractmethod
    def _changes(self, path: Path, members: Mapping[str, object]) -> list[Change]: ...

    def with_members(self, wanted: Mapping[Path, Mapping[str, object]]) -> str:
        """The text with members of servers changed; None takes one out."""
        text = jsonfile.changed(self.text, [change for path, members in wanted.items() for change in self._changes(path, members)])
        entries = {path: merged(self.entries[path], members) for path, members in wanted.items()}
        return self._checked(text, entries)

    def with_entries(self, other: Config, paths: list[Path]) -> str:
        """The text with servers as another text has them."""
        text = jsonfile.changed(self.text, [Change(*self.span(path), other.text[slice(*other.span(path))]) for path in paths])
        return self._checked(text, {path: other.entries[path] for path in paths})

    def _checked(self, text: str, entries: Mapping[Path, Mapping[str, object]]) -> str:
        wanted = self.value
        for path, entry in entries.items():
            wanted = _put(wanted, path, entry)
        try:
            meant = self._parse(text)
        except ValueError:
            meant = None
        if meant != wanted:
            raise ConfigError("it is written in a way that cannot be changed safely; nothing is")
        return text


class JsonConfig(Config):
    """A JSON file."""

    def span(self, path: Path) -> tuple[int, int]:
        """Where the object of a server begins and ends."""
        node = self._node(path)
        return node.start, node.end

    def _node(self, path: Path) -> jsonfile.Node:
        node = self._tree
        for name in path:
            node = node.members[name].node
        return node

    def _parse(self, text: str) -> object:
        tree = jsonfile.read(text)
        if text is self.text:
            self._tree = tree
        return tree.value

    def _changes(self, path: Path, members: Mapping[str, object]) -> list[Change]:
        written = self._node(path).members
        anchor = written.get("command") or next(written[key] for key in self.client.url if key in written)
        new = [f"{json.dumps(name)}: {_json(value)}" for name, value in members.items() if name not in written and value is not None]
        more = jsonfile.beside(self.text, anchor).join(new)
        gone = [name for name, value in members.items() if value is None]
        changes = [one for k, v in members.items() if k in written and v is not None for one in self._become(written[k].node, v)]
        if "command" not in written:
            changes.append(Change(anchor.start, anchor.node.end, more))
            gone = [name for name in gone if written[name] is not anchor]
        elif new:
            changes.append(Change(anchor.node.end, anchor.node.end, jsonfile.beside(self.text, anchor) + more))
        return changes + [jsonfile.dropped(written, name) for name in gone]

    def _become(self, node: jsonfile.Node, value: object) -> list[Change]:
        """A value in another's place; an object whose members only get other names, and more after them, keeps what is written between them."""
        if not is_object(value) or not is_object(node.value) or not _renames(node.value, value):
            return [Change(node.start, node.end, _json(value))]
        changes = [jsonfile.renamed(self.text, member, name) for member, name in zip(node.members.values(), value, strict=False)]
        last = list(node.members.values())[-1]
        more = [f"{jsonfile.beside(self.text, last)}{_json(k)}: {_json(v)}" for k, v in list(value.items())[len(changes) :]]
        return [*changes, Change(last.node.end, last.node.end, "".join(more))]


class TomlConfig(Config):
    """A TOML file."""

    def span(self, path: Path) -> tuple[int, int]:
        """Where the table of a server begins, and its last sub-table ends."""
        table = self._table(path)
        return table.start, table.end

    def _table(self, path: Path) -> tomlfile.Table:
        found = tomlfile.tables(self.text, path[0]).get(path[1])
        if found is None or found.body == found.start:
            raise ConfigError(f"the server '{path[1]}' has no table [{path[0]}.{path[1]}] of its own")
        return found

    def _parse(self, text: str) -> object:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"it is no TOML: {str(error).lower()}") from None

    def _changes(self, path: Path, members: Mapping[str, object]) -> list[Change]:
        table, written = self._table(path), self.entries[path]
        anchor = "command" if "command" in written else next(key for key in self.client.url if key in written)
        start, end = tomlfile.line_of(self.text, table, anchor)
        close = "\r\n" if self.text[:end].endswith("\r\n") else "\n"
        new = [f"{name} = {_toml(value)}{close}" for name, value in members.items() if name not in written and value is not None]
        kept = "command" in written
        changes = [Change(end if kept else start, end, "".join(new))]
        for name, value in members.items():
            old = written.get(name)
            if is_object(old) and is_object(value) and _renames(old, value) and (places := tomlfile.names_of(self.text, table, name)):
                changes += [Change(*places[before], after) for before, after in zip(old, value, strict=True) if before in places]
            elif name in written and name != ("" if kept else anchor):
                span = tomlfile.line_of(self.text, table, name) if value is None else tomlfile.value_of(self.text, table, name)
                changes.append(Change(*span, "" if value is None else _toml(value)))
        return changes


def config(text: str, client: Client, *, toml: bool) -> Config:
    """The servers of a text; ConfigError, or ValueError, for one that cannot be read."""
    return TomlConfig(text, client) if toml else JsonConfig(text, client)


def _reached(value: object, table: Path) -> list[tuple[Path, object]]:
    """What lies at a path, "*" for every name; nothing where there is nothing."""
    if not table:
        return [((), value)]
    if not is_object(value):
        raise ConfigError("it is no object")
    names = list(value) if table[0] == "*" else [table[0]] if table[0] in value else []
    return [((name, *path), found) for name in names for path, found in _reached(value[name], table[1:])]


def _put(value: object, path: Path, entry: Mapping[str, object]) -> object:
    if not path:
        return entry
    table = value if is_object(value) else _NO_ENTRY
    return {**table, path[0]: _put(table[path[0]], path[1:], entry)}


def _renames(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether the same values, and perhaps more after them, only have other names."""
    return bool(old) and list(new.values())[: len(old)] == list(old.values())


def merged(entry: Mapping[str, object], members: Mapping[str, object]) -> dict[str, object]:
    """An entry with members changed; None takes one out."""
    return {name: value for name, value in {**entry, **members}.items() if value is not None}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _toml(value: object) -> str:
    """A text, a list of texts or a table of texts, as TOML writes it."""
    if is_object(value):
        return "{ " + ", ".join(f"{_json(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    return _json(value).replace("\x7f", "\\u007f")
