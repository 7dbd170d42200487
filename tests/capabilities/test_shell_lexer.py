"""The lexer: what it takes a real shell reads the same, what it does not take is refused with a reason and a place."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities._shell.execute import expand
from capabilities._shell.lexer import lex
from capabilities._shell.script import Word
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
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=16).map(lambda parts: "w " + "".join(parts))


def comparable(text: str) -> list[tuple[str, ...]] | None:
    """The words of each call to `w`, if the lexer takes the text and it can be run without touching anything but two files."""
    try:
        script = lex(text, HOME)
    except ValueError:
        return None
    if any(command.words[0].text != "w" for command in script.commands) or any(line.after == "||" for line in script.pipelines):
        return None
    if any(one.op == "<" or (one.op != ">&" and one.target not in "fg") for command in script.commands for one in command.redirects):
        return None
    return sorted(command.argv[1:] for command in script.commands)


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
        ("echo $(id)", "'$(' at character 6"),
        ("ls `id`", "'`' at character 4"),
        ("ls\nid", "'\\n' at character 3"),
        ("ls &", "'&' at character 4"),
        ("cat <<x", "'<<' at character 5"),
        ("{a,b}", "'{' at character 1"),
        ("A=b ls", "the assignment 'A=b'"),
        ("if true", "'if' is part of the shell's own language"),
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
