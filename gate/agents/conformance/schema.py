"""The JSON Schema of a tool of the scenarios, for frameworks in which users write it themselves."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, Final

_NAMES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


def json_schema(function: Callable[..., Any]) -> dict[str, object]:
    """The schema of a function of texts and numbers."""
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters
    return {
        "type": "object",
        "properties": {name: {"type": _NAMES[hints[name]]} for name in parameters},
        "required": [name for name, one in parameters.items() if one.default is one.empty],
        "additionalProperties": False,
    }
