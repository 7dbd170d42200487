"""Framework: what adapters need of any framework: the framework itself, what a model sent as text, and a gated copy of an object.

>>> read('{"path": "a"}')
{'path': 'a'}
>>> read("")
{}
>>> read('{"path": "a", "path": "b"}')  # two of one name: which one would be checked?
'{"path": "a", "path": "b"}'
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from gate.constraints.value import is_array, is_object
from gate.errors import ConfigError

UNSEEN: Final = "the gate never sees calls of the tool '{0}'; leave it out, or say hosted=['{0}'] if you want it all the same"


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


def check_hosted(name: str, hosted: Collection[str]) -> None:
    """ConfigError for a tool that runs where no gate sees it, unless it is one of those that may be used all the same."""
    if name not in hosted:
        raise ConfigError(UNSEEN.format(name))


def gated_copy(bare: Any, mixin: Any, **own: object) -> Any:
    """A copy of an object that is of its own class and of the mixin's, which comes first. own: attributes that the copy has besides.

    >>> class Loud:
    ...     def say(self):
    ...         return super().say().upper()
    >>> class Speaker:
    ...     def __init__(self):
    ...         self.words = "hello"
    ...     def say(self):
    ...         return self.words
    >>> copy = gated_copy(Speaker(), Loud, words="hi")
    >>> copy.say(), isinstance(copy, Speaker), type(copy).__name__
    ('HI', True, 'GatedSpeaker')
    """
    made = object.__new__(mixed(mixin, bare.__class__))
    made.__dict__.update(bare.__dict__, **own)
    return made


@cache
def mixed(mixin: Any, kind: Any, *, name: str = "Gated{}", **body: Any) -> Any:
    """The class that is both, the same each time. name: with the place of the class's own."""
    return type(name.format(kind.__name__), (mixin, kind), {"__module__": mixin.__module__, **body})
