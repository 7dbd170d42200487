"""`gate mcp -- SERVER ARGS…`: starts the server and relays between it and the client that started the gate."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from gate.commands.shared import existing, read_text, span
from gate.errors import ConfigError
from gate.mcp import child as process
from gate.mcp import lockfile
from gate.mcp.catalogue import Catalogue
from gate.mcp.pins import Kept

if TYPE_CHECKING:
    import subprocess

    from gate.kind import KindTool
    from gate.mcp.behind import Kinds

VARIABLE: Final = "GATE_CAPABILITY"
_LAUNCHERS: Final = frozenset({"npx", "node", "python", "python3", "uvx", "uv", "bunx", "deno", "docker", "run", "tool", "-y", "-m"})
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII)


def run(server: list[str], options: Mapping[str, object]) -> None:
    """Relays until one of the two is gone; ends the process with the server's exit code."""
    if not server:
        raise click.UsageError("say how the server is started: gate mcp -- SERVER ARGS…")
    name, home = name_of(server, str(options["name"])), existing(str(options["home"]))
    environment = process.allowed(os.environ, cast("tuple[str, ...]", options["passed"]))
    capability = capability_of(str(options["capability_file"]))
    lock, mode = lock_path(home, str(options["lock_file"])), str(options["pins"])
    pinned = pinned_of(lock, name, tuple(server), mode)
    process.guard()
    child = process.start(server, environment)  # it starts while the rest here does
    try:
        code = relayed(child, name, home, capability, pinned, lock, options)
    finally:
        if child.poll() is None:
            process.end(child, 0)
    sys.stdout.flush()
    raise SystemExit(code)


def relayed(
    child: subprocess.Popen[bytes],
    name: str,
    home: Path,
    capability: Callable[[], str],
    pinned: Kept | None,
    lock: Path,
    options: Mapping[str, object],
    kinds: Kinds | None = None,
) -> int:
    """Relays between standard input and output and a server process, to its end; the exit code. kinds: those of a server on this host by default."""
    import asyncio

    from gate.gate import Gate
    from gate.mcp.behind import Behind
    from gate.mcp.core import Session
    from gate.mcp.direct import new_loop
    from gate.mcp.people import People
    from gate.mcp.stdio import Relay

    with Gate(home) as gate:
        catalogue = Catalogue(name, pinned, fresh=time_of(options, "relist"))
        behind = Behind(gate, name, catalogue, kinds=kinds or local_kinds, capability=capability)
        if not capability():
            click.echo(f"gate mcp: no capability in {VARIABLE} or --capability: only what brings one of its own is served", err=True)
        session = Session(name, catalogue, others=bool(options["others"]))
        listed = first_list(lock, name, tuple(cast("list[str]", options["server"])), catalogue, session) if options["pins"] == "tofu" else None

        def warm() -> None:
            behind.context()  # says now what is wrong with it
            behind.warm()

        async def relay() -> int:
            people = People(behind, session, answers=str(options["answers"]), waits=time_of(options, "waits"))
            return await Relay(behind, session, child, listed=listed, people=people, warm=warm).run()

        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(relay())


def name_of(server: list[str], said: str) -> str:
    """How the server is called: as said, or by the first word of its command that names it."""
    if said:
        if not _NAME.fullmatch(said):
            raise ConfigError(f"--name {ascii(said)[:80]}: lower-case ASCII letters, digits, _ and -, such as 'github'")
        return said
    for word in server:
        plain = re.sub(r"[^a-z0-9_-]+", "-", Path(word).stem.lower()).strip("-")
        plain = re.sub(r"^(mcp-)?server-", "", plain)
        if Path(word).name not in _LAUNCHERS and not word.startswith("-") and _NAME.fullmatch(plain):
            return plain
    raise ConfigError("say how the server is called here: --name NAME")


def capability_of(file: str) -> Callable[[], str]:
    """What gives the capability: the variable's value, taken out of the environment; or what is in the file now, which may be renewed."""
    from_environment = os.environ.pop(VARIABLE, "").strip()
    if not file:
        return lambda: from_environment
    path, kept = Path(file), ["", ""]

    def read() -> str:
        found = os.stat(path)
        stamp = f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"
        if kept[0] != stamp:
            kept[:] = [stamp, read_text(file, "the capability").strip()]
        return kept[1]

    if not path.exists():
        raise ConfigError(f"there is no file '{file}' with a capability; make one with: gate grant … > {file}")
    return read


def time_of(options: Mapping[str, object], name: str) -> float:
    """The seconds of an option such as "10m" or "0"."""
    text = str(options[name])
    try:
        return 0.0 if text == "0" else span(text)
    except ValueError as error:
        raise click.UsageError(f"--{name}: {error}") from None


def lock_path(home: Path, said: str) -> Path:
    """Where pins are kept."""
    return Path(said) if said else home.absolute().parent / "gate.lock"


def pinned_of(lock: Path, name: str, command: tuple[str, ...], mode: str) -> Kept | None:
    """What was approved of the server; None where nothing is pinned yet, or ever. ConfigError when it is started otherwise than that."""
    if mode == "off":
        return None
    pinned = lockfile.read(lock).get(name)
    if pinned is None:
        return Kept(command, "", {}) if mode == "lock" else None
    if pinned.command != command:
        raise ConfigError(
            f"the server '{name}' is pinned as `{' '.join(pinned.command)}`, not as `{' '.join(command)}`; "
            f"approve it with: gate mcp lock --name {name} -- …, or give it another --name"
        )
    return pinned


def first_list(lock: Path, name: str, command: tuple[str, ...], catalogue: Catalogue, session: object) -> Callable[[list[object]], None]:
    """In mode tofu: what the first list of an unknown server pins."""

    def listed(items: list[object]) -> None:
        if catalogue.pinned is None:
            from gate.mcp.catalogue import readable

            said = getattr(getattr(session, "results", None), "instructions", None) or ""
            made = Kept(command, said, readable(items)[0])
            catalogue.pinned = lockfile.change(lock, name, lambda before: made if before is None else None)

    return listed


def local_kinds(server: str, listed: list[Mapping[str, object]]) -> Mapping[str, KindTool]:
    """The tools of a server that runs on this host, with the kinds of their arguments."""
    from capabilities.mcp import kind_tools

    return kind_tools(server, listed, local=True)
