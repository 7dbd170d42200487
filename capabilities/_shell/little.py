"""The small programs inside commands: sed scripts, awk and jq programs, printf formats.

Each check takes the text and returns the files it reads; `Uninspectable` when the text could run something, write, read the environment,
never end, or is not understood.  They accept less than the real languages, never more.
"""

# lists of words are data, and read best as text
from __future__ import annotations

import math
import re
from typing import Final

from capabilities._shell.spec import Uninspectable, show
from gate.regex import regex

# sed(1), POSIX and GNU: addresses, then a command
_SED_ADDRESS: Final = regex(r"\s*(\d+(~\d+)?|\$|[+~]\d+)")
_SED_PLAIN: Final = frozenset("=dDgGhHnNpPxzF")
_SED_NUMBERED: Final = frozenset("lqQ")
_SED_LABEL: Final = regex(r"[ \t]*[A-Za-z_]\w*[ \t]*(?=[;\n}]|$)", re.ASCII)
_SED_FLAGS: Final = regex(r"[gpIiMm0-9]*")


def sed(text: str) -> None:  # noqa: PLR0912 - one branch for each sort of command
    """A sed script that only edits what goes through."""
    at, depth, labels = 0, 0, dict[str, bool]()
    while at < len(text):
        if text[at] in " \t\n;":
            at += 1
            continue
        if text[at] == "}":
            depth, at = depth - 1, at + 1
            continue
        begin = at
        at = _sed_addresses(text, at)
        while at < len(text) and text[at] in " \t!":
            at += 1
        command = text[at : at + 1]
        if command == "{":
            depth, at = depth + 1, at + 1
        elif command and command in _SED_PLAIN:
            if command == "N" and not text[begin:at].strip() and not depth:
                labels = dict.fromkeys(labels, True)  # each turn from one of these takes a line, so that the loop ends
            at = _sed_end(text, at + 1)
        elif command and command in _SED_NUMBERED:
            at = _sed_end(text, re.compile(r"\s*\d*").match(text, at + 1).end())  # type: ignore[union-attr]  # it matches the empty text too
        elif command == "s":
            at = _delimited(text, _delimited(text, at + 1), opened=True)
            at = _sed_end(text, _SED_FLAGS.match(text, at).end())  # type: ignore[union-attr]  # as above
        elif command == "y":
            at = _sed_end(text, _delimited(text, _delimited(text, at + 1), opened=True))
        elif command and command in ":b" and (found := _SED_LABEL.match(text, at + 1)):
            if command == "b" and not (text[begin:at].strip() == "$!" and labels.get(found.group().strip())):
                raise Uninspectable("whether this loop of the sed script ends is not known")
            labels |= {found.group().strip(): False} if command == ":" else {}
            at = found.end()
        elif command and command in "aic":
            at = _sed_text(text, at)
        else:
            raise Uninspectable(f"the sed command {show(command or text)} cannot be inspected")
    if depth:
        raise Uninspectable("the sed script's brackets do not match")


def _sed_addresses(text: str, at: int) -> int:
    for _ in range(2):
        if found := _SED_ADDRESS.match(text, at):
            at = found.end()
        elif text[at : at + 1] == "/" or text[at : at + 1] == "\\":
            at = _delimited(text, at + (text[at] == "\\"))
            while text[at : at + 1] in ("I", "M"):
                at += 1
        else:
            break
        blanks = len(text[at:]) - len(text[at:].lstrip(" \t"))
        if text[at + blanks : at + blanks + 1] != ",":
            break
        at += blanks + 1
        while text[at : at + 1] in (" ", "\t"):
            at += 1
    return at


def _sed_text(text: str, at: int) -> int:
    """The position of the line break that ends the text of `a`, `i` or `c`: one without an odd number of backslashes before it."""
    while (at := text.find("\n", at)) >= 0:
        line = text[:at]
        if (len(line) - len(line.rstrip("\\"))) % 2 == 0:
            return at
        at += 1
    return len(text)


def _sed_end(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    if at < len(text) and text[at] not in ";\n}":
        raise Uninspectable(f"{show(text[at : at + 20])} in a sed script cannot be inspected")
    return at


def _delimited(text: str, at: int, *, opened: bool = False) -> int:
    """The position after a part between delimiters: the one at `at`, or, for a second part, the one just before it."""
    mark = text[at - 1 : at] if opened else text[at : at + 1]
    if not mark or mark.isalnum() or mark in "\\\n \t":
        raise Uninspectable("the sed script ends early or has an odd delimiter")
    at += 0 if opened else 1
    bracket = False
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 2
            continue
        if char == "\n" and not opened:
            break
        if char == "[" and not opened and not bracket:
            bracket = True
            at += 2 if text[at + 1 : at + 2] == "^" else 1
            at += text[at : at + 1] == "]"
            if mark in text[at : text.find("]", at) + 1 or None]:
                raise Uninspectable("a delimiter inside brackets of a sed script is read differently by different versions")
            continue
        if char == "]":
            bracket = False
        if char == mark:
            return at + 1
        at += 1
    raise Uninspectable("a part of the sed script is not closed")


_AWK_TOKEN: Final = regex(
    r'\s+|#[^\n]*|"(?:[^"\\\n]|\\.)*"|[A-Za-z_]\w*|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|&&|\|\||\+\+|--|[-+*/%^!<>=]=|[$(){}\[\],;?:!~<>=+*%^-]|/|\n',
    re.ASCII,
)
# brackets only where every awk sees the same end of them: a slash, a `[` or a first `]` inside is read differently
_AWK_REGEX: Final = regex(r"/(?:[^/\\\n\[]|\\.|\[(?!\^?\])(?:[^\[\]\\\n/]|\\[^\]\n]|\[:[a-z]+:\])+\])*/")
_AWK_KEYWORDS: Final = frozenset(["print", "printf", "if", "else", "in", "next", "exit", "delete"])
_AWK_REFUSED: Final = frozenset(
    "system getline close fflush while for do function func nextfile return switch case default break continue ENVIRON PROCINFO ARGV ARGC ARGIND "
    "SYMTAB FUNCTAB include load namespace BEGINFILE ENDFILE TEXTDOMAIN BINMODE LINT ERRNO".split()
)
_AWK_EACH: Final = regex(r"\s*\(\s*[A-Za-z_]\w*\s+in\s+[A-Za-z_]\w*\s*\)", re.ASCII)  # once for each index
_AWK_WIDTH: Final = regex(r"%[-+ #0']*(\d*\.)?(\*|\d{5})")
# a field of a large or computed number that is set, a number of fields that is, and text that doubles with each line
_AWK_MUCH: Final = regex(
    r"\$\s*[(+]*\s*(\d{5,}|[\d.]+[eE])|\$\s*([A-Za-z_]\w*(?<!NF)|\(.*?\)+)\s*([-+*/%^]|\*\*)?=(?![=~])|\bNF\s*([+*/%^]|\*\*)?=(?!=)\s*(?!\d{1,4}\b(?!\s*[.*^eE(+]))"
    r"|\b([A-Za-z_]\w*)\s*=\s*\(?\s*\5\s+\5\b|\$\s*(\d+)\s*=\s*\$\6\s+\$\6\b"
)
_AWK_OPERAND: Final = regex(r"[\w\"\]).]$")


def awk(text: str) -> None:
    """An awk program that only prints what it computes from its input, in one pass: no loops, pipes, files or environment."""
    if _AWK_MUCH.search(text):
        raise Uninspectable("the awk program may make more fields, or longer text, than is sensible")
    if _AWK_WIDTH.search(text):
        raise Uninspectable("a format of the awk program is too wide, or of a width that is only known when it runs")
    at, before, printing = 0, "", False
    while at < len(text):
        form = _AWK_REGEX if text[at] == "/" and not _awk_divides(before, text) else _AWK_TOKEN
        found = form.match(text, at)
        if found is None or not found.group():
            raise Uninspectable(f"{show(text[at : at + 20])} in an awk program cannot be inspected")
        word, at = found.group(), found.end()
        if word[0] == "#" or (word.isspace() and "\n" not in word):
            continue
        if word == "for" and _AWK_EACH.match(text, at):
            before = word
            continue
        if word in _AWK_REFUSED:
            raise Uninspectable(f"{show(word)} in an awk program can run, read or repeat what cannot be told")
        if word in ("print", "printf"):
            printing = True
        elif word in (";", "{", "}"):
            printing = False
        elif word == ">" and printing:
            raise Uninspectable("an awk program that prints into a file cannot be inspected")
        before = "\n" if "\n" in word else word


def _awk_divides(before: str, text: str) -> bool:
    """Whether a slash after this token divides; `Uninspectable` where that depends on more than the token."""
    if before in _AWK_KEYWORDS or before in ("++", "--", "$") or (before == ")" and "if" in text):
        raise Uninspectable(f"a slash after {show(before)} in an awk program can be read in two ways")
    return bool(before) and _AWK_OPERAND.search(before) is not None


_JQ_REFUSED: Final = regex(
    r"(?<![.\w])(env|input_filename|import|include|def|while|until|repeat|range|recurse|combinations|infinite|get_search_list|modulemeta)\b|\$(ENV\b|__|(?![A-Za-z_]))"
)


# text times what is computed, and a place in a list that is far away
_JQ_MUCH: Final = regex(r"\"\s*\*\s*(?![\d\s])|[^\s\d.]\s*\*=?\s*\"|\[\s*(\d{6,}|[\d.]+[eE])|setpath\(\s*\[.*(\d{6,}|\d[eE])|\blimit\(\s*\d*[eE]")
_JQ_NUMBER: Final = regex(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_JQ_TIMES: Final = 10_000


def jq(text: str) -> None:
    """A jq filter without environment, modules, definitions, loops, or text and lists that are made as long as a number says."""
    if _JQ_MUCH.search(text) or ("*" in text and any(float(number) > _JQ_TIMES for number in _JQ_NUMBER.findall(text))):
        raise Uninspectable("the jq filter may make a longer text or list than is sensible")
    if "*" in text and '"' in text and math.prod(max(1.0, float(number)) for number in _JQ_NUMBER.findall(text)) > _JQ_TIMES:
        raise Uninspectable("the jq filter may repeat a text more often than is sensible")
    if found := _JQ_REFUSED.search(text):
        raise Uninspectable(f"{show(found.group())} in a jq filter cannot be inspected")


_FORMAT: Final = regex(r"(?:[^%]|%%|%[-+ #0']*\d{0,4}(?:\.\d{0,4})?[diouxXeEfFgGaAcsbq])*")


def printf(text: str) -> None:
    """A printf format that prints its arguments once, in no more than a screen each."""
    if text.startswith("-") or not _FORMAT.fullmatch(text):
        raise Uninspectable(f"the format {show(text)} cannot be inspected")
