r"""Regex: a pattern that is compiled when it is first used.

Reading commands and addresses takes some two hundred patterns, and one call uses few of them; to compile them all as modules are imported took an
eighth of a hook's time.

>>> number = regex(r"\d+")
>>> bool(number.fullmatch("12")), bool(number.fullmatch("x"))
(True, False)

A pattern that is none fails where it is used, and there it refuses the call; a test compiles every one.
"""

from __future__ import annotations

import re
from typing import AnyStr, cast


class _Late:
    """Stands for the pattern. What was asked of it once is kept in its own dictionary, so that the next use costs what the pattern's would."""

    def __init__(self, *written: object) -> None:
        self._written = written

    def __getattr__(self, name: str) -> object:
        found: object = getattr(re.compile(*self._written), name)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportUnknownMemberType, reportArgumentType]  # as `regex` takes them
        self.__dict__[name] = found
        return found


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, for use as an object: it is no pattern for `re.match(pattern, …)` and the like."""
    return cast("re.Pattern[AnyStr]", _Late(pattern, flags))
