"""Marks: how a word that is only known when it runs stands among those that are known, while a command is judged.

Each mark is a character that no command can hold, so that whatever looks at a text and knows nothing of marks refuses it: an option with one
is not known, a path with one is unprintable, a number with one is none.
"""

from __future__ import annotations

from typing import Final

ANY: Final = "\0"  # any text
NUMBER: Final = "\1"  # a whole number without a sign
STREAM: Final = "\2"  # the name of a stream that we made
SPLIT: Final = "\3"  # any number of any words
TOKEN: Final = "\4"  # letters, digits, `.:+_@` and, not in front, `-`
MARKS: Final = frozenset([ANY, NUMBER, STREAM, SPLIT, TOKEN])


def sample(text: str) -> str:
    """A text with its numbers and tokens replaced by an example, for looking at where it would lead."""
    return text if text.isprintable() else text.replace(NUMBER, "0").replace(TOKEN, "0")
