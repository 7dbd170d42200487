"""The lexer: what it takes a real shell reads the same, what it does not take is refused with a reason and a place."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities._process.supervise import Limits
from capabilities._shell.execute import Shell, Streams, expand
from capabilities._shell.grammar import flat, lex
from capabilities._shell.script import Command, Pipeline, Script, Word
from capabilities.shell import COMMAND
from tests.capabilities.bash import HOME, words

PIECES = [
    *"ab0=:.-,%+@^~#!]{}[*?$\\'\"  \t|&;<>()\nñ/",
    *(
        "{}",
        "'a b'",
        '"c d"',
        '"a\\"b"',
        '"$"',
        "&&",
        "||",
        "\\ ",
        "\\;",
        " w ",
        "; w ",
        "| w ",
        "&& w ",
        "2>&1",
        ">&2",
        " >f ",
        " 2>g ",
        "~/x",
        "[a-z]",
        "=~",
    ),
]
ALLOWED = ("w", "true", "false", ":", "unset", "export", "break", "continue")
WORDS = [
    *("a", "$x", '"$x"', "${x}y", "${x%b}", "${x#a}", "${#x}", "{a,b}c", "{1..3}", "$((1+2*n))", "$((n<3?n:7))", "$(w q)", '"$(w r s)"', "`w t`"),
    *(
        "'a b'",
        "a\\ b",
        "~",
        "$HOME/z",
        '"$UNSET"',
        "$UNSET",
        "''",
        "$'t\\tu'",
        "${UNSET:-d}",
        '"a$x b"',
        "*",
        "[ab]",
        "x=y",
        "-n",
        "$x$x",
        "{a,{b,c}}",
    ),
    *(
        "$((7/2-n**2))",
        "$((n&6|1))",
        "'$x'",
        "\\$x",
        '"\\$x"',
        "a#b",
        "$0",
        "$#",
        '"{a,b}"',
        "${x:+y}",
        "$?",
        "z{}",
        '""$x',
        '$x""',
        '"$x""$UNSET"',
        "}",
        "a{b",
        "{03..1}",
        "${x%%[b]*}",
    ),
]


def grown(chosen: random.Random, depth: int) -> str:
    """A random script of the language that is taken."""

    def some(most: int) -> str:
        return " ".join(chosen.choice(WORDS) for _ in range(chosen.randint(0, most)))

    def inner() -> str:
        return grown(chosen, depth - 1)

    if depth == 0 or chosen.random() < 0.25:
        return chosen.choice(
            [f"w {some(4)}", f"x={chosen.choice(WORDS)}", f"n={chosen.randint(0, 9)}", "false", "true", "unset x", f"w {some(2)} # c"]
        )
    if chosen.random() < 0.05:
        return f"w {some(2)} <<E\n{chosen.choice(WORDS[:9])}\nE\n{inner()}"
    return chosen.choice(
        [
            lambda: f"{inner()}; {inner()}",
            lambda: f"{inner()}\n{inner()}",
            lambda: f"{inner()} && {inner()}" if "\n" not in (one := inner()) else one,
            lambda: f"( {inner()} ) || {inner()}",
            lambda: f"{{ {inner()}\n}}",
            lambda: f"if {inner()}\nthen {inner()}\nelse {inner()}\nfi",
            lambda: f"if {inner()}\nthen {inner()}\nelif {inner()}\nthen w e\nfi",
            lambda: f"for x in {some(3)}; do {inner()}\ndone",
            lambda: f"while false; do {inner()}\ndone",
            lambda: f"for n in 1 2; do {inner()}\nbreak\ndone",
            lambda: f"! {{ {inner()}\n}}",
            lambda: f"w {some(2)} | w {some(2)}",
            lambda: f"x={chosen.choice(WORDS)} n=4; {inner()}",
            lambda: f'w "$({inner()}\n)"',
            lambda: f"w {some(1)} \\\n {some(2)}",
        ]
    )()


TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=16).map(lambda parts: "w " + "".join(parts))


def comparable(text: str) -> list[tuple[str, ...]] | None:
    """The words of each call to `w`, if the lexer takes the text and it can be run without touching anything but two files."""
    try:
        script = lex(text, HOME)
        if "$$" in text:  # the number of a process
            return None
        if any(command.words and command.words[0].text not in ALLOWED for command in every_command(script)):
            return None
        return sorted(Recorder.run(script))
    except ValueError:
        return None


EMPTY = tempfile.TemporaryDirectory()


class Recorder(Shell):
    """Runs everything but programs, whose words it keeps."""

    @classmethod
    def run(cls, script: Script) -> list[tuple[str, ...]]:
        """The words of each call to `w`."""
        shell = cls(EMPTY.name, Limits())
        shell.calls = []
        with mock.patch("capabilities._shell.opening.glob.glob", lambda *_, **__: []):  # bash is told not to expand patterns either
            shell.script(script, Streams(None, bytearray(), bytearray()))
        return shell.calls

    def guarded(self, pipeline: Pipeline, streams: Streams) -> int:
        return self.pipeline(pipeline, streams)

    def start(self, commands: list[Command], streams: Streams) -> int:
        for command in commands:
            found = self.words(command, streams, [])
            if found and found[0] == "w":
                self.calls.append(tuple(found[1:]))
            self.status = 1 if found == ["false"] else 0
        return self.status


def every_command(script: Script) -> Iterator[Command]:
    for pipeline in script.pipelines:
        for step in pipeline.steps:
            yield from [step] if isinstance(step, Command) else [one for part in step.parts for one in every_command(part)]
            words = [*step.words, *([word for _, word in step.assigns] if isinstance(step, Command) else [])]
            if any(one.op not in (">&", "<<<") and one.target not in ("f", "g") for one in step.redirects):
                raise ValueError("it would touch something")
            for piece in [piece for word in words for piece in word.pieces]:
                if piece.inner:
                    yield from every_command(piece.inner)


@pytest.mark.parametrize("seed", range(3))
def test_bash_reads_the_same_words(seed: int, tmp_path: Path) -> None:
    chosen = random.Random(seed)
    expected: dict[str, list[tuple[str, ...]]] = {}
    while len(expected) < 1500:
        text = "w " + "".join(chosen.choice(PIECES) for _ in range(chosen.randint(1, 14)))
        if (found := comparable(text)) is not None:
            expected[text] = found
    as_written = words(list(expected), tmp_path)
    canonical = words([str(lex(text, HOME)) for text in expected], tmp_path)
    for (text, ours), theirs, again in zip(expected.items(), as_written, canonical, strict=True):
        assert ours == theirs == again, text


@pytest.mark.parametrize("seed", range(3))
def test_bash_expands_and_branches_the_same(seed: int, tmp_path: Path) -> None:
    """Whole scripts: every word of every call, in bash as written, in bash in canonical form, and as we run it."""
    chosen = random.Random(seed)
    expected: dict[str, list[tuple[str, ...]]] = {}
    for _ in range(6000):
        text = grown(chosen, chosen.randint(1, 4))
        if len(expected) < 500 and (found := comparable(text)) is not None:
            expected[text] = found
    assert len(expected) == 500
    as_written = words(list(expected), tmp_path)
    canonical = words([str(lex(text, HOME)) for text in expected], tmp_path)
    for (text, ours), theirs, again in zip(expected.items(), as_written, canonical, strict=True):
        assert ours == theirs == again, text


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_the_canonical_form_is_its_own_canonical_form(text: str) -> None:
    try:
        script = lex(text, HOME)
    except ValueError:
        return
    again = lex(str(script))
    assert str(again) == str(script)
    assert [command.argv for command in again.commands] == [command.argv for command in script.commands]
    assert [[word.pattern for word in command.words] for command in again.commands] == [[word.pattern for word in c.words] for c in script.commands]
    assert [command.redirects for command in again.commands] == [command.redirects for command in script.commands]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused_with_a_reason(text: str) -> None:
    try:
        lex(text)
    except ValueError as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(blacklist_categories=("C", "Z")), max_size=12), min_size=1, max_size=5))
def test_a_list_of_words_survives_the_canonical_form(argv: list[str]) -> None:
    if argv[0] and "'" not in argv[0]:
        assert list(lex(COMMAND.parse(argv)).commands[0].argv) == argv


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("echo $(id )x)", "')' at character 13"),
        ("ls `id", "'`' at character 4"),
        ("case x", "'case' is part of the shell's own language"),
        ("ls &", "'&' at character 4"),
        ("cat <<x", "'<<' at character 5"),
        ("{a,b}", "'{' at character 1"),
        ("who$@ami", "'w' at character 1: the name of a program is written plainly"),
        ("PATH=b ls", "the assignment 'PATH='"),
        ("A+=b ls", "the assignment 'A+=b'"),
        ("if true; fi", "'then' must follow"),
        ("#!/bin/sh\nls", "'#!' at character 1"),
        ("a=(b c)", "'(' at character 3: a function or array"),
        ("f() { ls; }", "'(' at character 2"),
        ("[[ -f x ]]", "'[[' is part of the shell's own language"),
        ("((x++))", "arithmetic as a command"),
        ("echo $((x++))", "in arithmetic is not taken"),
        ("echo $RANDOM", "the variable 'RANDOM'"),
        ("echo ${!x}", "'${' at character 6"),
        ("echo ${a[$(id)]}", "'${' at character 6"),
        ("tee >(cat)", "'>(' at character 5"),
        ("ls \u202ex", "U+202E at character 4"),
        ("ls 'x", "the quote is not closed"),
    ],
)
def test_a_refusal_says_what_and_where(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        lex(text)
    assert place in str(caught.value)


def test_a_pattern_stands_for_what_bash_says_except_for_options(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", ".hidden.py", "c d.py", "-rf.py", "=x.py", "+y.py", "[z].py"):
        (tmp_path / name).touch()
    assert expand(lex("ls *.py").commands[0].words[1], str(tmp_path)) == ["./+y.py", "./-rf.py", "./=x.py", "./[z].py", "a.py", "b.py", "c d.py"]
    assert expand(lex("ls [ab].py").commands[0].words[1], str(tmp_path)) == ["a.py", "b.py"]
    assert expand(lex("ls [^a].py").commands[0].words[1], str(tmp_path)) == ["b.py"]
    assert expand(lex('ls "*".py').commands[0].words[1], str(tmp_path)) == ["*.py"]
    assert expand(lex("ls '['z*").commands[0].words[1], str(tmp_path)) == ["./[z].py"]
    assert expand(lex("ls *.none").commands[0].words[1], str(tmp_path)) == ["*.none"]
    assert expand(Word("plain*"), str(tmp_path)) == ["plain*"]


def test_the_limits_hold() -> None:
    with pytest.raises(ValueError, match="at most"):
        lex("a" * 20_000)
    with pytest.raises(ValueError, match="more than 64 commands"):
        lex("a" + ";a" * 70)
    assert len(lex("a" + ";a" * 63).commands) == 64


def test_a_home_folder_is_written_out() -> None:
    assert str(lex("ls ~/x ~", "/home/u")) == "ls /home/u/x /home/u"
    with pytest.raises(ValueError, match="~"):
        lex("ls ~/x")
    with pytest.raises(ValueError, match="~"):
        lex("ls ~root", "/home/u")


FLAT_WORDS = st.sampled_from(
    ["a", "-la", "x=1", "a/b", "5", "2", "if", "time", "export", "done", ".", "^", "in", "PATH=/x", "%", "--", "_", "@", "+=", "a,b", "read", "for"]
)
FLAT_JOINTS = st.sampled_from([" ", " ", " ", " | ", " && ", " || ", "; ", ";", " & ", " |& ", "  ", " ;; "])


@given(st.lists(st.tuples(FLAT_WORDS, FLAT_JOINTS), min_size=1, max_size=8))
def test_text_that_goes_past_the_lexer_is_what_the_lexer_reads(parts: list[tuple[str, str]]) -> None:
    text = "".join([word + joint for word, joint in parts])[: -len(parts[-1][1])]
    if (script := flat(text)) is not None:
        assert lex(f" {text}") == script  # the blank in front keeps it from going past
        assert COMMAND.parse(text) == str(script) == text
