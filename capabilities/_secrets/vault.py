"""Where values of secrets come from.  This is no vault: it reads what others keep.

>>> vault = Bound(Memory({"token": "s3cr3t-value"}), {"token": Binding(hosts=("api.example.com",))})
>>> vault.value("token", host="api.example.com")
's3cr3t-value'
>>> vault.value("token", host="evil.example")
Traceback (most recent call last):
PermissionError: the secret 'token' may go to api.example.com only
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from capabilities._mail.address import under
from capabilities._secrets.reference import HOST, filled, name
from capabilities._secrets.scrub import SHORTEST, Scrubber

LARGEST: Final = 65_536


class Vault(Protocol):
    """Whatever knows values of secrets."""

    def names(self) -> tuple[str, ...]:
        """The names there are, never their values."""
        ...

    def value(self, name: str, *, host: str = "", tool: str = "") -> str:
        """The value for a use; KeyError for an unknown name, PermissionError where it may not go."""
        ...


class Binding(NamedTuple):
    """Where one secret may go: hosts (`*.example.com` for those below), tools; none named for any."""

    hosts: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


class Memory:
    """Values that the program has."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name(key): _long_enough(key, value) for key, value in values.items()}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._values))

    def value(self, name: str, *, host: str = "", tool: str = "") -> str:
        return self._values[name]

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"


class Environment:
    """Values in variables of the process's environment: name of the secret → name of the variable. Read when they are needed."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {name(key): variable for key, variable in variables.items()}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._variables))

    def value(self, name: str, *, host: str = "", tool: str = "") -> str:
        return _long_enough(name, os.environ.get(self._variables[name], ""))


class Files:
    """One file for each secret in a folder; folder and files must be the user's own and nobody else's to read. A final line end is dropped."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(one for one in os.listdir(self._folder) if _is_name(one)))

    def value(self, name: str, *, host: str = "", tool: str = "") -> str:
        if not _is_name(name):
            raise KeyError(name)
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            raise KeyError(name) from None
        try:
            _only_ours(os.fstat(folder), "the folder of secrets")
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            raise KeyError(name) from None
        finally:
            os.close(folder)
        with os.fdopen(file, "rb") as opened:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise PermissionError(f"the secret '{name}' is no regular file of its own")
            _only_ours(status, f"the secret '{name}'")
            data = opened.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"the secret '{name}' is longer than {LARGEST} bytes")
        return _long_enough(name, data.decode().removesuffix("\n").removesuffix("\r"))


class Bound:
    """A vault whose secrets go only where they are bound to; one that is not bound here is not there."""

    def __init__(self, vault: Vault, bindings: Mapping[str, Binding]) -> None:
        self._vault = vault
        self.bindings = {name(key): binding for key, binding in bindings.items()}

    def names(self) -> tuple[str, ...]:
        return tuple(one for one in self._vault.names() if one in self.bindings)

    def value(self, name: str, *, host: str = "", tool: str = "") -> str:
        hosts, tools = self.bindings[name]
        if hosts and not (HOST.fullmatch(host.lower()) and any(under(host.lower(), one) for one in hosts)):
            raise PermissionError(f"the secret '{name}' may go to {', '.join(hosts)} only")
        if tools and tool not in tools:
            raise PermissionError(f"the secret '{name}' is for {', '.join(tools)} only")
        return self._vault.value(name, host=host, tool=tool)


def fill(text: str, vault: Vault, *, host: str = "", tool: str = "") -> tuple[str, Scrubber]:
    """The text with its references replaced, and a scrubber that takes those values out of what comes back."""
    used: dict[str, str] = {}

    def value(key: str) -> str:
        used[key] = vault.value(key, host=host, tool=tool)
        return used[key]

    return filled(text, value), Scrubber(used)


def _long_enough(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) < SHORTEST:
        raise ValueError(f"the secret '{key}' has fewer than {SHORTEST} characters, so it could not be told apart in a text")
    return value


def _only_ours(status: os.stat_result, what: str) -> None:
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(f"{what} must be yours, and nobody else's to read; chmod go-rwx")


def _is_name(text: str) -> bool:
    try:
        return name(text) == text
    except ValueError:
        return False
