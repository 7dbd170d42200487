"""Install: a client's servers are started through the gate from now on; and back.

`install` changes, in the client's own file, how each server is started, and leaves everything else as it was written.  Beside it lies
`NAME.before-gate`, what the file would be without the gate; `uninstall` puts each server back as it is there, and where nothing else was changed
since, the file is the same, byte for byte.  Both are written whole or not at all, with the file's own permissions, through a link to where the file
is.  A file that cannot be read, or that changes meanwhile, is left alone: ConfigError.
"""

from __future__ import annotations

import difflib
import os
import secrets
import shlex
import shutil
import stat
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.errors import ConfigError
from gate.mcp.configs import Config, config, merged
from gate.mcp.entry import Gated, Launch, gated, server_name, started
from gate.mcp.ours import is_ours, looks_gated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gate.mcp.clients import Client

LARGEST: Final = 16 * 1024 * 1024
SUFFIX: Final = ".before-gate"


class Plan(NamedTuple):
    """What would be written. old, new: the file; backup: the file beside it, None to take it away.

    servers: those that change.  outside: those that stay outside the gate, with why.  notes: what to know.  kept: those that are as they must be.
    """

    file: Path
    old: str
    new: str
    backup: str | None
    servers: tuple[str, ...]
    outside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def diff(self) -> str:
        """The change, as `diff -u` shows it."""
        old, new = self.old.splitlines(), self.new.splitlines()
        return "\n".join(difflib.unified_diff(old, new, str(self.file), str(self.file), lineterm=""))


def launcher() -> tuple[str, ...]:
    """How this gate is started from anywhere: its script beside the interpreter, or the interpreter (-P: not looking into its current folder)."""
    script = shutil.which("gate", path=os.path.dirname(sys.executable))
    return (os.path.abspath(script),) if script else (os.path.abspath(sys.executable), "-P", "-m", "gate")


def plan_install(
    client: Client, file: Path, launch: Launch, only: Collection[str] = (), pinned: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> Plan:
    """The plan; only: the names of the servers to put behind the gate, all by default.  pinned: server → the command that was approved."""
    file, text = _read(file)
    was = _config(file, text, client)
    base, known, _ = _without(was, _backup(file, client))
    before = _config(file, base, client)
    if missing := sorted(set(only) - {path[-1] for path in before.entries}):
        raise ConfigError(f"'{file}' has no server '{missing[0]}'")
    wanted: dict[tuple[str, ...], dict[str, object]] = {}
    outside: list[str] = []
    notes: list[str] = []
    kept: list[str] = []
    for path in was.entries:
        label = ".".join(path[1:])
        ours = is_ours(client, path[-1], before.entries[path], launch)
        if only and path[-1] not in only and path not in known and not ours:
            outside.append(f"{label}: not asked for")
            continue
        made = Gated({}) if ours else _gated(client, file, path[-1], before.entries[path], launch)
        if made is None:
            outside.append(f"{label}: it speaks the old SSE transport, which the gate does not")
            continue
        wanted[path] = made.members
        notes += [f"{label}: {note}" for note in (*made.notes, *_otherwise(path[-1], merged(before.entries[path], made.members), launch, pinned))]
        kept += [label] if was.entries[path] == merged(before.entries[path], made.members) else []
    _distinct(path[-1] for path in wanted)
    new = _changed(file, before, {path: members for path, members in wanted.items() if members})
    servers = tuple(".".join(path[1:]) for path, members in wanted.items() if merged(before.entries[path], members) != was.entries[path])
    return Plan(file, text, new, base, servers, tuple(outside), tuple(notes), tuple(kept))


def _otherwise(name: str, entry: Mapping[str, object], launch: Launch, pinned: Mapping[str, Sequence[str]]) -> list[str]:
    """What to know where the entry starts a server otherwise than it was approved: the gate would not start it."""
    called, now = server_name(name), started(entry)
    known = pinned.get(called)
    if known is None or list(known) == now:
        return []
    home = launch.options[:2] if launch.options[:1] == ("--home",) else ()
    how = shlex.join(["gate", "mcp", "lock", *home, "--name", called, *([] if now[:1] == ["--http"] else ["--"]), *now])
    return [f"it is pinned as `{shlex.join(known)}`, and the gate does not start it otherwise; approve it as it is here: {how}"]


def plan_uninstall(client: Client, file: Path) -> Plan:
    """The plan; ConfigError where there is no backup to go back to."""
    file, text = _read(file)
    backup = _backup(file, client)
    if backup is None:
        raise ConfigError(f"there is no '{file.name}{SUFFIX}' beside '{file}', so it is not known what to go back to")
    new, back, left = _without(_config(file, text, client), backup)
    notes = tuple(f"{'.'.join(path[1:])}: it starts a gate but is not in the backup; it stays" for path in left)
    return Plan(file, text, new, None, tuple(".".join(path[1:]) for path in back), (), notes)


def apply(plan: Plan) -> None:
    """Writes a plan: the backup first. ConfigError, with nothing changed, when the file is no longer what the plan was made from."""
    beside = plan.file.with_name(plan.file.name + SUFFIX)
    if plan.backup is not None and plan.backup != plan.new:
        _write(beside, plan.backup, like=plan.file)
    if plan.new != plan.old:
        _write(plan.file, plan.new, like=plan.file, was=plan.old)
    if plan.backup is None:
        beside.unlink(missing_ok=True)


# ---- reading -----------------------------------------------------------------------------------------------------------------------------------


def _read(file: Path) -> tuple[Path, str]:
    """Where the file really is, and its text."""
    real = Path(os.path.realpath(file))
    try:
        if not stat.S_ISREG(real.stat().st_mode):
            raise ConfigError(f"'{file}' is no file")
        raw = real.read_bytes()
    except OSError as error:
        raise ConfigError(f"'{file}' cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(raw) > LARGEST:
        raise ConfigError(f"'{file}' is larger than {LARGEST} bytes")
    try:
        return real, raw.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"'{file}' is no UTF-8 text") from None


def _config(file: Path, text: str, client: Client) -> Config:
    try:
        return config(text, client, toml=file.name.removesuffix(SUFFIX).endswith(".toml"))
    except ValueError as error:
        raise ConfigError(f"'{file}': {error}; nothing is changed") from None


def _backup(file: Path, client: Client) -> Config | None:
    beside = file.with_name(file.name + SUFFIX)
    if not beside.is_file() or beside.is_symlink():
        return None
    return _config(beside, _read(beside)[1], client)


def _without(current: Config, backup: Config | None) -> tuple[str, list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The text without the gate, the servers that went back, and those that start a gate and are not in the backup."""
    found = [path for path, entry in current.entries.items() if looks_gated(entry)]
    there = [path for path in found if backup and path in backup.entries]
    known = [path for path in there if backup and backup.entries[path] != current.entries[path]]
    text = current.with_entries(backup, known) if backup and known else current.text
    return text, known, [path for path in found if path not in there]


def _gated(client: Client, file: Path, name: str, entry: Mapping[str, object], launch: Launch) -> Gated | None:
    try:
        return gated(client, name, entry, launch)
    except ConfigError as error:
        raise ConfigError(f"'{file}': server '{name}': {error}; nothing is changed") from None


def _changed(file: Path, before: Config, wanted: dict[tuple[str, ...], dict[str, object]]) -> str:
    try:
        return before.with_members(wanted)
    except ValueError as error:
        raise ConfigError(f"'{file}': {error}") from None


def _distinct(names: Iterable[str]) -> None:
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(server_name(name), name)
        if other != name:
            raise ConfigError(f"the servers '{other}' and '{name}' would have one name in the gate; give one of them another")


# ---- writing -----------------------------------------------------------------------------------------------------------------------------------


def _write(path: Path, text: str, *, like: Path, was: str | None = None) -> None:
    """Puts a text in a file's place, whole or not at all, with the permissions and the owner of `like`."""
    known = like.stat()
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(text.encode())
            file.flush()
            if hasattr(os, "fchown") and (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), known.st_uid, known.st_gid)
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), stat.S_IMODE(known.st_mode))
            os.fsync(file.fileno())
        if was is not None and path.read_bytes() != was.encode():
            raise ConfigError(f"'{path}' has changed meanwhile; nothing is written")
        os.replace(made, path)
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be written: {(error.strerror or str(error)).lower()}") from None
    finally:
        made.unlink(missing_ok=True)
