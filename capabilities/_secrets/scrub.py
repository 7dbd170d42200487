"""Taking values of secrets out of what an agent sees.

>>> Scrubber({"token": "s3cr3t-value"}).text("the answer: s3cr3t-value, czNjcjN0LXZhbHVl")
'the answer: {secret:token}, {secret:token}'
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

from gate.constraints.value import is_array, is_object

SHORTEST: Final = 8


class Scrubber:
    """Takes values of secrets out of texts, also where they are written in base64, hexadecimal, percent signs or as JSON."""

    def __init__(self, values: Mapping[str, str]) -> None:
        found = {form: key for key, value in values.items() for form in _forms(value)}
        self._names = {form.lower(): key for form, key in found.items()}
        longest_first = sorted(found, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if found else None

    def text(self, text: str) -> str:
        """The text with every form of a value replaced by its reference."""
        return self._pattern.sub(lambda hit: f"{{secret:{self._names[hit[0].lower()]}}}", text) if self._pattern else text

    def data(self, value: object) -> object:
        """The same for every text inside plain data, names of members too."""
        if isinstance(value, str):
            return self.text(value)
        if is_object(value):
            return {self.text(str(key)): self.data(item) for key, item in value.items()}
        return [self.data(item) for item in value] if is_array(value) else value

    def __repr__(self) -> str:
        return "<scrubber>"


def _forms(value: str) -> Iterator[str]:
    raw = value.encode()
    yield from (value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], raw.hex(), value[::-1])
    for shift in range(3):  # base64 of a longer text that holds it, at each of its three positions
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * shift + raw).decode().rstrip("=")
            begin, end = (0, 2, 3)[shift], len(coded) - (1 if (len(raw) + shift) % 3 else 0)
            if end - begin >= SHORTEST:
                yield coded[begin:end]
