"""`gate hook`: answers a coding agent's hook events, installs them, and keeps a gate open for them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gate.commands.shared import dim, home_option, json_option, opened, put
from gate.hooks.registry import AGENTS

if TYPE_CHECKING:
    from gate.gate import Gate
    from gate.hooks.install import Plan

_DAYS: Final = 30.0
_KINDS: Final = "capabilities.coding"  # by name, as profiles are


class Hooks(click.Group):
    """The agents are commands, too: `gate hook claude` answers one event."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A subcommand, or the one that answers for an agent."""
        return _answers(cmd_name) if cmd_name in AGENTS else super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The agents first."""
        return [*AGENTS, *super().list_commands(ctx)]


@click.group("hook", cls=Hooks, short_help="Stand between a coding agent and its tools: claude, codex, gemini, copilot, cursor.")
def command() -> None:
    """Stand between a coding agent (claude, codex, gemini, copilot, cursor) and its tools.

    gate hook install claude    writes the hooks into the agent's settings; gate hook claude    answers one event, which is what they call.
    """


def _answers(agent: str) -> click.Command:
    @click.command(agent, short_help=f"Answer one hook event of {agent} from standard input.")
    @click.option("--capability", default="", metavar="FILE", help="The capability; the installed one by default, then GATE_CAPABILITY.")
    @click.option("--workspace", default="", metavar="DIR", help="What counts as inside; where the session began by default.")
    @click.option("--waits", default="", metavar="SPAN", help="How long a call waits for an answer, such as 50s.")
    @click.option(
        "--native-ask",
        default="",
        type=click.Choice(["", "ask", "defer"]),
        metavar="ask|defer",
        help="Let the agent's own person answer, where it can.",
    )
    @click.option("--event", default="", metavar="NAME", help="The event, where the agent does not say it (copilot).")
    @click.option("--deadline", default=25.0, show_default=True, metavar="SECONDS", help="After that the call is refused.")
    @home_option
    def one(capability: str, workspace: str, waits: str, native_ask: str, event: str, deadline: float, home: str) -> None:
        """Answer one event: JSON on standard input, the agent's JSON on standard output; exit code 2 with a reason blocks."""
        import os

        from gate.gate import seconds_of
        from gate.hooks.sender import main

        seconds = seconds_of(waits or 0)
        said = {"home": home, "capability": capability, "workspace": workspace, "waits": f"{seconds:g}", "native-ask": native_ask, "event": event}
        limit = max(deadline, seconds + 5)
        os._exit(main([agent, *[f"--{name}={value}" for name, value in said.items() if value], f"--deadline={limit:g}"]))

    return one


@command.command("install", short_help="Write the hooks into an agent's settings.")
@click.argument("agent", type=click.Choice(AGENTS))
@click.option("--user", is_flag=True, help="For this user everywhere, not only for the project in the current folder.")
@click.option("--capability", default="", metavar="FILE", help="Act under this capability instead of a new one.")
@click.option("--days", default=_DAYS, show_default=True, type=click.FloatRange(0, min_open=True), help="How long the new capability is good.")
@click.option("--waits", default="", metavar="SPAN", help="How long a call waits for an answer, such as 50s.")
@click.option("--native-ask", default="", type=click.Choice(["", "ask", "defer"]), help="Let the agent's own person answer, where it can.")
@click.option("--deadline", default=25.0, show_default=True, metavar="SECONDS", help="After that a call is refused.")
@click.option("--serve", "idle", default="", metavar="SPAN", help="Let the hook keep a gate open until it was idle so long, such as 30m.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@home_option
@json_option
def install(
    agent: str,
    capability: str,
    days: float,
    waits: str,
    native_ask: str,
    deadline: float,
    idle: str,
    home: str,
    *,
    user: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write the hooks of AGENT into its settings, and make its capability unless there is one.

    The capability grants every built-in tool of the agent with any arguments; which of them run, ask or are refused, the rules and the risk of each
    call decide. Tools of MCP servers, and others that are not built in, it does not grant: make your own with gate grant, and name it with
    --capability.
    """
    from gate.gate import seconds_of
    from gate.hooks import install as files
    from gate.hooks.registry import dialect

    if native_ask and native_ask not in (able := dialect(agent).asks):
        can = f"only {' or '.join(sorted(able))} there" if able else "so leave it out"
        raise click.UsageError(f"--native-ask {native_ask}: a hook of {agent} cannot hand a question over like that, {can}")
    place, seconds = _place(home).resolve(), seconds_of(waits or 0)
    limit = max(deadline, seconds + 10)
    if not user:
        files.outside(Path.cwd(), **{"the gate's folder": place}, **({"the capability": Path(capability)} if capability else {}))
    options = {
        "home": str(place),
        "capability": str(Path(capability).absolute()) if capability else "",
        "workspace": "" if user else str(Path.cwd()),
        "waits": f"{seconds:g}" if seconds else "",
        "native-ask": native_ask,
        "serve": f"{seconds_of(idle):g}" if idle else "",
    }
    made, *older = files.plans(agent, Path.home() if user else Path.cwd(), files.entry(agent, options, limit), user=user)
    lines = _hints(agent, native_ask, str(place), user=user)
    if not dry_run:
        with opened(home) as gate:
            lines = [*_granted(gate, agent, capability, days), *lines]
        copy = made.write()
        for plan in older:
            plan.write()
        lines = [f"hooks of {agent}: {made.path}{f' (what was there: {copy})' if copy else ''}", *lines]
    _said(made, lines, dry_run=dry_run, as_json=as_json)


@command.command("uninstall", short_help="Take the hooks out of an agent's settings.")
@click.argument("agent", type=click.Choice(AGENTS))
@click.option("--user", is_flag=True, help="Those of this user, not those of the project in the current folder.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@json_option
def uninstall(agent: str, *, user: bool, dry_run: bool, as_json: bool) -> None:
    """Take the hooks of AGENT out of its settings. What others wrote there stays; the capability stays, too: gate revoke ends it."""
    from gate.hooks import install as files

    made, *older = plans = [plan for plan in files.plans(agent, Path.home() if user else Path.cwd(), None, user=user) if plan.changes] or [
        files.plan(agent, Path.home() if user else Path.cwd(), None, user=user)
    ]
    lines = ["no hooks of gate were there"]
    if made.changes:
        lines = [f"{agent} calls its tools without the gate now", *[f"also out of {plan.path}" for plan in older], _stays(agent, made.before or "")]
    for plan in () if dry_run else plans:
        plan.write()
    _said(made, lines, dry_run=dry_run, as_json=as_json)


@command.command("serve", short_help="Keep a gate open for the hooks, so that they answer quickly.")
@home_option
@json_option
def serve(home: str, *, as_json: bool) -> None:
    """Answer the hooks of this gate until Ctrl-C, without starting a gate for every call. Without it they work, too."""
    from gate.hooks.daemon import serve as answer

    with opened(home) as gate:
        answer(gate, lambda path: put({"socket": path}, [f"answering at {path}  {dim('Ctrl-C ends it')}"], as_json=as_json))


def _place(home: str) -> Path:
    """The folder of a gate that is there; ConfigError says how to make one where an agent does not come."""
    from gate.errors import ConfigError

    if (Path(home) / "origin").exists():
        return Path(home)
    if (inner := Path(home) / ".gate").joinpath("origin").exists():
        raise ConfigError(f"there is no gate in '{home}', but there is one in '{inner}': --home {inner}")
    place = f"~/.local/share/gate/{Path.cwd().name or 'gate'}"
    raise ConfigError(
        f"there is no gate in '{home}'; make one outside the project: gate init {place}, then gate hook install … --home {place}/.gate "
        "(or name the folder of one that is there with --home)"
    )


def _stays(agent: str, before: str) -> str:
    """Which capability is good still, and how to end it. before: the settings that named the gate."""
    import re

    from gate.errors import GateError
    from gate.hooks.who import installed

    home = next(iter(re.findall(r"--home=([^\s'\"\\\\]+)", before)), "")
    try:
        with opened(home) as gate:
            jti = gate.verify(installed(gate.home.path, agent).read_text().strip()).jti
    except (GateError, OSError):  # the gate is gone, or the capability is none any more
        return "a capability that it acted under stays good until it runs out; to end it: gate revoke"
    return f"the capability {jti} stays good; to end it: gate revoke {jti} --home {home}"


def _granted(gate: Gate, agent: str, capability: str, days: float) -> list[str]:
    """The capability that the hook acts under, made when nobody named one and none is there."""
    from importlib import import_module

    from gate.hooks.who import installed
    from gate.tokens import keyfile

    if capability:
        found = gate.verify(Path(capability).read_text().strip())
        return [f"it acts as {found.agent}, under the capability {found.jti}"]
    path = installed(gate.home.path, agent)
    with keyfile.directory(path.parent):
        pass
    if path.exists() and (left := gate.verify(path.read_text().strip())).expires > gate.home.now():
        return [f"it acts as {left.agent}, under the capability that is there: {left.jti}"]
    made = gate.grant(f"{agent}-agent", tools=import_module(_KINDS).everything(agent), minutes=days * 1440)
    with keyfile.directory(path.parent) as fd:
        keyfile.replace(fd, path.name, made.presentation.encode())
    end = f"gate revoke {made.jti} --home {shlex.quote(str(gate.home.path))}"
    return [f"it acts as {made.agent} for {days:g} days, under the capability {made.jti}; to end it: {end}"]


def _hints(agent: str, native: str, place: str, *, user: bool) -> list[str]:
    """What a person should know, now that it is installed."""
    home = shlex.quote(place)
    said = [f"questions are answered with: gate ask --home {home}", f"what was called: gate log --home {home}"]
    if user:
        said.append("keep the gate's folder out of every project: where it is inside one, commands over everything ask")
    if native:
        said[0] = "questions go to whoever sits at the agent, and what they answer is not an approval of this gate"
    if not user and agent != "claude":
        said.append("the file names this machine's folders: keep it out of what the team commits")
    if agent in {"codex", "gemini", "copilot"}:
        said.append(f"{agent} lets a call run whose hook is too slow; the hook itself ends sooner")
    return said


def _said(made: Plan, lines: list[str], *, dry_run: bool, as_json: bool) -> None:
    diff = made.diff()
    if dry_run:
        lines = [diff or "nothing would change", *lines]
    put({"file": str(made.path), "changed": made.before != made.after, "diff": diff, "notes": lines}, lines, as_json=as_json)
