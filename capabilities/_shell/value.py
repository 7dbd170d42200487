"""From what an agent sends as a command to the script it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from capabilities._shell.grammar import MAX_LENGTH, flat, lex
from capabilities._shell.script import Script, of_argv
from gate.constraints.value import is_array, show

_MAX_WORDS: Final = 1024
_KEPT: Final = 64
_TEXT: Final = frozenset([str])
# A command is parsed, assessed and constrained: three times the same text or words.  Only what follows from those alone is kept.
_scripts: dict[str | tuple[str, ...], Script] = {}


def canonical(value: object, home: str = "") -> str:
    """The command in its one form; ValueError says what is wrong with it."""
    if type(value) is str and len(value) <= MAX_LENGTH and (script := flat(value)):
        text = value
    else:
        script = script_of(value, home)
        text = str(script)
    _keep(text, script)
    return text


def argv_of(value: object) -> list[str]:
    """The words of a command that is a list of words; ValueError says what is wrong with it."""
    return [word.text for word in script_of(value).pipelines[0].steps[0].words]


def script_of(value: object, home: str = "") -> Script:
    """The script of a command, text or list of words; ValueError says what is wrong with it."""
    if isinstance(value, str):
        known = _scripts.get(value) if type(value) is str and "~" not in value else None
        return known or lex(str.__str__(value), home)
    if not is_array(value):
        raise ValueError(f"a command is text or a list of words, not {'null' if value is None else f'a {type(value).__name__}'}")
    words = tuple(value)
    if _TEXT.issuperset(map(type, words)) and (known := _scripts.get(words)):  # type: ignore[arg-type]  # all of them are text
        return known
    made = tuple(_checked(words))
    script = of_argv(made)
    _keep(made, script)
    return script


def _keep(value: str | tuple[str, ...], script: Script) -> None:
    if len(_scripts) >= _KEPT:
        _scripts.clear()
    _scripts[value] = script


def _checked(value: Sequence[object]) -> list[str]:
    if not 0 < len(value) <= _MAX_WORDS:
        raise ValueError(f"a command has 1 to {_MAX_WORDS} words")
    words, room = list[str](), MAX_LENGTH
    for word in value:
        if not isinstance(word, str):
            raise ValueError(f"every word of a command must be text, not a {type(word).__name__}")
        room -= len(word)
        if room < 0:
            raise ValueError(f"the command is too long; at most {MAX_LENGTH} characters are taken")
        if not word.isprintable() and not word.replace("\n", "").replace("\t", "").isprintable():
            raise ValueError(f"the word {show(word)} holds an unprintable character")
        words.append(str.__str__(word))
    if not words[0] or "'" in words[0]:
        raise ValueError("a command begins with the name of a program, without quotes in it")
    return words
