"""`gate mcp diff` and `gate mcp lock`: what a server's definitions are now, against what was approved; and approving them."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from gate.commands.mcp import server_of
from gate.commands.mcpstdio import capability_of, lock_path, name_of
from gate.commands.shared import bold, count, home_option, json_option, plain, put
from gate.constraints.value import is_array, is_object
from gate.errors import ConfigError
from gate.frozen import freeze, thaw
from gate.mcp import child, lockfile
from gate.mcp.catalogue import readable
from gate.mcp.pins import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gate.mcp.pins import Difference


_HTTP: Final = "--http"
"""The first of the two words that are pinned in place of a command, for a server at a URL."""
_DIALECTS: Final = ("http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema")


def _options(command: Callable[..., object]) -> Callable[..., object]:
    for option in (
        json_option,
        home_option,
        click.option("--lock", "lock_file", default="", metavar="FILE", help="Where pins are kept: gate.lock beside the gate's folder by default."),
        click.option("--bearer-env", default="", metavar="NAME", help="A variable with the gate's own Bearer token for that server."),
        click.option("--header-env", multiple=True, metavar="HEADER=NAME", help="A header for that server, from a variable."),
        click.option("--http", "url", default="", metavar="URL", help="The server is at this URL (streamable HTTP)."),
        click.option("--env", "passed", multiple=True, metavar="NAME[=VARIABLE]", help="A variable the server gets; from another one."),
        click.option("--name", default="", metavar="NAME", help="How the server is called here."),
    ):
        command = option(command)
    return command


@click.command("diff", short_help="Show how a server's definitions differ from those approved.")
@_options
@click.pass_context
def diff(ctx: click.Context, /, *, as_json: bool, **options: object) -> int:
    """Start the server, and show how what it offers differs from what was approved; exit code 1 when it does.

    Without a command after `--`, and without a URL, the one that was approved is started, or reached.
    """
    name, before, after, withheld, _ = _seen(ctx, options)
    found = _differences(before, after)
    put(
        {
            "server": name,
            "differences": [one._asdict() for one in found],
            "withheld": withheld,
            **_rest(before, after),
            **({} if before else {"offers": after.to_json()}),
        },
        _lines(name, before, after, found, withheld),
        as_json=as_json,
    )
    return 1 if found or _rest(before, after) or before is None else 0


@click.command("lock", short_help="Approve the server's definitions as they are now.")
@click.option("--yes", is_flag=True, help="Do not ask whether the differences were read.")
@_options
@click.pass_context
def lock(ctx: click.Context, /, *, as_json: bool, yes: bool, **options: object) -> int:
    """Start the server, show how what it offers differs from what was approved, and approve it: gate mcp lock --name fs -- npx …, or --http URL."""
    name, before, after, withheld, path = _seen(ctx, options)
    found = _differences(before, after)
    if not as_json:
        put(None, _lines(name, before, after, found, withheld), as_json=False)
    if (found or _rest(before, after) or before is None) and not yes and not _confirmed():
        return 1
    lockfile.change(path, name, lambda _: after)
    put(
        {"server": name, "file": str(path), "tools": sorted(after.tools)},
        [f"{name}: {count(len(after.tools), 'tool')} pinned in {path}"],
        as_json=as_json,
    )
    return 0


def _confirmed() -> bool:
    """Whether somebody at a terminal approves it; False where there is none, which is no interruption."""
    try:
        return click.confirm("Approve this?", default=False, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo("\nnobody answered, so nothing is approved; when the above was read: --yes", err=True)
        return False


def _seen(ctx: click.Context, options: Mapping[str, object]) -> tuple[str, Kept | None, Kept, dict[str, str], Path]:
    """The server's name, what was approved, what it offers now, what is unreadable of that, and the file."""
    from gate.mcp.look import look

    name, path = str(options["name"]), lock_path(Path(str(options["home"])), str(options["lock_file"]))
    known = lockfile.read(path)
    server = _asked_for(server_of(ctx), str(options["url"]))
    if not server:
        if name not in known:
            raise ConfigError(_unknown(name, path))
        server = list(known[name].command)
    capability_of("")  # the server must not see it
    name, started, environment = _started(server, name, options)
    child.guard()
    items, instructions = look(started, environment)
    tools, withheld = readable(items)
    return name, known.get(name), Kept(tuple(server), instructions, tools), withheld, path


def _asked_for(server: list[str], url: str) -> list[str]:
    """The server that the command line names, as it is pinned; [] when it names none."""
    if server and url:
        raise click.UsageError("a server has a --http URL, or a command after --")
    return [_HTTP, url] if url else server


def _unknown(name: str, path: Path) -> str:
    how = f"say how it is started, gate mcp lock --name {name or 'NAME'} -- SERVER ARGS…, or where it is: --http URL"
    return (
        f"no server '{name}' is pinned in '{path}'; {how}" if name else f"say which server: --name NAME of one that is pinned in '{path}'; or {how}"
    )


def _started(server: list[str], name: str, options: Mapping[str, object]) -> tuple[str, list[str], Mapping[str, str]]:
    """The server's name, and the process to ask: the server's own, or the one that speaks HTTP to it; with its environment."""
    if server[0] == _HTTP and len(server) == 2:  # as `gate mcp --http URL` pins it
        from gate.commands.mcphttp import named, reaching

        return named(server[1], name), *reaching(server[1], options)
    if options["header_env"] or options["bearer_env"]:
        raise click.UsageError("--header-env and --bearer-env are for a server at a --http URL; what a command gets is --env")
    return name_of(server, name), server, child.allowed(os.environ, cast("tuple[str, ...]", options["passed"]))


def _differences(before: Kept | None, after: Kept) -> list[Difference]:
    return (before or Kept(after.command, after.instructions, {})).differences(after.tools)


def _rest(before: Kept | None, after: Kept) -> dict[str, object]:
    """What differs besides the tools."""
    if before is None:
        return {}
    found = {"command": (list(before.command), list(after.command)), "instructions": (before.instructions, after.instructions)}
    return {what: {"approved": old, "now": new} for what, (old, new) in found.items() if old != new}


def _lines(name: str, before: Kept | None, after: Kept, found: list[Difference], withheld: Mapping[str, str]) -> Iterator[str]:
    """The differences as a person reads them."""
    if before is None:
        yield f"{name} is not pinned yet; it offers {count(len(after.tools), 'tool')}"
        yield from _offered(name, after)
    for what, sides in _rest(before, after).items():
        yield bold(f"{name}: its {what} changed")
        yield from _compared(sides["approved"], sides["now"])  # type: ignore[index]  # pyright: ignore[reportIndexIssue, reportUnknownArgumentType]  # what `_rest` made
    for one in found if before is not None else ():
        title = {"drift": "changed", "new": "is new", "gone": "is gone", "renamed": f"is what '{plain(one.other)}' was"}[one.sort]
        yield bold(f"{name}/{plain(one.tool)} {title}")
        old = before.tools.get(one.other or one.tool) if before is not None else None
        yield from _compared(old, after.tools.get(one.tool))
    for tool, why in withheld.items():
        yield f"{name}/{plain(tool)} cannot be taken: {plain(why)}"
    if before is not None and not found and not _rest(before, after):
        yield f"{name}: as pinned, {count(len(after.tools), 'tool')}"


def _offered(name: str, after: Kept) -> Iterator[str]:
    """All that an approval would pin: the command, the instructions, and every definition whole, its description and arguments first."""
    where = f"it is at {after.command[1]}" if after.command[:1] == (_HTTP,) else f"it is started as: {' '.join(after.command)}"
    yield f"  {plain(where)}"
    if after.instructions:
        yield bold("  its instructions to models:")
        yield from _text(after.instructions)
    for tool, one in after.tools.items():
        yield bold(f"{name}/{plain(tool)}")
        said, schema = one.get("description"), one.get("inputSchema")
        yield from _text(said if isinstance(said, str) else _json(said) if "description" in one else "(no description)")
        rest = {what: value for what, value in one.items() if what not in ("name", "description", "inputSchema")}
        if is_object(schema) and is_object(schema.get("properties")):
            yield from _arguments(schema)
            schema = {what: value for what, value in schema.items() if not _said(what, value, schema)}
        rest |= {"inputSchema": schema} if schema != {} else {}
        yield from (f"    {plain(what)}: {plain(_json(value))}" for what, value in rest.items())


def _arguments(schema: Mapping[str, object]) -> Iterator[str]:
    """The arguments of a tool, one a line."""
    properties, needed = schema["properties"], schema.get("required")
    for argument, about in properties.items() if is_object(properties) else ():
        may = "" if is_array(needed) and argument in needed else " (may be left out)"
        yield f"    {plain(argument)}{may}: {plain(_json(about))}"
    if not properties:
        yield "    no arguments"


def _said(what: str, value: object, schema: Mapping[str, object]) -> bool:
    """Whether a member of a schema says no more than the lines of its arguments do."""
    properties = schema["properties"]
    if what == "required":
        return is_array(value) and is_object(properties) and all(isinstance(one, str) and one in properties for one in value)
    return what == "properties" or (what == "type" and value == "object") or (what == "$schema" and value in _DIALECTS)


def _text(text: str) -> Iterator[str]:
    """A text of the server's, line by line, so marked that none of it is taken for the gate's."""
    yield from (f"    | {plain(line)}" for line in text.splitlines() or [""])


def _json(value: object) -> str:
    return json.dumps(thaw(freeze(value)), ensure_ascii=False)


def _compared(old: object, new: object) -> Iterator[str]:
    """Two values as lines, those that differ marked."""
    sides = [[] if value is None else json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines() for value in (old, new)]
    for line in list(difflib.unified_diff(sides[0], sides[1], lineterm="", n=1))[2:]:
        yield click.style(f"  {plain(line)}", fg={"+": "green", "-": "red"}.get(line[:1]))
