"""What a program does with its options and operands, as one line of data.

    "text read* -ivn -e:text! -r>tree -m:num --include:text --color[:text]"

| token | means |
|---|---|
| `text read*` | operands in order and their roles; `*` any number, `?` may be left out, `command` the rest is another command |
| `-ivn` | options without a value, which may be clustered; `-#` a number such as `-5` |
| `-m:num` | an option with a value of that role, in the same word or the next one |
| `--color[:text]` | an option whose value, if any, is in the same word |
| `-r>tree` | an option that turns the operands' role (the last one) into another |
| `-e:text!` | an option that stands for the first operand, which is then left out |
| `~` | long options begin with one dash |
| `@` | a word that begins with `@` names a file with further words, wherever it stands |

Roles: `text` is never a path; `num` a number; `read`, `list`, `tree` a path whose content, name, or everything below is read; `write`,
`delete` a path that is changed or removed; `exec` runs its value; `net` reaches the network; `sed`, `awk`, `jq`, `format` are small
programs that are looked into; `assign` is `NAME=value`.

Everything not listed is not known, and what is not known cannot be inspected.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from capabilities._shell.marks import ANY
from capabilities._shell.script import Word
from gate.regex import regex

NUMBER: Final = regex(r"[+-]?(\d{1,9}(\.\d{1,9})?[a-zA-Z]{0,3}(/\d{1,6})?|0x[\da-fA-F]{1,8})", re.ASCII)
_TOKEN: Final = regex(r"(?P<name>--?[^:>\[!]+)(?P<optional>\[:(?P<inner>\w+)\])?(:(?P<value>\w+))?(>(?P<upgrade>\w+))?(?P<first>!)?")
_ALWAYS: Final[tuple[str, ...]] = ("--help", "--version")


class Uninspectable(Exception):
    """What a command would do cannot be told from its words; the message says which word."""


class Option(NamedTuple):
    """What one option takes: the role of its value ("" for none), whether that may be left out, what it turns operands into."""

    value: str = ""
    optional: bool = False
    upgrade: str = ""
    first: bool = False


class Use(NamedTuple):
    """One value a command names, the role it has there, and whether the word may stand for several files here."""

    role: str
    word: Word
    many: bool = False


class Spec(NamedTuple):
    """One parsed line. `many` is the position of the operand that may repeat, -1 for none; `least` how many are needed."""

    operands: tuple[str, ...]
    many: int
    least: int
    options: dict[str, Option]
    number: bool
    ordered: bool
    files: bool
    dashed: bool = False


@lru_cache(maxsize=1024)
def parse(line: str) -> Spec:
    """The spec of one line of data."""
    operands: list[str] = []
    options: dict[str, Option] = dict.fromkeys(_ALWAYS, Option())
    many, least, number, files, dashed = -1, 0, False, False, False
    for token in line.split():
        if token == "-#":  # a token of the data
            number = True
        elif token == "@":
            files = True
        elif token == "~":
            dashed = True
        elif token[0] != "-":
            if token[-1] == "*":
                many = len(operands)
            elif token[-1] != "?":
                least += 1
            operands.append(token.rstrip("*?"))
        else:
            found = _TOKEN.fullmatch(token)
            if found is None:
                raise ValueError(f"the option data {token!r} is malformed")
            option = Option(found["value"] or found["inner"] or "", bool(found["optional"]), found["upgrade"] or "", bool(found["first"]))
            if dashed:
                found = _TOKEN.fullmatch(f"-{token}" if token[1] != "-" else token) or found
            names = [found["name"]] if found["name"].startswith("--") else [f"-{letter}" for letter in found["name"][1:]]
            options.update(dict.fromkeys(names, option))
    return Spec(tuple(operands), many, least, options, number, "command" in operands, files, dashed)


class Match(NamedTuple):
    """What a command's words are used for, and the words of the command it runs, if its program is one that runs another."""

    uses: list[Use]
    command: tuple[Word, ...] = ()
    options: frozenset[str] = frozenset()
    upgraded: bool = False


@lru_cache(maxsize=128)
def matched(line: str, words: tuple[Word, ...]) -> Match:
    """As `match`, by the line of data; kept, because a command is looked at several times."""
    return match(parse(line), words)


def match(spec: Spec, words: tuple[Word, ...]) -> Match:  # noqa: PLR0912 - one pass over the words, as getopt does
    """The use of each word after the program's name; `Uninspectable` for an option or operand that the spec does not know."""
    uses: list[Use] = []
    operands: list[Word] = []
    seen: set[str] = set()
    upgrade, first, at = "", False, 0
    dashed, many = spec.dashed, len(spec.operands) if spec.ordered else len(words) + 1  # after so many operands no option is looked for
    if spec.files and (named := next((word.text for word in words if word.text.startswith("@")), "")):
        raise Uninspectable(f"{show(named)} names a file with further words, which are only known when it runs")
    while at < len(words):
        word = words[at]
        at += 1
        text = word.text
        if text == "--":
            operands += words[at:]
            break
        if word.sort == "split" or text[:1] == ANY:
            raise Uninspectable("a word that is only known when it runs may be an option")
        if text[:1] != "-" or text == "-":
            operands.append(word)
            if len(operands) >= many:
                operands += words[at:]
                break
            continue
        if dashed and text[1] != "-":
            text = f"-{text}"
        if word.pattern:
            raise Uninspectable(f"which files {show(text)} names is only known when it runs")
        if spec.number and text[1:].isdigit() and len(text) < 12:
            continue
        if (option := spec.options.get(text)) is not None and not option.value:  # one option without a value
            seen.add(text)
            upgrade, first = option.upgrade or upgrade, first or option.first
            continue
        for name, value in _split(spec, text):
            option = spec.options[name]
            seen.add(name)
            upgrade, first = option.upgrade or upgrade, first or option.first
            if not option.value:
                continue
            if value is None and not option.optional:
                if at >= len(words):
                    raise Uninspectable(f"the option {show(name)} lacks its value")
                value_word = words[at]
                if value_word.sort:
                    raise Uninspectable(f"the value of {show(name)} is only known when it runs")
                at += 1
            else:
                value_word = Word(value) if value is not None else Word("")
            if value is not None or not option.optional:
                uses.append(Use(option.value, value_word))
    return _operands(spec, uses, operands, upgrade, frozenset(seen), first=first)


def _split(spec: Spec, text: str) -> list[tuple[str, str | None]]:
    """The options one word holds, each with the value in the same word, if there is one."""
    if text.startswith("--"):
        name, equals, value = text.partition("=")
        option = spec.options.get(name)
        if option is None or (equals and not option.value):
            raise Uninspectable(f"the option {show(name)} cannot be inspected")
        return [(name, value if equals else None)]
    found: list[tuple[str, str | None]] = []
    for position in range(1, len(text)):
        name = f"-{text[position]}"
        option = spec.options.get(name)
        if option is None:
            raise Uninspectable(f"the option {show(name)} cannot be inspected")
        if option.value and position + 1 < len(text):
            found.append((name, text[position + 1 :]))
            break
        found.append((name, None))
    return found


def _operands(  # one case for each place an operand may have
    spec: Spec, uses: list[Use], words: list[Word], upgrade: str, seen: frozenset[str], *, first: bool
) -> Match:
    roles, many, least = spec.operands, spec.many, spec.least
    if first and roles:
        roles, many, least = roles[1:], many - 1 if many > 0 else many, least - 1
        if many == 0 and spec.many == 0:
            roles, many, least = spec.operands, spec.many, spec.least
    if len(words) < least and seen.isdisjoint(_ALWAYS):
        raise Uninspectable("it lacks an operand, so what it works on is not known")
    if many < 0 and len(words) > len(roles) and roles[-1:] != ("command",):
        raise Uninspectable(f"the operand {show(words[len(roles)].text)} cannot be inspected")
    if upgrade and roles:
        roles = tuple([upgrade if role in ("read", "list", "tree", "write", "delete") else role for role in roles])
    after = len(roles) - many - 1 if many >= 0 else 0
    if many == 0 and not after and roles[0] != "command":  # any number of one sort, as most have
        uses += [Use(roles[0], word, True) for word in words]
        return Match(uses, (), seen, bool(upgrade))
    for position, word in enumerate(words):
        if many < 0 or position < many:
            role, repeated = roles[position], False
        elif position >= len(words) - after:
            role, repeated = roles[len(roles) - (len(words) - position)], False
        else:
            role, repeated = roles[many], after == 0
        if role == "command":
            return Match(uses, tuple(words[position:]), seen)
        uses.append(Use(role, word, repeated))
    return Match(uses, (), seen, bool(upgrade))


def show(text: str) -> str:
    """A word for a reason, escaped and cut."""
    return ascii(text) if len(text) <= 60 else f"{ascii(text[:60])[:-1]}…'"
