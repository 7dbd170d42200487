"""What a shell does itself, without starting a program: how it is judged. `execute` does the same when it runs.

Taken: `cd`, `read`, `export`, `unset`, `exit`, `break`, `continue`, `:`, `command -v`, `type`, `hash`, `wait`; `set` and `shopt` with nothing after
them that they could change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from capabilities._paths.place import Setting, look
from capabilities._shell.judge import Fed, unknown
from capabilities._shell.marks import ANY, SPLIT
from capabilities._shell.script import Block, Command, Script, Word
from capabilities._shell.spec import show
from capabilities._shell.state import UNKNOWN, Ends, State, Value
from gate.effect import Assessment, Risk
from gate.regex import regex

NAMES: Final = frozenset("cd read export unset exit break continue : type hash wait set shopt".split())
_NAME: Final = regex(r"[A-Za-z_]\w*", re.ASCII)
_FIXED: Final = regex(r"PATH|HOME|PWD|IFS|OLDPWD|USER|LOGNAME|SHELL|UID|EUID|HOSTNAME|BASH.*|LD_.*|ENV|GIT_.*|PS4|SHELLOPTS")
_SETTING: Final = regex(r"[-+][A-Za-z]{1,8}|[a-z_]{3,20}")
_MAGIC: Final = regex(r"[*?[]")
_ALWAYS: Final = frozenset(["true", ":", "echo", "sleep", "date", "printf"])
_NUMBER: Final = regex(r"-?\d{1,7}", re.ASCII)
_READS: Final = frozenset(["reads"])
_NOTHING: Final = Assessment(_READS, Risk.LOW)


def looks_up(words: tuple[Word, ...]) -> bool:
    """Whether these words are `command -v NAME`, which only says where a program is."""
    return words[0].text == "command" and len(words) > 2 and words[1].text == "-v" and not any(word.pieces or word.pattern for word in words)


def judge(name: str, rest: tuple[Word, ...], state: State, fed: Fed | None) -> tuple[Ends, Assessment]:
    """The states after one of them, and what it would do."""
    if name == "cd":
        return _cd(rest, state)
    if any(word.sort == "split" or SPLIT in word.text for word in rest) and name not in (":", "type", "hash"):
        return Ends(state, state), unknown(f"what words {name} gets is only known when it runs")
    if name == "read":
        return _read(rest, state, fed)
    if name == "export":
        return _export(rest, state)
    if name == "unset":
        return _unset(rest, state)
    if name in ("set", "shopt"):
        if not rest or any(not _SETTING.fullmatch(word.text) for word in rest):
            return Ends(state, state), unknown("it shows variables, or changes what the arguments are")
        state = state._replace(lost=f"how a shell goes on after {name!a} is not done here")
        return Ends(state, state), _NOTHING
    if name in ("hash", "type", "wait") and any(word.text.startswith("-") and word.text not in ("-r", "-t", "-a", "-p", "-P") for word in rest):
        return Ends(state, state), unknown(f"what these options of {name} do is not known")
    if name == "hash" and rest and rest[0].text != "-r":
        return Ends(state, state), unknown("hash with names changes where programs are looked for")
    return Ends(state, state), _NOTHING


def _cd(rest: tuple[Word, ...], state: State) -> tuple[Ends, Assessment]:
    words = [word for word in rest if word.text not in ("--", "-P", "-L")]
    if len(words) != 1 or words[0].pattern or words[0].sort or words[0].text[:1] in ("-", "", ANY):
        return Ends(state._replace(lost="where a 'cd' before it led is only known when it runs"), state), unknown(
            "where this 'cd' leads cannot be told"
        )
    reasons: list[str] = []
    settings, risk = list[Setting](), Risk.LOW
    for setting in state.settings:
        try:
            place = look(words[0].text, setting)
        except ValueError as error:
            return Ends(state._replace(lost=str(error)), state), unknown(str(error))
        if why := setting.refuses(place.path):
            return Ends(state, state), unknown(f"'cd' leads to {show(place.path)}, which {why}")
        reasons.append(f"works in {show(place.path)}" + ("" if place.inside else ", outside the workspace"))
        risk = max(risk, Risk.LOW if place.inside else Risk.MEDIUM)
        settings.append(setting._replace(cwd=place.path))
    there = State(state.values, tuple(dict.fromkeys(settings)), state.exported, state.lost)
    return Ends(there, state), Assessment(_READS, risk, tuple(dict.fromkeys(reasons)))


def _read(rest: tuple[Word, ...], state: State, fed: Fed | None) -> tuple[Ends, Assessment]:
    names = [word.text for word in rest if not word.text.startswith("-")]
    flags = [word.text for word in rest if word.text.startswith("-")]
    if any(flag != "-r" for flag in flags) or not names or any(not _NAME.fullmatch(text) or _FIXED.fullmatch(text) for text in names):
        return Ends(state, state), unknown("how this 'read' reads is not taken; 'read -r NAME …' is")
    value = Value(fed.roots[0], fed.roots) if fed and fed.roots and len(names) == 1 else UNKNOWN
    for name in names:
        state = state.set(name, value)
    return Ends(state, state), _NOTHING


def _export(rest: tuple[Word, ...], state: State) -> tuple[Ends, Assessment]:
    for word in rest:
        name, equals, value = word.text.partition("=")
        if not _NAME.fullmatch(name) or name in ("BASH_ENV", "ENV"):
            return Ends(state, state), unknown(f"what 'export {word.text[:40]!a}' does is not known")
        if equals and _FIXED.fullmatch(name):
            return Ends(state._replace(lost=f"what the variable {name!a} changes is not known"), state), _NOTHING
        if equals:
            state = state.set(name, Value(value) if not word.sort else UNKNOWN)
        state = state._replace(exported=state.exported | {name})
    return Ends(state, state), _NOTHING if rest else unknown("it shows the environment, where secrets are often kept")


def _unset(rest: tuple[Word, ...], state: State) -> tuple[Ends, Assessment]:
    for word in rest:
        if word.text in ("-v", "-f"):
            continue
        if not _NAME.fullmatch(word.text):
            return Ends(state, state), unknown(f"what {show(word.text)} names is not known")
        if _FIXED.fullmatch(word.text):
            state = state._replace(lost=f"what follows the loss of the variable {word.text!a} is not known")
        state = state.set(word.text, Value(""))._replace(exported=state.exported - {word.text})
    return Ends(state, state), _NOTHING


def changes(block: Block) -> frozenset[str]:
    """The names that a block may set, and "cd" when it may change the folder."""
    found: set[str] = {block.name} if block.kind == "for" else set()
    for part in block.parts:
        found |= _changes(part)
    return frozenset(found)


def _changes(script: Script) -> set[str]:
    found: set[str] = set()
    for pipeline in script.pipelines:
        for step in pipeline.steps:
            if isinstance(step, Block):
                found |= changes(step)
            else:
                found |= _of_command(step)
    return found


def _of_command(command: Command) -> set[str]:
    found = {name for name, _ in command.assigns}
    name = command.argv[0] if command.words else ""
    if name in ("read", "export", "unset"):
        found |= {word.text.partition("=")[0] for word in command.words[1:]}
    return found | ({"cd"} if name == "cd" else set())


def endless(block: Block, burner: Assessment) -> Iterator[Assessment]:
    """What is to be said of a `while` or `until` loop: one that reads its input ends with it, others may not end."""
    condition = block.parts[0].pipelines
    first = condition[0].commands[0] if condition[0].commands else None
    name = first.argv[0] if first and first.words else ""
    if block.kind == "while" and len(condition) == 1 and len(condition[0].steps) == 1 and name == "read" and not condition[0].prefix:
        return
    constant = len(condition) == 1 and ((block.kind == "while" and name in _ALWAYS) or (block.kind == "until" and name == "false"))
    if constant and not {"break", "exit"} & _names(block.parts[1]):
        yield burner
    else:
        yield unknown("whether this loop ends is only known when it runs")


def _names(script: Script) -> set[str]:
    found: set[str] = set()
    for pipeline in script.pipelines:
        for step in pipeline.steps:
            if isinstance(step, Block):
                found |= {name for part in step.parts for name in _names(part)}
            elif step.words:
                found.add(step.argv[0])
    return found


def span(argv: tuple[str, ...]) -> int:
    """At most how many numbers `seq` writes with these words."""
    numbers = [int(text) for text in argv[1:] if _NUMBER.fullmatch(text)]
    if len(numbers) != len(argv) - 1 or not numbers:
        return 1_000_000
    return abs(numbers[-1] - (numbers[0] if len(numbers) > 1 else 0)) + 1


def folder(word: Word) -> str:
    """The folder that a pattern looks in."""
    parts = word.pattern.split("/")
    plain = 0
    while plain < len(parts) - 1 and not _MAGIC.search(parts[plain]):
        plain += 1
    return "/".join(parts[:plain]) or ("/" if plain else ".")
