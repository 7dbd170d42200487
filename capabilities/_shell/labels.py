"""Labels: what looks like a tunnel, a proxy, a miner or a burner, in whatever spelling, as critical parts with ATT&CK ids.

Looked at are the names of all programs, at any depth and under any path, and the shape of all arguments, unless every command of the
script is known to only read (so that one may search for such words).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from capabilities._shell.script import Script
from capabilities._shell.spec import show
from capabilities._shell.tunnels import (
    BURNERS,
    FORWARD,
    FORWARD_WORDS,
    MINERS,
    MINING,
    PROXIES,
    SSH_FLAGS,
    SSH_FORWARDING,
    SSH_HARMLESS,
    SSH_TUNNEL,
    SSH_VALUES,
    STRATUM,
    TUNNELS,
)
from gate.effect import Assessment, Risk, join
from gate.regex import regex

_TUNNEL: Final = frozenset(["T1572"])
_PROXY: Final = frozenset(["T1090"])
_MINER: Final = frozenset(["T1496"])
_READS: Final = frozenset(["reads"])
_EXECUTES: Final = frozenset(["executes"])
_EGRESS: Final = frozenset(["egress", "executes"])
_WORD: Final = regex(r"[^\s'\"`;|&()<>${}=,]+")
# where a program may stand in text that something runs: first, after an operator, bracket or quote, or behind a word that runs another
_PLACE: Final = regex(
    r"(?:^|[|;&(`'\"\[,]|\\n|\b(?:nohup|sudo|doas|exec|env|setsid|nice|xargs|command|builtin|busybox|toybox|stdbuf|watch|strace|then|do|else|time|"
    r"(?:timeout|taskset|chrt|ionice)\s+\S+)\s|\s-(?:c|exec|execdir|ok|-)\s)\s*(?=([\w./+-]+))"
)
_REMOVES_ALL: Final = regex(r"\brm\s(?:[^;|&\n]*?\s)?['\"]?(?:/|~|\$\{?HOME\}?)/*\*?['\"]?(?=$|[\s;|&)])")
_SSH_LIKE: Final = frozenset(["ssh", "slogin", "plink", "dbclient", "autossh", "sshpass"])
_CLOUD_TUNNEL: Final = regex(
    r"port-forward|start-iap-tunnel|portforwarding|bastion\s+(tunnel|ssh)|\bcode(-insiders)?\s+tunnel|\bproxy\b.*--port|adb\s+(forward|reverse)",
    re.IGNORECASE,
)


def label(script: Script, started: list[tuple[str, ...]], assessment: Assessment) -> Assessment:
    """The assessment, with what the script's words look like added. `started`: the words of every program it starts, at any depth."""
    if assessment.effects <= _READS and assessment.risk < Risk.HIGH:
        return assessment
    return join([assessment, *found(str(script), started, assessment.effects)])


def found(text: str, started: list[tuple[str, ...]], effects: frozenset[str]) -> Iterator[Assessment]:
    """What the text and the programs look like. Text that something runs is looked into at every place where a program may stand."""
    words = _WORD.findall(text)
    names = {_name(argv[0]) for argv in started}
    if "executes" in effects:
        names |= {_name(word) for word in _PLACE.findall(text)}
    if hits := sorted(names & TUNNELS):
        yield _critical(_EGRESS, f"{hits[0]} opens a tunnel", _TUNNEL)
    if hits := sorted(names & PROXIES):
        yield _critical(_EGRESS, f"{hits[0]} relays connections", _PROXY)
    if hits := sorted(names & BURNERS):
        yield _critical(_EXECUTES, f"{hits[0]} does nothing but use the processor", _MINER)
    if effects & _EGRESS:
        yield from _in_text(text, words)
    if "executes" in effects and (gone := _REMOVES_ALL.search(text)):
        yield _critical(_EXECUTES | {"irreversible"}, f"{show(gone.group().strip())} removes everything", frozenset(["T1485"]))
    if mining := STRATUM.search(text):
        yield _critical(_EGRESS, f"{show(mining.group())} is what miners connect to", _MINER)
    if hit := next((argv for argv in started if _name(argv[0]) not in _SSH_LIKE and _forwards(argv)), None):
        yield _critical(_EGRESS, f"the arguments of {show(hit[0])} forward a port", _TUNNEL)


def _in_text(text: str, words: list[str]) -> Iterator[Assessment]:
    if hits := sorted({name for word in words if MINERS.fullmatch(name := _name(word))}):
        yield _critical(_EGRESS, f"{show(hits[0])} is the name of a miner", _MINER)
    if mining := MINING.search(text):
        yield _critical(_EGRESS, f"{show(mining.group())} is what miners are told", _MINER)
    if _CLOUD_TUNNEL.search(text):
        yield _critical(_EGRESS, "it forwards a port", _TUNNEL)
    yield from _nested_ssh(words)


def ssh(words: tuple[str, ...]) -> Iterator[Assessment]:
    """What ssh's options say beyond a connection: forwarding in any spelling, or configuration that may hold it."""
    at = 0
    while at < len(words) and (text := words[at]).startswith("-") and text != "--":
        at += 1
        for position, letter in enumerate(text[1:], 2):
            if letter in SSH_FLAGS:
                if letter in "XYAMg":
                    yield Assessment(
                        _EGRESS, Risk.HIGH, (f"ssh -{letter} opens this machine to the other one",), _TUNNEL if letter in "XYg" else frozenset()
                    )
                continue
            value = text[position:]
            if not value:
                value = words[at] if at < len(words) else ""
                at += 1
            yield from _ssh_option(letter, value)
            break
    if "N" in "".join(word[1:] for word in words[:at] if word.startswith("-")):
        yield _critical(_EGRESS, "ssh -N runs no command, so it is only there to forward", _TUNNEL)
    if at < len(words):  # options may follow the host
        after = words[at + 1 :]
        if after and after[0].startswith("-") and len(after) < len(words):
            yield from ssh(after)


def _ssh_option(letter: str, value: str) -> Iterator[Assessment]:
    if letter in SSH_TUNNEL:
        yield _critical(_EGRESS, f"ssh -{letter} forwards connections", _TUNNEL)
    elif letter == "F":
        yield _critical(_EGRESS, f"ssh takes its configuration from {show(value)}, which may forward connections", _TUNNEL)
    elif letter == "o":
        key = re.split(r"[\s=]", value.strip().strip("\"'"), maxsplit=1)[0].strip("\"'").lower()
        if key not in SSH_HARMLESS:
            grave = SSH_FORWARDING.search(key) is not None
            make = _critical if grave else _high
            yield make(
                _EGRESS,
                f"ssh's option {show(key)} {'forwards connections or runs a program' if grave else 'cannot be inspected'}",
                _TUNNEL if grave else frozenset(),
            )
    elif letter not in SSH_VALUES:
        yield _high(_EGRESS, f"ssh's option '-{ascii(letter)[1:-1]}' cannot be inspected", frozenset())


def _nested_ssh(words: list[str]) -> Iterator[Assessment]:
    for position, word in enumerate(words):
        if _name(word) in _SSH_LIKE:
            parts = [part for part in ssh(tuple(words[position + 1 :])) if part.techniques]
            if parts or any(FORWARD.fullmatch(other) and (":" in other or other[0] == "-") for other in words[position + 1 :] if other != word):
                yield _critical(_EGRESS, "ssh is told to forward connections", _TUNNEL)
                return


def _forwards(argv: tuple[str, ...]) -> bool:
    shapes = [text for text in argv[1:] if FORWARD.fullmatch(text)]
    ports = any(":" in text for text in shapes)
    flags = any(text[0] == "-" for text in shapes)
    return (ports and (flags or any(FORWARD_WORDS.search(text) for text in argv[1:]) or any(text.startswith("R:") for text in shapes))) or any(
        FORWARD_WORDS.search(text) and any(char.isdigit() for char in " ".join(argv)) for text in argv[1:] if "forward" in text.lower()
    )


def _name(word: str) -> str:
    name = word.rpartition("/")[2].lower()
    return name.removesuffix(".exe").removesuffix(".py").removesuffix(".sh")


def _critical(effects: frozenset[str], reason: str, techniques: frozenset[str]) -> Assessment:
    return Assessment(effects, Risk.CRITICAL, (reason,), techniques)


def _high(effects: frozenset[str], reason: str, techniques: frozenset[str]) -> Assessment:
    return Assessment(effects, Risk.HIGH, (reason,), techniques)
