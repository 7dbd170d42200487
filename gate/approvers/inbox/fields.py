"""Fields: what a form posts, read strictly: one kind of body, every field once, UTF-8.

>>> fields(b"verdict=deny&reason=not%20now")
{'verdict': 'deny', 'reason': 'not now'}
>>> fields(b"scope=0&scope=1")
Traceback (most recent call last):
ValueError: the field 'scope' came twice
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from starlette.requests import Request

MOST: Final = 500
FORM: Final = "application/x-www-form-urlencoded"


def fields(body: bytes) -> dict[str, str]:
    """The fields of a form by name; ValueError for what is no form, or is one that our pages do not make."""
    found: dict[str, str] = {}
    text = body.decode("ascii")
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST) if text else ():
        if name in found:
            raise ValueError(f"the field '{name[:40]}' came twice")
        found[name] = value
    return found


async def posted(request: Request) -> dict[str, str]:
    """The fields of a request; ValueError as above."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise ValueError("this is no form")
    return fields(await request.body())


def whole(given: Mapping[str, str], name: str, most: float, least: int = 1) -> int | None:
    """A whole number from `least` to `most` in a field, None for an empty one; ValueError for anything else."""
    text = given.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not least <= int(text) <= most:
        raise ValueError(f"{name}: a whole number from {least} to {int(most)}")
    return int(text)
