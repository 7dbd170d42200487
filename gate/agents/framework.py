"""Framework: what adapters need before they know their framework: the framework itself, and what a model sent as text.

>>> read('{"path": "a"}')
{'path': 'a'}
>>> read("")
{}
>>> read('{"path": "a", "path": "b"}')  # two of one name: which one would be checked?
'{"path": "a", "path": "b"}'
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from gate.constraints.value import is_array, is_object
from gate.errors import ConfigError


def framework(module: str, *, extra: str) -> Any:
    """A module of the framework. ConfigError, which names the extra, where it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(f'{module} cannot be imported ({error}); pip install "capgate[{extra}]"') from error


def read(text: object) -> object:
    """The arguments of a call that are sent as text. What is no JSON stays text, and no call is made of that."""
    from gate.commands.strict import decode

    if not isinstance(text, str):
        return text
    try:
        return decode(text.encode()) if text.strip() else {}
    except (ValueError, RecursionError):
        return text


def sendable(schema: Mapping[str, object]) -> dict[str, object]:
    """The schema of a tool's arguments, in which what has a default may be left out. A strict mode has the model send all; not every model does.

    >>> sendable({"properties": {"to": {}, "body": {"default": "hello"}}, "required": ["to", "body"]})["required"]
    ['to']
    """
    properties, required = schema.get("properties"), schema.get("required")
    defaults = {name for name, one in properties.items() if is_object(one) and "default" in one} if is_object(properties) else set[str]()
    return {**schema, "required": [name for name in required if name not in defaults] if is_array(required) else []}
