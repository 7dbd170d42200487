"""The file `gate.lock`: read strictly, written whole. Its form is in `gate.mcp.pins`.

One process writes at a time, under a lock beside it; a reader sees the old file or the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gate.constraints.value import is_object
from gate.errors import ConfigError
from gate.mcp.pins import Kept, kept

LARGEST: Final = 64 * 1024 * 1024


def read(path: Path) -> dict[str, Kept]:
    """The servers of a file, by name; {} when there is none. ConfigError for a file that is no such file, for nobody knows what was approved then."""
    from gate.commands.strict import decode

    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        data = decode(raw) if len(raw) <= LARGEST else None
        servers = data.get("servers") if is_object(data) and data.get("version") == 1 else None
        if not is_object(servers):
            raise ValueError("it is no lock file of version 1")
        return {name: kept(one) for name, one in servers.items()}
    except ValueError as error:
        raise ConfigError(f"'{path}': {error}; put the right file back, or remove it and approve the servers again") from None


def change(path: Path, server: str, made: Callable[[Kept | None], Kept | None]) -> Kept | None:
    """Sets what is kept of one server to what `made` gives for what is kept now (None: it stays); what is kept afterwards."""
    with _alone(path):
        servers = read(path)
        new = made(servers.get(server))
        if new is not None:
            servers[server] = new
            text = json.dumps({"version": 1, "servers": {name: one.to_json() for name, one in sorted(servers.items())}}, indent=1, ensure_ascii=False)
            beside = path.with_name(f"{path.name}.{os.getpid()}")
            beside.write_text(f"{text}\n", encoding="utf-8", errors="strict")
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(path)
        return servers.get(server)


@contextmanager
def _alone(path: Path) -> Generator[None]:
    fd = os.open(path.with_name(f"{path.name}.flock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
