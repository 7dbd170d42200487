"""Inside: a context variable that has a value for what is called inside a `with`. Like a generator that sets and resets, at a third of its cost.

>>> from contextvars import ContextVar
>>> speed = ContextVar("speed", default=0)
>>> with Inside(speed, 5) as value:
...     value, speed.get()
(5, 5)
>>> speed.get()
0
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Inside(Generic[T]):
    """To be entered once; `with` gives the value. variable: its own type may be wider than the value's."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[Any], value: T) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> T:
        self._token: Token[Any] = self._variable.set(self._value)
        return self._value

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)
