"""The kinds of the arguments of coding agents' tools. What acts on files and commands is judged as the kinds `files`, `shell` and `http` judge it.

The difference: the agent runs the call itself.  So a command keeps its text to the last character, because that is what its shell gets, and
where it can be read as a strict subset of the shell language it is judged as one, else as text for bash; and relative paths are taken
against the folder the call acts in, while the workspace stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from capabilities._coding.rests import Rests, rests
from capabilities._coding.scene import STEERING, Scene, here
from capabilities._files.kind import EFFECTS, odd
from capabilities._http.kinds import UrlKind
from capabilities._paths.place import COPY, Place, look
from capabilities._paths.text import normal, show
from capabilities._plain import NOTHING
from capabilities._shell.text import BashKind
from gate.constraints.value import is_array
from gate.effect import Assessment, Risk, join
from gate.frozen import freeze, thaw
from gate.kind import Kind

_BASH: Final = BashKind()
_WRITES: Final = frozenset(["reads", "writes", "executes"])
_NONE: Final = frozenset[str]()
_NAMES: Final = ("gate.toml", "approvers.toml", "gate.lock", "/.gate/", COPY, *STEERING)
_GLOB: Final = frozenset("*?[{!(")


class Plain:
    """Plain data that does nothing by itself."""

    name = "coding.plain"

    def __init__(self, does: Assessment = NOTHING) -> None:
        self.does = does

    def parse(self, value: object) -> object:
        """The data itself; ValueError for what no call can carry."""
        return thaw(freeze(value))

    def assess(self, value: object) -> Assessment:
        """What the tool does, whatever the value."""
        return self.does


class Theirs(Plain):
    """What a person fills in when they are asked."""

    name = "coding.theirs"

    def parse(self, value: object) -> object:
        """Nothing yet; ValueError when there is something."""
        if value:
            raise ValueError("that is for the person to say who is asked, not for the agent")
        return super().parse(value)


class Flag(Plain):
    """A switch that does something when it is on."""

    name = "coding.flag"

    def assess(self, value: object) -> Assessment:
        """What it does, unless it is off."""
        return NOTHING if value is False or value is None else self.does


class Text(Plain):
    """Text that is used as it is."""

    name = "coding.text"

    def parse(self, value: object) -> object:
        """The text; ValueError for anything else."""
        if not isinstance(value, str):
            raise ValueError("this takes text")
        return super().parse(value)


class Command:
    """A command for the agent's own shell."""

    name = "coding.command"

    def parse(self, value: object) -> str:
        """The text itself; ValueError as for `shell.bash`."""
        return _BASH.parse(value)

    def assess(self, value: object) -> Assessment:
        """As a command where it can be inspected, else as text for bash; never less than high when it names what the gate lives by.

        The worse of two: as the agent's shell runs it, which feeds programs what nobody looks at, and as `shell.run` would.
        """
        return self.judged(value)[0] if isinstance(value, str) else _BASH.assess(value)

    def judged(self, value: str) -> tuple[Assessment, Rests]:
        """That, and the files whose content a yes to it is about; looked at once in a scene."""
        scene, known = here(), here().judged
        if known is not None and value in known:
            return known[value]
        found, files = self._found(value, scene), Rests({})
        if "executes" in found.effects:
            files = rests(value, scene.cwd, scene.workspace)
            found = join([found, Assessment(_NONE, Risk.LOW, (_about(files.words(scene.workspace), more=files.more),))])
        if known is not None:
            known[value] = found, files
        return found, files

    def _found(self, value: str, scene: Scene) -> Assessment:
        from capabilities._shell.flow import assess as judge  # only for commands: most of an agent's calls are about files
        from capabilities._shell.grammar import lex
        from capabilities._shell.value import script_of

        setting, home = scene.setting, scene.setting.home
        found = join(
            [
                _inspected(value, lambda: judge(lex(value, home, foreign=True), setting, guarded=False, lasting=scene.lasting)),
                _inspected(value, lambda: judge(script_of(value, home), setting)),
            ]
        )
        if any(name in value for name in (*_NAMES, *scene.closed, *scene.kept)):
            risk = Risk.CRITICAL if any(place in value for place in scene.closed) else Risk.HIGH
            return join([found, Assessment(_WRITES, risk, ("it names the gate's own files, or what the agent's hooks obey",))])
        return found


def _inspected(value: str, judged: Callable[[], Assessment]) -> Assessment:
    """A judgement, or that of text for bash where there can be none."""
    try:
        return judged()
    except (ValueError, OSError):
        return _BASH.assess(value)


def _about(files: str, *, more: bool) -> str:
    """What a yes covers of the files that a command runs."""
    if not files:
        return "a yes covers the command, and not what is in files that it may run"
    return (
        f"a yes is for {files}{', and not for still more files that these name' if more else ''}; what they load by names they make is not looked at"
    )


class Spot:
    """A path in the folder the call acts in. verb: as the kind `files` has them, or `searches` for everything below a folder."""

    def __init__(self, verb: str) -> None:
        self.name, self.verb = f"coding.{verb}", verb

    def parse(self, value: object) -> str:
        """The absolute path in normal form; ValueError for what is none, and for the gate's own files."""
        scene = here()
        path = normal(scene.cwd, value)
        scene.refuse(path, writes="writes" in self._effects)
        return path

    @property
    def _effects(self) -> frozenset[str]:
        return EFFECTS.get(self.verb, EFFECTS["reads"])

    def assess(self, value: object) -> Assessment:
        """By where it leads."""
        if not isinstance(value, str):
            return Assessment(self._effects, Risk.HIGH, ("the path is no text",))
        return assess_path(self.verb, self._effects, value)


def assess_path(verb: str, effects: frozenset[str], path: str) -> Assessment:
    """What doing that to a path means, in the scene of the call."""
    scene = here()
    try:
        place = look(path, scene.setting, whole=verb == "searches")
        keys = verb == "searches" and scene.keys_below(path)
    except (ValueError, OSError) as error:
        return Assessment(effects, Risk.HIGH, (f"cannot be inspected: {error}",))
    why = "has the gate's keys below it" if keys else odd(place, effects, reads=verb == "reads")
    where = "" if place.inside else ", outside the workspace"
    leads = "" if place.path == path else f" (a link to {show(place.path)})"
    techniques = frozenset(["T1552.001"]) if place.secret or keys else frozenset[str]()
    return Assessment(effects, _risk(place, effects, why), (f"{verb} {show(path)}{leads}{where}{f', which {why}' if why else ''}",), techniques)


def _risk(place: Place, effects: frozenset[str], why: str) -> Risk:
    if why or "irreversible" in effects:
        return Risk.HIGH
    if "writes" in effects:
        return Risk.MEDIUM if place.inside else Risk.HIGH
    return place.risk


class Places(Spot):
    """Several such paths or patterns, or one."""

    def parse(self, value: object) -> object:  # type: ignore[override]  # a list of what the other takes
        """The texts as they are; ValueError for what are none."""
        items = value if is_array(value) else [value]
        if not items or not all(isinstance(item, str) for item in items):
            raise ValueError("this takes paths as a list of texts")
        for item in items:
            _root_of(item)
        return thaw(freeze(value))

    def assess(self, value: object) -> Assessment:
        """Everything that any of them may stand for."""
        items = value if is_array(value) else [value]
        return join([assess_path("searches", self._effects, _root_of(item)) for item in items])


class Pattern(Places):
    """A pattern of file names; what it may stand for is everything below its beginning."""


def _root_of(pattern: object) -> str:
    """The folder below which everything is that a pattern stands for; ValueError when that is nothing certain."""
    scene = here()
    if not isinstance(pattern, str) or not pattern:
        raise ValueError("a pattern is text")
    sure = list[str]()
    for part in pattern.split("/"):
        if _GLOB & set(part):
            break
        sure.append(part)
    if ".." in pattern.split("/"):
        raise ValueError(f"{show(pattern)} contains '..'; name the place itself")
    path = normal(scene.cwd, "/".join(sure) or ("/" if pattern.startswith("/") else "."))
    scene.refuse(path, writes=False)
    return path


class Searched(Plain):
    """What is looked for; everything below the folder of the call is read, unless the call names another."""

    name = "coding.searched"

    def assess(self, value: object) -> Assessment:
        """By that folder."""
        scene = here()
        return NOTHING if scene.given & _NAMED else assess_path("searches", EFFECTS["reads"], scene.cwd)


class Entered(Spot):
    """The folder a command starts in; "" for the one the agent is in."""

    def parse(self, value: object) -> str:
        """The absolute path; ValueError as above."""
        return "" if value == "" else normal(here().base, value)

    def assess(self, value: object) -> Assessment:
        """Nothing of its own: the command is judged there."""
        return NOTHING


_NAMED: Final = frozenset(["path", "dir_path", "file_path", "paths", "folder"])
_EGRESS: Final = frozenset(["egress"])
COMMAND: Final = Command()
KINDS: Final[Mapping[str, Kind]] = {
    "any": Plain(),
    "text": Text(),
    "theirs": Theirs(),
    "shell": COMMAND,
    "url": UrlKind(),
    "read": Spot("reads"),
    "list": Spot("lists"),
    "write": Spot("writes"),
    "delete": Spot("deletes"),
    "folder": Entered("lists"),
    "seeks": Searched(),
    "tree": Spot("searches"),
    "glob": Pattern("searches"),
    "reads": Places("searches"),
    "query": Text(Assessment(_EGRESS, Risk.MEDIUM, ("sends this text to a search engine",))),
    "fetches": Text(Assessment(_EGRESS, Risk.HIGH, ("fetches addresses that are written in this text, which cannot be inspected",))),
    "patch": Text(
        Assessment(frozenset(["writes", "irreversible"]), Risk.HIGH, ("which files this patch changes is not inspected",), frozenset(["T1565.001"]))
    ),
    "memory": Text(Assessment(frozenset(["writes"]), Risk.HIGH, ("is kept among what the agent takes for instructions later",))),
    "later": Text(Assessment(frozenset(["delegates"]), Risk.MEDIUM, ("is said to the agent later, when nobody may look",))),
    "delegates": Text(Assessment(frozenset(["delegates"]), Risk.MEDIUM, ("starts another agent; its calls pass the gate, too",))),
    "resource": Text(Assessment(_EGRESS | {"reads"}, Risk.MEDIUM, ("asks a server for it",))),
    "unsandboxed": Flag(Assessment(_WRITES, Risk.HIGH, ("switches the agent's own sandbox off",))),
    "stops": Plain(Assessment(frozenset(["writes"]), Risk.MEDIUM, ("ends a command that the agent started",))),
    "sends": Text(Assessment(_WRITES, Risk.HIGH, ("is typed into a program that runs; what it does there cannot be told",))),
    "own": Plain(Assessment(frozenset(["reads"]), Risk.LOW, ("only the agent's own notes and conversation",))),
}
