"""Runs a script as it was checked: each program started by us with exactly the words of the script, no shell in between.

Patterns are expanded here, as a shell would (no match leaves the pattern as it is), except that a name which could be taken for an option
gets `./` in front.  `cd` changes the folder of what follows, and always means the folder that links lead to.  Steps of a pipeline run at the
same time when all are programs; when one is a block or reads names that were judged by their place (`claims`), one after the other.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import IO, Final, NamedTuple, NoReturn, TypeAlias

from capabilities._paths.place import Setting, own_home
from capabilities._process.environment import absolute, fresh
from capabilities._process.supervise import Limits, Result, Stage, Target, run
from capabilities._shell import builtins, claims, gitsafe, links, outputs, shellish, sums
from capabilities._shell.expand import bounded, joined, trimmed
from capabilities._shell.expand import expand as expanded
from capabilities._shell.judge import Fed, feeds
from capabilities._shell.lexer import constants
from capabilities._shell.opening import expand, opened, spooled
from capabilities._shell.script import Block, Command, Piece, Pipeline, Redirect, Script, Step, Word
from capabilities._shell.state import UNKNOWN

NOT_FOUND: Final = 127
_ENVIRONMENT: Final = frozenset(fresh())
_REFUSED: Final = 125
MOST_PROGRAMS: Final = 1000
_MOST_LISTED: Final = 16 * 1024 * 1024
Sink: TypeAlias = "bytearray | IO[bytes]"


class Outcome(NamedTuple):
    """What a script did: the exit status of the last program that ran, its output, the processor time, why it was stopped ("" if not)."""

    exit: int
    stdout: str
    stderr: str
    cpu_seconds: float
    stopped: str


class Streams(NamedTuple):
    """Where commands read and write: a file or nothing, and two sinks; `fed` says what the input was judged to be."""

    stdin: IO[bytes] | None
    out: Sink
    err: Sink
    fed: Fed | None = None


def execute(script: Script, cwd: str, limits: Limits) -> Outcome:
    """Runs the pipelines from left to right, all of them under one set of limits."""
    out, err = bytearray(), bytearray()
    shell = Shell(cwd, limits)
    try:
        status = shell.script(script, Streams(None, out, err))
    except shellish.Leave as left:
        status = left.status
    except shellish.Stopped:
        status = shell.status
    return Outcome(status, out.decode(errors="replace"), err.decode(errors="replace"), round(shell.cpu, 3), shell.stopped)


class Shell:
    """One run: the folder, the variables, and what is used up."""

    def __init__(self, cwd: str, limits: Limits) -> None:
        self.cwd, self.limits, self.workspace, self.started = cwd, limits, cwd, 0
        self.begin, self.cpu, self.written = time.monotonic(), 0.0, 0
        self.values: dict[str, shellish.Held] = {}
        self.exported: set[str] = set()
        self.status, self.stopped, self.set_up = 0, "", ""

    def script(self, script: Script, streams: Streams) -> int:
        """Runs pipelines, `&&` and `||` as a shell takes them; the status of the last one that ran."""
        status = 0
        for pipeline in script.pipelines:
            if (pipeline.after == "&&" and status != 0) or (pipeline.after == "||" and status == 0):
                continue
            begin, used = time.monotonic(), self.cpu
            status = self.guarded(pipeline, streams)
            if pipeline.prefix == "!":
                status = int(status == 0)
            elif pipeline.prefix == "time":
                self.write(streams.err, shellish.timed(time.monotonic() - begin, self.cpu - used))
            self.status = status
        return status

    def guarded(self, pipeline: Pipeline, streams: Streams) -> int:
        """A pipeline; what cannot be done as it was judged is not done, and says why."""
        try:
            return self.pipeline(pipeline, streams)
        except ValueError as error:
            self.write(streams.err, f"not run: {error}\n".encode(errors="replace"))
            return _REFUSED
        except OSError as error:
            self.write(streams.err, f"{error}\n".encode(errors="replace"))
            return NOT_FOUND
        except (MemoryError, RecursionError, OverflowError) as error:
            self.stop(f"it needs more than the gate itself has ({type(error).__name__})")

    def pipeline(self, pipeline: Pipeline, streams: Streams) -> int:
        """Runs the steps, at once when all are programs, else one after the other."""
        if len(pipeline.steps) == 1:
            return self.step(pipeline.steps[0], streams)
        commands = self.programs(pipeline)
        if commands is not None:
            return self.start(commands, streams)
        with ExitStack() as files:
            return self.one_by_one(pipeline, streams, files)

    def one_by_one(self, pipeline: Pipeline, streams: Streams, files: ExitStack) -> int:
        """Runs the steps of a pipeline one after the other, what each writes kept for the next one."""
        kept = self.cwd, dict(self.values), set(self.exported)
        status, source, fed = 0, streams.stdin, streams.fed
        for number, step in enumerate(pipeline.steps):
            last = number == len(pipeline.steps) - 1
            sink: Sink = streams.out if last else bytearray()
            status, fed = self.spooled_step(step, Streams(source, sink, streams.err, fed))
            self.cwd, self.values, self.exported = kept[0], dict(kept[1]), set(kept[2])
            if not last:
                following = pipeline.steps[number + 1]
                if fed is not None and fed.roots and isinstance(sink, bytearray) and (isinstance(following, Block) or "xargs" in following.argv):
                    words = tuple(self.words(following)) if isinstance(following, Command) else ()
                    claims.check(bytes(sink), fed, following, words, self.cwd)
                source = files.enter_context(spooled(bytes(sink) if isinstance(sink, bytearray) else b""))
        return status

    def spooled_step(self, step: Step, streams: Streams) -> tuple[int, Fed | None]:
        """One step by itself; what it feeds to the next one."""
        try:
            status = self.step(step, streams)
        except shellish.Leave as left:
            status = left.status
        if isinstance(step, Block) or not step.words or any(word.pieces for word in step.words):
            return status, None
        return status, feeds(step._replace(words=tuple([Word(text) for text in self.words(step)])), streams.fed)

    def programs(self, pipeline: Pipeline) -> list[Command] | None:
        """The steps of a pipeline when they can run at once: none is a block, done by us, or given names that were judged by their place."""
        made: list[Command] = []
        for number, step in enumerate(pipeline.steps):
            if isinstance(step, Block) or not step.words or step.words[0].text in builtins.NAMES or builtins.looks_up(step.words):
                return None
            if number and "xargs" in step.argv:
                return None
            made.append(step)
        return made

    def step(self, step: Step, streams: Streams) -> int:
        """One command or block."""
        if isinstance(step, Block):
            with self.redirected(step.redirects, streams) as inside:
                return self.block(step, inside.streams)
        return self.command(step, streams)

    def command(self, command: Command, streams: Streams) -> int:
        """A simple command: assignments, something we do ourselves, or a program."""
        if not command.words or command.words[0].text in builtins.NAMES or builtins.looks_up(command.words):
            words = self.words(command)
            with self.redirected(command.redirects, streams) as inside:
                status = self.assign(command, inside.streams) if not command.words else 0
                return shellish.builtin(self, words, command.assigns, inside.streams) if words else status
        return self.start([command], streams)

    def assign(self, command: Command, streams: Streams) -> int:
        """Sets variables; the status is that of the last substitution."""
        self.status = 0
        for name, word in command.assigns:
            text, roots = self.held(word, streams)
            self.values[name] = shellish.Held(text, roots)
            if name in _ENVIRONMENT:
                self.exported.add(name)
        return self.status

    def held(self, word: Word, streams: Streams) -> shellish.Held:
        """The value of an assigned word."""
        if len(word.pieces) == 1 and word.pieces[0].kind == "run":
            return self.output(word.pieces[0], streams)
        if len(word.pieces) == 1 and word.pieces[0].kind == "var" and not word.pieces[0].change[0]:
            return self.values.get(word.pieces[0].text, shellish.Held(self.text(word.pieces[0], streams)))
        return shellish.Held(joined(word, lambda piece: self.text(piece._replace(quoted=True), streams)))

    def start(self, commands: list[Command], streams: Streams) -> int:
        """Starts programs joined by pipes, and waits for them."""
        if self.set_up:
            raise ValueError(f"how a shell goes on after {self.set_up!a} is not done here")
        stages: list[Stage] = []
        try:
            for number, command in enumerate(commands):
                stages.append(self.stage(command, streams, first=number == 0))  # what was opened before one fails must be closed
            if not all(stage.argv for stage in stages):
                return 0
            self.count(len(stages))
            result = run(stages, self.left(), self.cwd)
        except (OSError, ValueError, MemoryError, shellish.Stopped):
            for stage in stages:
                for file in (stage.stdin, stage.stdout, stage.stderr, *stage.passed):
                    if file is not None and not isinstance(file, str):
                        file.close()
            raise
        self.account(result, streams)
        return result.status

    def count(self, programs: int) -> None:
        """Counts programs that are started, and stops everything when there were too many."""
        self.started += programs
        if self.started > MOST_PROGRAMS:
            self.stop(f"it started more than {MOST_PROGRAMS} programs")

    def left(self) -> Limits:
        """What is left of the limits."""
        wall = self.limits.wall - (time.monotonic() - self.begin)
        cpu = None if self.limits.cpu is None else self.limits.cpu - self.cpu
        return self.limits._replace(wall=wall, cpu=cpu, output=max(0, self.limits.output - self.written))

    def account(self, result: Result, streams: Streams) -> None:
        """Passes on what programs wrote, and stops everything when a limit was passed."""
        self.cpu += result.cpu
        self.status = result.status
        self.write(streams.out, result.stdout)
        self.write(streams.err, result.stderr)
        if self.limits.wall - (time.monotonic() - self.begin) < 0:
            self.stop(f"it ran longer than {self.limits.wall:.3g} s")
        if result.stopped:
            whole = result.stopped.startswith("it wrote")  # what is left was shown as the limit
            self.stop(f"it wrote more than {self.limits.output} bytes" if whole else result.stopped)

    def stop(self, why: str) -> NoReturn:
        """Ends the run."""
        self.stopped = why
        raise shellish.Stopped

    def write(self, sink: Sink, data: bytes) -> None:
        """Writes to a sink; the output of the whole run, substitutions included, is limited."""
        if isinstance(sink, bytearray):
            self.written += len(data)
            sink += data
        else:
            sink.write(data)

    def stage(self, command: Command, streams: Streams, *, first: bool) -> Stage:
        """One program with its words and files."""
        files: list[IO[bytes]] = []
        try:
            return self.opened_stage(command, streams, files, first=first)
        except (OSError, ValueError, MemoryError, shellish.Stopped):
            for file in files:
                file.close()
            raise

    def opened_stage(self, command: Command, streams: Streams, files: list[IO[bytes]], *, first: bool) -> Stage:
        """As `stage`; every file that is opened is added to `files`."""
        words = shellish.as_program(self.checked(command, streams, files))
        passed = tuple(files)
        env = tuple([(name, self.held(word, streams).text) for name, word in command.assigns])
        env += tuple([(name, self.values[name].text) for name in sorted(self.exported) if name in self.values])
        if words[:1] and words[0].rpartition("/")[2] == "git":
            env += gitsafe.overrides(words, self.cwd)
        stdin: IO[bytes] | None = os.fdopen(os.dup(streams.stdin.fileno()), "rb", buffering=0) if first and streams.stdin is not None else None
        files += [stdin] if stdin else []
        targets: dict[int, Target] = {1: "out", 2: "err"}
        for redirect in command.redirects:
            if redirect.op == ">&":
                targets[redirect.fd] = targets[int(redirect.target)]
                continue
            file = self.source(redirect, streams) if redirect.fd == 0 else opened(self.target(redirect, streams), redirect.op, self.cwd)
            files.append(file)
            if redirect.fd != 0:
                targets[redirect.fd] = file
                continue
            if stdin is not None:
                stdin.close()
            stdin = file
        argv = (absolute(words[0], self.cwd), *words[1:]) if words else ()
        return Stage(argv, stdin, targets[1], targets[2], env, passed)

    def source(self, redirect: Redirect, streams: Streams) -> IO[bytes]:
        """What a redirection of the input opens."""
        if redirect.op == "<<<":
            text = joined(redirect.word, lambda piece: self.text(piece._replace(quoted=True), streams)) if redirect.word.pieces else redirect.target
            return spooled(text.encode(errors="surrogateescape") + b"\n")
        return opened(self.target(redirect, streams), redirect.op, self.cwd)

    def target(self, redirect: Redirect, streams: Streams) -> str:
        """The one file that a redirection names."""
        if not redirect.word.pieces:
            return redirect.target
        found = [text for word in expanded(redirect.word, lambda piece: self.text(piece, streams)) for text in expand(word, self.cwd)]
        if len(found) != 1:
            raise ValueError("a redirection names no file, or several")
        return found[0]

    def redirected(self, redirects: tuple[Redirect, ...], streams: Streams) -> shellish.Redirected:
        """The streams inside a block; its files are closed at the end."""
        files: list[IO[bytes]] = []
        sinks: dict[int, Sink] = {1: streams.out, 2: streams.err}
        stdin, fed = streams.stdin, streams.fed
        for redirect in redirects:
            if redirect.op == ">&":
                sinks[redirect.fd] = sinks[int(redirect.target)]
                continue
            file = self.source(redirect, streams) if redirect.fd == 0 else opened(self.target(redirect, streams), redirect.op, self.cwd)
            files.append(file)
            if redirect.fd == 0:
                stdin, fed = file, None
            else:
                sinks[redirect.fd] = file
        return shellish.Redirected(Streams(stdin, sinks[1], sinks[2], fed), files)

    def block(self, block: Block, streams: Streams) -> int:
        """A compound command."""
        if block.kind == "(":
            kept = self.cwd, dict(self.values), set(self.exported)
            try:
                return self.script(block.parts[0], streams)
            except shellish.Leave as left:
                return left.status
            finally:
                self.cwd, self.values, self.exported = kept
        if block.kind == "{":
            return self.script(block.parts[0], streams)
        if block.kind == "if":
            if self.script(block.parts[0], streams) == 0:
                return self.script(block.parts[1], streams)
            return self.script(block.parts[2], streams) if len(block.parts) > 2 else 0
        return shellish.loop(self, block, streams)

    def words(self, command: Command, streams: Streams | None = None, passed: list[IO[bytes]] | None = None) -> list[str]:
        """The words of a command, everything expanded."""
        inside = streams or Streams(None, bytearray(), bytearray())
        return bounded(text for word in command.words for text in self.texts(word, inside, passed))

    def checked(self, command: Command, streams: Streams, passed: list[IO[bytes]]) -> list[str]:
        """The words of a program, after a look at where the names lead that its patterns and searches find (see `links`)."""
        before: list[Word] = []
        texts: list[tuple[str, ...]] = []
        for word in command.words:
            made = self.globbed(word, streams, passed)
            before += [one for one, _ in made]
            texts += [tuple(bounded(names)) for _, names in made]
        setting = Setting(self.cwd, self.workspace, own_home())
        for argv in links.judged(tuple(before), tuple(texts), setting, streams.fed):
            self.search(argv, setting)
        return bounded(text for names in texts for text in names)

    def search(self, argv: tuple[str, ...], setting: Setting) -> None:
        """Raises ValueError when a search would give a command, or a comparison read, a link that leads out of where it looks."""
        if argv[0].rpartition("/")[2] == "diff":
            places = tuple([text for text in argv[1:] if text[:1] != "-"])
            bad = links.lead_out(links.below_diff(argv, self.cwd), places, setting)
        else:
            listing = links.listing(argv)
            self.count(1)
            limits = self.left()._replace(output=_MOST_LISTED)
            result = run([Stage((absolute(listing[0], self.cwd), *listing[1:]))], limits, self.cwd)
            self.cpu += result.cpu
            if result.stopped:
                raise ValueError(f"the names that it finds could not be looked at beforehand: {result.stopped}")
            bad = links.lead_out(result.stdout.decode(errors="surrogateescape").split("\0"), links.roots(argv), setting)
        if bad:
            raise ValueError(f"{bad[:80]!a} is a link that leads elsewhere than where this command was judged to work")

    def texts(self, word: Word, streams: Streams, passed: list[IO[bytes]] | None = None) -> list[str]:
        """The texts that one word stands for."""
        return [text for _, texts in self.globbed(word, streams, passed) for text in texts]

    def globbed(self, word: Word, streams: Streams, passed: list[IO[bytes]] | None = None) -> list[tuple[Word, list[str]]]:
        """The words that one word stands for, patterns as they are, and with each the names that it stands for."""
        if not word.pieces:
            return [(word, expand(word, self.cwd))]
        made: list[tuple[Word, list[str]]] = []
        roots: tuple[str, ...] = ()

        def value(piece: Piece) -> str:
            nonlocal roots
            held = self.value(piece, streams, passed)
            if held.roots:
                roots = held.roots
                names = [held.text] if piece.quoted else held.text.split()
                if bad := claims.broken(names, held.roots, self.cwd):
                    raise ValueError(f"{bad[:80]!a} is not below {', '.join(held.roots)[:80]!a}, where this command was judged to work")
            return held.text

        for one in expanded(word, value):
            made.append((one, expand(one, self.cwd)) if not roots else (Word(one.text), [one.text]))
        names = [text for _, texts in made for text in texts]
        if roots and len(word.pieces) > 1 and word.pieces[0].kind in ("var", "run") and (bad := claims.broken(names, roots, self.cwd)):
            raise ValueError(f"{bad[:80]!a} leads elsewhere than where this command was judged to work")
        return made

    def text(self, piece: Piece, streams: Streams) -> str:
        """The text of a piece."""
        return self.value(piece, streams).text

    def value(self, piece: Piece, streams: Streams, passed: list[IO[bytes]] | None = None) -> shellish.Held:
        """What a piece gives."""
        if piece.kind == "sum":
            return shellish.Held(str(sums.compute(piece.text, lambda name: self.values.get(name, shellish.Held("")).text)))
        if piece.kind == "from":
            return self.stream(piece, streams, passed)
        if piece.kind == "run":
            return self.output(piece, streams)
        held = {"PWD": shellish.Held(self.cwd), "?": shellish.Held(str(self.status)), "$": shellish.Held(str(os.getpid()))}.get(piece.text)
        held = held or self.values.get(piece.text) or shellish.Held(constants().get(piece.text, ""))
        op, pattern = piece.change
        if op == "#len":
            return shellish.Held(str(len(held.text)))
        return shellish.Held(trimmed(held.text, op, pattern)) if op else held

    def stream(self, piece: Piece, streams: Streams, passed: list[IO[bytes]] | None) -> shellish.Held:
        """The name of a file that holds what a script wrote."""
        if piece.inner is None or passed is None:
            raise ValueError("a stream is only for a program")
        file = spooled(self.subshell(piece.inner, streams)[0])
        passed.append(file)
        return shellish.Held(f"/dev/fd/{file.fileno()}")

    def output(self, piece: Piece, streams: Streams) -> shellish.Held:
        """What a script writes, without the line breaks at its end; with its places, when it was judged by them."""
        if piece.inner is None:
            raise ValueError("a substitution without a script")
        data, fed, made = self.subshell(piece.inner, streams)
        text = data.replace(b"\0", b"").decode(errors="surrogateescape").rstrip("\n")
        judged = outputs.of(piece.inner, made, self.cwd)
        if judged.roots:
            return shellish.Held(text, judged.roots if text else ())
        return shellish.Held(text, fed.roots if fed and judged == UNKNOWN and outputs.static(piece.inner) and text else ())

    def subshell(self, script: Script, streams: Streams) -> tuple[bytes, Fed | None, Command | None]:
        """What a script writes in a shell of its own, what it feeds, and its command when it has but one."""
        kept = self.cwd, dict(self.values), set(self.exported)
        sink = bytearray()
        fed: Fed | None = None
        made: Command | None = None
        try:
            steps = script.pipelines[0].steps
            if len(script.pipelines) == 1 and len(steps) == 1 and isinstance(steps[0], Command):
                made = steps[0]._replace(words=tuple([Word(text) for text in self.words(steps[0], streams)])) if outputs.static(script) else None
            if len(script.pipelines) == 1 and outputs.static(script):
                for step in steps:
                    fed = (
                        feeds(step._replace(words=tuple([Word(text) for text in self.words(step, streams)])), fed)
                        if isinstance(step, Command)
                        else None
                    )
            self.status = self.script(script, streams._replace(out=sink))
        except shellish.Leave as left:
            self.status = left.status
        finally:
            self.cwd, self.values, self.exported = kept
        return bytes(sink), fed, made


__all__ = ["NOT_FOUND", "Outcome", "execute", "expand"]
