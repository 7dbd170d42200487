"""Flow: what a whole script would do, by following what it knows from one command to the next.

Every command is judged with its words expanded as far as they are known (`marks` stand for the rest), in every folder it may be in; a branch
or loop that may or may not run is judged as if it ran; what a loop changes is not known inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from capabilities._paths.place import Setting
from capabilities._process.environment import fresh
from capabilities._shell import builtins, labels, outputs, sums, unnamed
from capabilities._shell.apart import telling
from capabilities._shell.expand import bounded, expand, joined, trimmed
from capabilities._shell.judge import PLAIN, Context, Fed, command_parts, feeds, unknown
from capabilities._shell.lexer import OURSELVES, constants
from capabilities._shell.marks import ANY, NUMBER, SPLIT, STREAM
from capabilities._shell.roles import Doing, used
from capabilities._shell.script import Block, Command, Piece, Pipeline, Redirect, Script, Step, Word
from capabilities._shell.spec import Uninspectable
from capabilities._shell.state import UNKNOWN, Ends, State, Value, union
from capabilities._shell.writers import HARMLESS_VARIABLES
from gate.effect import Assessment, Risk, join

ENVIRONMENT: Final = frozenset(fresh())
_MOST_TURNS: Final = 200  # of loops inside loops, together
_MANY: Final = 100  # as many turns as a loop is taken to have whose number is only known when it runs
_EXEC: Final = frozenset(["-exec", "-execdir"])
_MOST_UNROLLED: Final = 64
_NONE: Final = Assessment(frozenset(), Risk.LOW)
_NOTHING: Final = Assessment(frozenset(["reads"]), Risk.LOW, ("it starts nothing",))
_NO_VALUES: Final[Mapping[str, Value]] = MappingProxyType({})
_NO_INPUT: Final = Fed((), empty=True)
_LOUD: Final = re.compile(r"[A-Z0-9_]*[A-Z][A-Z0-9_]*|.*_proxy|npm_.*")  # names as variables have them that programs look at
_ENDLESS: Final = Assessment(frozenset(["executes"]), Risk.CRITICAL, ("a loop that never ends uses the processor for nothing",), frozenset(["T1496"]))


def assess(script: Script, setting: Setting, *, guarded: bool = True, lasting: bool = False) -> Assessment:
    """What `script` would do when it runs in `setting`. `guarded`: we run it, so that what it is fed is checked (see `claims`).

    lasting: the shell that runs it goes on afterwards, so that what it leaves there is part of what later commands do.
    """
    if guarded and (command := _alone(script)):
        started: list[tuple[str, ...]] = []
        parts = command_parts(command, Context(setting, _NO_INPUT, started))
        return labels.label(script, started, parts[0] if len(parts) == 1 else join(parts))
    flow = Flow(guarded=guarded)
    after = flow.ends(script, State(_NO_VALUES, (setting,)), _NO_INPUT if guarded else None, asked=False).either
    if not guarded:
        flow.parts += unnamed.linked(flow.started, setting)
        flow.leaves(after, setting if lasting else None)
    if flow.loose and any("writes" in part.effects for part in flow.parts):
        flow.parts.append(unknown(f"what it writes could become a repository around {flow.loose[0][:80]!a}, whose configuration may name programs"))
    if not flow.parts:
        flow.parts.append(_NOTHING)
    return labels.label(script, flow.started, flow.parts[0] if len(flow.parts) == 1 else join(flow.parts))


def _alone(script: Script) -> Command | None:
    """The only command of a script, when there is nothing to follow: no variable, no redirection, nothing that a shell does itself."""
    pipelines = script.pipelines
    if len(pipelines) != 1 or pipelines[0].prefix or len(pipelines[0].steps) != 1:
        return None
    command = pipelines[0].steps[0]
    if isinstance(command, Block) or not command.words or command.redirects or command.assigns:
        return None
    words = command.words
    if words[0].text in builtins.NAMES or builtins.looks_up(words) or any([word.pieces for word in words]):
        return None
    return command


@dataclass(slots=True)
class Flow:
    """One walk through one script: the parts it consists of, and every program that is started."""

    parts: list[Assessment] = field(default_factory=list[Assessment])
    started: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    loose: list[str] = field(default_factory=list[str])
    turns: int = 1
    nesting: int = 0
    guarded: bool = True

    def script(self, script: Script, state: State, fed: Fed | None = None) -> State | None:
        """Judges the pipelines of a script; the state after it."""
        if len(script.pipelines) == 1:
            return self.pipeline(script.pipelines[0], state, fed).either
        return self.ends(script, state, fed).well

    def ends(self, script: Script, state: State, fed: Fed | None, *, asked: bool = True) -> Ends:
        """As `script`, with the state after a condition went well and after it did not; `asked`: somebody wants to know."""
        pipelines = script.pipelines
        if len(pipelines) == 1:
            return self.pipeline(pipelines[0], state, fed)
        ends = Ends(state, None)
        for number, pipeline in enumerate(pipelines, 1):
            if pipeline.after == "&&":
                begin, rest = ends.well, Ends(None, ends.badly)
            elif pipeline.after == "||":
                begin, rest = ends.badly, Ends(ends.well, None)
            else:
                begin, rest = ends.either, Ends(None, None)
            if begin is None:
                begin = state  # it cannot run, but is judged all the same
            after = self.pipeline(pipeline, begin, fed)
            if not asked and number == len(pipelines):
                return after
            ends = Ends(union(rest.well, after.well), union(rest.badly, after.badly))
        return Ends(ends.either, ends.either)

    def pipeline(self, pipeline: Pipeline, state: State, fed: Fed | None) -> Ends:
        """Judges the steps of a pipeline; only a step that is alone changes the state of what follows."""
        steps = pipeline.steps
        if len(steps) == 1:
            after = self.step(steps[0], state, fed, last=True)[0]
            return Ends(after.badly, after.well) if pipeline.prefix == "!" else after
        for number, step in enumerate(steps, 1):
            before = steps[number - 2] if number > 1 else None
            if isinstance(step, Block) and isinstance(before, Command) and before.argv[:1] == ("seq",) and builtins.span(before.argv) > _MOST_TURNS:
                self.parts.append(unknown(f"loops that run more than {_MOST_TURNS} times"))
            made = self.step(step, state, fed, last=number == len(steps))[1]
            fed = made if self.guarded else None
        return Ends(state, state)

    def step(self, step: Step, state: State, fed: Fed | None, *, last: bool = False) -> tuple[Ends, Fed | None]:
        """Judges one step; the states after it, and what it feeds to the next one, if there is one."""
        try:
            if isinstance(step, Block):
                return self.block(step, state, fed), None
            return self.command(step, state, fed, last=last)
        except (Uninspectable, ValueError) as reason:
            self.parts.append(unknown(str(reason)))
            return Ends(state, state), None

    def command(self, command: Command, state: State, fed: Fed | None, *, last: bool = False) -> tuple[Ends, Fed | None]:
        """A simple command."""
        if command.assigns:
            state = self.assignments(command, state)
        words = command.words
        if any([word.pieces for word in words]):
            words = tuple(made for word in words for made in self.words(word, state))
            bounded(word.text for word in words)
        redirects = tuple([self.redirect(redirect, state) for redirect in command.redirects]) if command.redirects else ()
        if not words:
            for setting in state.settings if redirects else ():
                self.parts += command_parts(Command((), redirects), Context(setting, None, self.started, loose=self.loose))
            self.parts.append(_NONE)
            quiet = all(not word.pieces for _, word in command.assigns) and not redirects and not command.words
            return Ends(state, None if quiet else state), None
        made = Command(words, redirects) if words is not command.words or command.assigns or redirects else command
        if redirects and any(redirect.fd == 0 for redirect in redirects):
            fed = None
        if command.words[0].pieces:
            self.parts.append(unknown("the name of the program is only known when it runs"))
        if ((name := words[0].text) in builtins.NAMES and not words[0].sort) or builtins.looks_up(command.words):
            ends, part = builtins.judge(name, words[1:], state, fed)
            self.parts.append(part)
            self.parts += self.redirections(redirects, state) if redirects else ()
            self.started.append(made.argv)
            return ends, None
        self.run(made, state, fed)
        return Ends(state, state), None if last or words is not command.words else feeds(made, fed)

    def assignments(self, command: Command, state: State) -> State:
        """What a command sets: for its program only, or, when it has none, for what follows; the state after it."""
        for name, word in command.assigns:
            value = self.assigned(word, state)
            if command.words and name not in HARMLESS_VARIABLES and not (name == "IFS" and command.argv[0] == "read" and value.text == ""):
                self.parts.append(unknown(f"what the variable {name!a} changes is not known"))
            elif not command.words:
                state = state.set(name, value)
                if name in ENVIRONMENT:  # a shell passes on what it was given
                    state = state._replace(exported=state.exported | {name})
        return state

    def run(self, command: Command, state: State, fed: Fed | None) -> None:
        """A command that starts a program, in every folder it may be in."""
        if state.lost:
            self.parts.append(unknown(state.lost))
        if (changed := self.passed_on(state)) and (self.guarded or command.words[0].text not in PLAIN):
            self.parts.append(unknown(f"what the variable {min(changed)!a} changes is not known"))
        if not self.guarded and command.words[0].text not in PLAIN and any(word.pattern or word.text in _EXEC for word in command.words):
            self.parts.append(unknown("which names it finds, and where links among them lead, is only known when it runs"))
        for setting in state.settings:
            self.parts += command_parts(command, Context(setting, fed, self.started, self.nesting, loose=self.loose))

    def passed_on(self, state: State) -> frozenset[str]:
        """The variables that the programs of a script get from it. A shell that is not ours may have exported any of them before."""
        loud = () if self.guarded else (name for name in state.values if _LOUD.fullmatch(name))
        return (state.exported | frozenset(loud)) - HARMLESS_VARIABLES

    def leaves(self, after: State | None, begun: Setting | None) -> None:
        """Judges the state in which a shell that began so goes on; None: it does not."""
        if after is None or begun is None:
            return
        if left := self.passed_on(after):
            self.parts.append(unknown(f"what the variable {min(left)!a} changes in what the same shell runs later is not known"))
        if after.lost or after.settings != (begun,):
            self.parts.append(unknown("it leaves the shell in another state or folder for what comes later; in brackets it would not: (cd … && …)"))

    def redirections(self, redirects: tuple[Redirect, ...], state: State) -> Iterator[Assessment]:
        """What redirections of something that starts no program itself would do."""
        for setting in state.settings if redirects else ():
            yield from command_parts(Command((), redirects), Context(setting, None, self.started, loose=self.loose))

    def block(self, block: Block, state: State, fed: Fed | None) -> Ends:
        """A compound command."""
        fed = fed._replace(lines=True) if fed else None
        redirects = tuple([self.redirect(redirect, state) for redirect in block.redirects])
        self.parts += self.redirections(redirects, state)
        if any(redirect.fd == 0 for redirect in redirects):
            fed = None
        if block.kind == "(":
            self.script(block.parts[0], state, fed)
            return Ends(state, state)
        if block.kind == "{":
            after = self.script(block.parts[0], state, fed)
        elif block.kind == "if":
            ends = self.ends(block.parts[0], state, fed)
            yes = self.script(block.parts[1], ends.well or state, fed)
            no = self.script(block.parts[2], ends.badly or state, fed) if len(block.parts) > 2 else ends.badly
            after = union(yes, no)
        else:
            after = self.loop(block, state, fed)
        return Ends(after, after)

    def loop(self, block: Block, state: State, fed: Fed | None) -> State | None:
        """A loop: what it changes is not known inside it."""
        changed = builtins.changes(block)
        if "cd" in changed:
            self.parts.append(unknown("which folder a loop with 'cd' in it works in is only known when it runs"))
        inside = state.blurred(changed - {"cd"})
        turns = self.turns
        if block.kind == "for":
            values, count = self.turned(block, state)
            self.turns *= max(count, 1)
            if self.turns > _MOST_TURNS:
                self.parts.append(unknown(f"loops that run more than {_MOST_TURNS} times"))
            for value in values:
                self.script(block.parts[0], inside.set(block.name, value), fed)
            inside = inside.set(block.name, UNKNOWN)
        else:
            self.parts += builtins.endless(block, _ENDLESS)
            self.turns *= _MANY
            if self.turns > _MOST_TURNS:
                self.parts.append(unknown("loops inside loops, whose number of turns is only known when they run"))
            after = self.script(block.parts[0], inside, fed)
            self.script(block.parts[1], after or inside, fed)
        self.turns = turns
        return union(state, inside.blurred(changed - {"cd"}))

    def turned(self, block: Block, state: State) -> tuple[list[Value], int]:
        """What a `for` loop's variable may be, and at most how many times the loop turns."""
        values: list[Value] = []
        count, many = 0, False
        for word in block.words:
            if len(word.pieces) == 1 and word.pieces[0].kind == "run" and (inner := word.pieces[0].inner) and outputs.numbers(inner):
                self.words(word, state)
                values.append(Value(NUMBER))
                count += builtins.span(inner.commands[0].argv)
                continue
            for made in self.words(word, state):
                values += self.turn(made, state)
                many = many or bool(made.pattern or made.sort)
                count += not (made.pattern or made.sort)
        values = list(dict.fromkeys(values))
        return (values if len(values) <= _MOST_UNROLLED else [UNKNOWN]), count + (_MANY if many else 0)

    def turn(self, word: Word, state: State) -> list[Value]:
        """The values that one word of a `for` loop gives."""
        if word.sort == "names":
            return [Value(word.text, (word.text,))]
        if word.sort or not word.pattern:
            return [UNKNOWN if word.sort else Value(word.text)]
        if not self.guarded:
            return [UNKNOWN]
        for setting in state.settings:
            part = used(Doing("for", "read", word, many=True), setting)
            if part and part.risk >= Risk.HIGH:
                return [UNKNOWN]
        folder = builtins.folder(word)
        return [Value(folder, (folder,))]

    def assigned(self, word: Word, state: State) -> Value:
        """The value that an assignment gives."""
        if len(word.pieces) == 1:
            return self.value(word.pieces[0], state)
        return Value(joined(word, lambda piece: self.text(piece._replace(quoted=True), state)))

    def redirect(self, redirect: Redirect, state: State) -> Redirect:
        """A redirection with its target known, or marked as not known."""
        if not redirect.word.pieces:
            return redirect
        made = [Word(redirect.target)] if redirect.op == "<<<" else self.words(redirect.word, state)
        if redirect.op == "<<<":
            joined(redirect.word, lambda piece: self.text(piece._replace(quoted=True), state))
        if len(made) != 1 or made[0].pattern or made[0].sort:
            raise Uninspectable("which file a redirection names is only known when it runs")
        return redirect._replace(target=made[0].text, word=Word(""))

    def words(self, word: Word, state: State) -> list[Word]:
        """The words that a word stands for, as far as is known."""
        pieces = word.pieces
        if not pieces:
            return [word]
        first, rest = pieces[0], "".join([piece.text for piece in pieces[1:]])
        fits = all(piece.kind == "text" for piece in pieces[1:]) and (not rest or (rest[0] == "/" and ".." not in rest.split("/")))
        if fits and first.kind in ("var", "run"):
            value = self.value(first, state)
            if value.roots:
                return [outputs.named(root + rest) for root in value.roots]
            return expand(word, lambda piece: self.shown(piece, value) if piece is first else self.text(piece, state))
        return expand(word, lambda piece: self.text(piece, state))

    def text(self, piece: Piece, state: State) -> str:
        """The text of a piece, with marks."""
        return self.shown(piece, self.value(piece, state))

    @staticmethod
    def shown(piece: Piece, value: Value) -> str:
        """A value as the text it puts into a word."""
        text = ANY if value.roots else value.text
        return SPLIT if ANY in text and not piece.quoted else text

    def value(self, piece: Piece, state: State) -> Value:
        """What a piece gives."""
        if piece.kind == "sum":
            return self.sum(piece.text, state)
        if piece.kind == "var":
            return self.variable(piece, state)
        assert piece.inner is not None  # noqa: S101 - for the type checker: the other kinds have a script
        if piece.kind == "from":
            self.script(piece.inner, state)
            return Value(STREAM)
        return self.output(piece.inner, state)

    def variable(self, piece: Piece, state: State) -> Value:
        """The value of a variable, changed as `${x%p}` says."""
        if piece.text in ("?", "$"):
            value = Value(NUMBER)
        elif piece.text == "PWD":
            value = Value(state.settings[0].cwd) if len(state.settings) == 1 and not state.lost else UNKNOWN
        else:
            if piece.text not in state.values and telling(piece.text):  # whoever runs the text for us may have it
                self.parts.append(unknown(f"the variable {piece.text!a} may hold a secret"))
            value = state.values.get(piece.text) or self.inherited(piece.text)
        op, pattern = piece.change
        if op == "#len":
            return Value(NUMBER)
        if not op:
            return value
        if value.roots or not value.text.isprintable():
            return UNKNOWN
        return Value(trimmed(value.text, op, pattern))

    def inherited(self, name: str) -> Value:
        """The value of a variable that the script does not set: empty where we run it, anything where a shell runs it that has its own."""
        if self.guarded or name in OURSELVES:
            return Value(constants().get(name, ""))
        return UNKNOWN

    def sum(self, text: str, state: State) -> Value:
        """The value of a sum, when that of every variable in it is known."""
        names = [name for name in text.split() if name.isidentifier()]
        if not self.guarded and (foreign := next((name for name in names if name not in state.values), "")):
            self.parts.append(unknown(f"what the variable {foreign!a} holds, which bash computes, is not known"))
        values = {name: state.values.get(name, Value("")).text for name in text.split() if name.isidentifier()}
        if any(not value.isprintable() for value in values.values()):
            return UNKNOWN
        return Value(str(sums.compute(text, values.get)))

    def output(self, script: Script, state: State) -> Value:
        """What a substitution gives; its commands are judged."""
        self.nesting += 1
        before = len(self.parts)
        fed: Fed | None = None
        made: Command | None = None
        if len(script.pipelines) == 1 and not script.pipelines[0].prefix:
            for step in script.pipelines[0].steps:
                made = self.expanded(step, state) if isinstance(step, Command) and len(script.pipelines[0].steps) == 1 else None
                fed = self.step(step, state, fed)[1]
        else:
            self.script(script, state)
        self.nesting -= 1
        if len(self.parts) == before:
            self.parts.append(_NONE)
        if made and made.argv[:1] == ("seq",) and builtins.span(made.argv) > _MOST_TURNS:
            self.parts.append(unknown(f"a text of more than {_MOST_TURNS} numbers"))
        value = outputs.of(script, made, state.settings[0].cwd if len(state.settings) == 1 else "")
        if value == UNKNOWN and fed and fed.roots and outputs.static(script):
            value = Value(fed.roots[0], fed.roots)
        return value if not value.roots or (self.guarded and outputs.static(script)) else UNKNOWN

    def expanded(self, command: Command, state: State) -> Command:
        """A command with its words known where they are; for looking at, not for judging."""
        mute = Flow()
        return command._replace(words=tuple([made for word in command.words for made in mute.words(word, state)]))
