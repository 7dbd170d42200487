"""What the adapter of Pydantic AI makes of validated arguments.

>>> sendable({"path": "a"}, {"path": {}})
{'path': 'a'}
>>> sendable({"mail": {"to": "bob"}}, {"to": {}})  # a function that takes one model, whose fields are what is sent
{'to': 'bob'}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from gate.constraints.value import is_object


def sendable(values: Any, properties: Mapping[str, object]) -> Any:
    """Validated arguments in the form of the tool's JSON Schema. What a tool takes as one model is sent as the fields of that.

    Where the one could be the other it is neither, and no call is made of it.
    """
    plain: Any = to_jsonable_python(values, by_alias=True)
    inner = next(iter(plain.values())) if is_object(plain) and len(plain) == 1 else None
    if not is_object(inner):
        return plain
    name = next(iter(plain))
    if name in properties:
        return "either a model or its field" if name in inner and inner.keys() <= properties.keys() else plain
    return inner
