"""Python text that can be handed to an interpreter: of a sane size, in one spelling, and parsed once without being run.

CPython's parser and compiler recurse; what is nested deeper than people write is refused before they see it.
"""

from __future__ import annotations

import ast
import fcntl
import os
import re
import tempfile
import warnings
from typing import IO, Final

from gate.frozen import freeze
from gate.regex import regex

MOST: Final = 100_000
DEEPEST: Final = 60
_RUN: Final = regex(r"(?:[-+~]\s*){400}|(?:\bnot\s+){100}|(?:\blambda\b[^:\n]{0,40}:\s*){100}|(?:\.\s*\w+\s*){400}", re.ASCII)


def parsed(value: object) -> str:
    """The text itself; ValueError for what is no text of Python."""
    if not isinstance(value, str):
        raise ValueError("code is text")
    text = str.__str__(value)
    if not text.strip():
        raise ValueError("there is no code")
    if len(text) > MOST:
        raise ValueError(f"code is at most {MOST} characters long, and this has {len(text)}")
    if "\0" in text or "\r" in text or "\f" in text:
        raise ValueError("code holds no NUL, carriage return or form feed: editors and people do not see them as the interpreter does")
    freeze(text)
    if hidden := next((char for char in text if not char.isprintable() and char not in "\n\t"), None):
        raise ValueError(f"the character U+{ord(hidden):04X} is not visible")
    _shallow(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<code>", "exec", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        raise ValueError(f"it is no Python: {ascii(error.msg)[1:-1][:80]} (line {error.lineno})") from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise ValueError("it is nested too deep, or holds a number that is too long") from None
    return text


def sealed(text: str) -> IO[bytes]:
    """A file that holds the text and that nobody can write: what reads it may open it again (`/proc/self/fd/0`)."""
    if not hasattr(os, "memfd_create"):
        file = tempfile.TemporaryFile()  # noqa: SIM115  # whoever runs it closes it
        file.write(text.encode())
        file.seek(0)
        return file
    made = os.fdopen(os.memfd_create("code", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+b", buffering=0)
    made.write(text.encode())
    made.seek(0)
    fcntl.fcntl(made.fileno(), fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return made


def _shallow(text: str) -> None:
    deep = 0
    for char in re.findall(r"[\[\](){}]", text):
        deep += 1 if char in "[({" else -1 if deep else 0
        if deep > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    if _RUN.search(text) or max((len(line) - len(line.lstrip(" \t")) for line in text.split("\n")), default=0) > 400:
        raise ValueError("it is nested deeper than people write")
    if text.count("elif") > 500 or text.count("**") > 1000 or any(len(re.findall(r"[-+*/%@|&^<>=]", line)) > 1000 for line in text.split("\n")):
        raise ValueError("it chains more than people write")
