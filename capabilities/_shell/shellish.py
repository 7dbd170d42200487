"""What a shell does itself, done by us: `cd`, `read`, loops and the like, for a script that runs.

The rules are those of POSIX (XCU 2.14, `read`, `cd`), as bash follows them.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
import re
import time
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from capabilities._process.environment import absolute
from capabilities._shell import builtins
from capabilities._shell.expand import MOST
from capabilities._shell.opening import expand
from capabilities._shell.script import Block, Word

if TYPE_CHECKING:
    from capabilities._shell.execute import Shell, Streams

_CHUNK: Final = 4096


class Held(NamedTuple):
    """The value of a variable; `roots` when it was judged as names at or below these places."""

    text: str
    roots: tuple[str, ...] = ()


class Leave(Exception):
    """`exit`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Jump(Exception):
    """`break` or `continue`, out of so many loops."""

    def __init__(self, levels: int, *, on: bool) -> None:
        super().__init__(levels)
        self.levels, self.on = levels, on


class Stopped(Exception):
    """A limit was passed."""


class Redirected:
    """The streams of a block, and the files to be closed after it."""

    def __init__(self, streams: Streams, files: list[IO[bytes]]) -> None:
        self.streams, self.files = streams, files

    def __enter__(self) -> Redirected:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.close()


def builtin(shell: Shell, words: list[str], assigns: tuple[tuple[str, Word], ...], streams: Streams) -> int:
    """Does one of them; its status."""
    name, rest = words[0], words[1:]
    if name == "cd":
        return _cd(shell, rest, streams)
    if name == "read":
        return _read(shell, rest, streams, keep=any(name == "IFS" for name, _ in assigns))
    if name in ("export", "unset"):
        return _export(shell, rest) if name == "export" else _unset(shell, rest)
    if name in ("set", "shopt"):
        shell.set_up = name
        return 0
    if name in ("type", "command"):
        return _where(shell, name, rest, streams)
    if name == "exit":
        raise Leave(int(rest[0]) % 256 if rest and rest[0].isdigit() else shell.status)
    if name in ("break", "continue"):
        raise Jump(int(rest[0]) if rest and rest[0].isdigit() else 1, on=name == "continue")
    return 0


def _cd(shell: Shell, rest: list[str], streams: Streams) -> int:
    target = next((text for text in reversed(rest) if text not in ("--", "-P", "-L")), "")  # the word that was judged
    place = os.path.realpath(os.path.join(shell.cwd, target))
    if target and os.path.isdir(place):
        shell.cwd = place
        return 0
    shell.write(streams.err, f"cd: {target!a} is no folder\n".encode())
    return 1


def _read(shell: Shell, rest: list[str], streams: Streams, *, keep: bool) -> int:
    names = [text for text in rest if not text.startswith("-")]
    line, whole = _line(streams.stdin, raw="-r" in rest)
    if keep:
        parts = [line]
    else:
        parts = line.strip(" \t\n").split(None, len(names) - 1) if line.strip(" \t\n") else []
    roots = streams.fed.roots if streams.fed and len(names) == 1 else ()
    for number, name in enumerate(names):
        text = parts[number] if number < len(parts) else ""
        shell.values[name] = Held(text, roots if text else ())
    return 0 if whole else 1


def _line(stdin: IO[bytes] | None, *, raw: bool) -> tuple[str, bool]:
    """The next line of the input, and whether it had an end."""
    data = b""
    while stdin is not None:
        chunk = os.read(stdin.fileno(), _CHUNK)
        if not chunk:
            break
        line, end, after = chunk.partition(b"\n")
        data += line
        if len(data) > MOST:
            raise ValueError(f"a line is longer than {MOST} bytes")
        if after:
            os.lseek(stdin.fileno(), -len(after), os.SEEK_CUR)
        if not end:
            continue
        if not raw and len(data) - len(data.rstrip(b"\\")) & 1:
            data = data[:-1]
            continue
        return _unescaped(data, raw=raw), True
    return _unescaped(data, raw=raw), False


def _unescaped(data: bytes, *, raw: bool) -> str:
    text = data.replace(b"\0", b"").decode(errors="surrogateescape")
    return text if raw else re.sub(r"\\(.)", r"\1", text)


def _export(shell: Shell, rest: list[str]) -> int:
    for text in rest:
        name, equals, value = text.partition("=")
        if equals:
            shell.values[name] = Held(value)
        shell.exported.add(name)
    return 0


def _unset(shell: Shell, rest: list[str]) -> int:
    for name in rest:
        shell.values[name] = Held("")
        shell.exported.discard(name)
    return 0


def _where(shell: Shell, name: str, rest: list[str], streams: Streams) -> int:
    status = 0
    for wanted in rest[1:] if name == "command" else rest:
        try:
            place = wanted if wanted in builtins.NAMES else absolute(wanted, shell.cwd)
        except OSError:
            status = 1
            if name == "type":
                shell.write(streams.err, f"type: {wanted}: not found\n".encode(errors="replace"))
            continue
        said = place if name == "command" else f"{wanted} is {'a shell builtin' if place == wanted else place}"
        shell.write(streams.out, f"{said}\n".encode(errors="replace"))
    return status


def loop(shell: Shell, block: Block, streams: Streams) -> int:
    """`for`, `while` and `until`."""
    turns = _turns(shell, block, streams) if block.kind == "for" else None
    status = 0
    try:
        while True:
            if turns is not None:
                if not turns:
                    return status
                shell.values[block.name] = turns.pop(0)
            elif (shell.script(block.parts[0], streams) == 0) != (block.kind == "while"):
                return status
            if shell.limits.wall - (time.monotonic() - shell.begin) < 0:
                shell.stop(f"it ran longer than {shell.limits.wall:.3g} s")
            try:
                status = shell.script(block.parts[-1], streams)
            except Jump as jump:
                if jump.levels > 1:
                    raise Jump(jump.levels - 1, on=jump.on) from None
                if not jump.on:
                    return 0
                status = 0
    except Jump as jump:
        if jump.levels > 1:
            raise Jump(jump.levels - 1, on=jump.on) from None
        return 0


def _turns(shell: Shell, block: Block, streams: Streams) -> list[Held]:
    made: list[Held] = []
    for word in block.words:
        if word.pattern and not word.pieces:
            folder = builtins.folder(word)
            made += [Held(text, (folder,) if text != word.text else (word.text, folder)) for text in expand(word, shell.cwd)]
        elif len(word.pieces) == 1 and word.pieces[0].kind in ("var", "run"):
            roots = _roots(shell, word)
            made += [Held(text, roots) for text in shell.texts(word, streams)]
        else:
            made += [Held(text) for text in shell.texts(word, streams)]
    return made


def _roots(shell: Shell, word: Word) -> tuple[str, ...]:
    """The places of a variable's names; those of a substitution were looked at when it was expanded."""
    piece = word.pieces[0]
    return shell.values.get(piece.text, Held("")).roots if piece.kind == "var" and not piece.change[0] else ()


def timed(wall: float, cpu: float) -> bytes:
    """What `time` writes."""
    lines = [f"{name}\t{int(value // 60)}m{value % 60:.3f}s" for name, value in (("real", wall), ("user", cpu), ("sys", 0.0))]
    return ("\n" + "\n".join(lines) + "\n").encode()


def as_program(words: list[str]) -> list[str]:
    """The words for the program that stands for one of the shell's own: /bin/echo takes two words for options that a shell's does not."""
    if len(words) == 2 and words[0] == "echo" and words[1] in ("--help", "--version"):
        return ["printf", "%s\\n", words[1]]
    return words
