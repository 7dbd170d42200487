"""Parameter: one argument of a tool, how its value is coerced and frozen, and how the tool gets it back.

Three ways, chosen once when the tool is registered:

- `str`, `int`, `float`, `bool`: checked in place, the frozen value is the value itself;
- a kind (`Annotated[str, files.READ]`): the kind parses;
- anything else that pydantic can describe: validated, dumped as JSON data, frozen, and made again from the frozen data for the tool.
  A type that does not survive that round trip (a secret that dumps as stars, a validator that changes its value each time) is refused,
  because the tool would get something else than what was checked.

Coercion is pydantic's, except that a boolean never becomes a number or the other way round, at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Final, NamedTuple, cast, get_args, get_origin

from gate.errors import ConfigError
from gate.frozen import MAX_INT, Frozen, freeze, number, thaw
from gate.kind import Kind


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING


class Parameter(NamedTuple):
    """`coerce` freezes what was sent (any exception refuses); `load` makes the tool's value of it, None when they are the same."""

    name: str
    coerce: Callable[[object], Frozen]
    load: Callable[[Frozen], object] | None = None
    default: Frozen | _Missing = MISSING
    kind: Kind | None = None
    scalar: object = None  # the plain type that `coerce` lets through unchanged, which `gate.describe.compiled` checks in place


def parameter(name: str, annotation: object, default: object = MISSING, kind: Kind | None = None) -> Parameter:
    """The parameter a function declares; ConfigError when its type cannot be described."""
    kind = kind or kind_of(annotation)
    if kind:
        made = of_kind(name, kind)
    elif annotation in _SCALARS:
        made = Parameter(name, _SCALARS[annotation], scalar=annotation)
    elif annotation is Any or annotation is object:
        made = Parameter(name, freeze, thaw)
    else:
        made = _described(name, annotation)
    if default is None:  # `name: str = None`: the author says that null is a value
        made = made._replace(coerce=_nullable(made.coerce))
    return made if default is MISSING else made._replace(default=_default(made, default))


def of_kind(name: str, kind: Kind, *, optional: bool = False) -> Parameter:
    """A parameter whose values a kind parses."""

    def coerce(value: object) -> Frozen:
        return freeze(kind.parse(value))

    return Parameter(name, coerce, thaw, None if optional else MISSING, kind)


def kind_of(annotation: object) -> Kind | None:
    """The kind in an `Annotated[…]`, if there is one."""
    if get_origin(annotation) is Annotated:
        return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, Kind)), None)
    return None


def _nullable(coerce: Callable[[object], Frozen]) -> Callable[[object], Frozen]:
    return lambda value: None if value is None else coerce(value)


def _default(made: Parameter, default: object) -> Frozen:
    try:
        return made.coerce(default)
    except Exception as error:
        raise ConfigError(f"the default of argument '{made.name}' cannot be carried: {error}") from error


def _text(value: object) -> str:
    if type(value) is str and value.isascii():
        return value
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {_named(value)}")
    return freeze(str.__str__(value))  # type: ignore[return-value]  # freezing text gives text


def _integer(value: object) -> int:
    if type(value) is int and -MAX_INT <= value <= MAX_INT:
        return value
    if isinstance(value, bool):
        raise ValueError("a boolean is not a number")
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(number(value))
    if not isinstance(value, int):
        raise ValueError(f"must be a whole number, not {_named(value)}")
    return int(number(value))


def _real(value: object) -> float:
    if type(value) is float and value - value == 0.0:  # false for NaN and both infinities
        return value
    if isinstance(value, str) and len(value) <= 40:
        value = _parsed(value)
    if not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {_named(value)}")
    return float(number(value))


def _parsed(text: str) -> float:
    if not text.isascii() or "_" in text or text != text.strip():
        raise ValueError("must be a number written with the digits 0 to 9")
    return float(text)


def _flag(value: object) -> bool:
    if value is True or value is False:
        return value
    raise ValueError(f"must be true or false, not {_named(value)}")


def _named(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"


_SCALARS: Final[Mapping[object, Callable[[object], Frozen]]] = {str: _text, int: _integer, float: _real, bool: _flag}


def _described(name: str, annotation: object) -> Parameter:
    """A parameter that pydantic describes."""
    from pydantic import TypeAdapter  # here, because tools with plain arguments do not need it
    from pydantic.errors import PydanticUserError

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)  # type: ignore[arg-type]  # whatever was written as an annotation
    except (PydanticUserError, TypeError, NameError) as error:
        hint = "annotate it with plain data, a pydantic model or a kind, or name it in inject=… if your own code supplies it"
        raise ConfigError(f"argument '{name}' has a type that cannot be described; {hint}") from error

    def coerce(value: object) -> Frozen:
        first = adapter.validate_python(value)
        data = adapter.dump_python(first, mode="json", by_alias=True)
        frozen = freeze(data)
        again = adapter.validate_python(thaw(frozen))
        if adapter.dump_python(again) != adapter.dump_python(first) or adapter.dump_python(again, mode="json", by_alias=True) != data:
            raise ValueError("the value changes when it is carried as data, so it cannot be checked")
        _same_flags(value, frozen)
        return frozen

    def load(frozen: Frozen) -> object:
        return adapter.validate_python(thaw(frozen))

    return Parameter(name, coerce, load)


def _same_flags(sent: object, kept: Frozen) -> None:
    """Refuses a boolean that became a number or text, or the other way round; pydantic's coercion allows it.

    And what can be read only once: a call is bound again where the short way does not take it, and would run with nothing in its place.
    """
    if isinstance(sent, Iterator):
        raise ValueError("can be read only once; make it a list")
    if isinstance(sent, bool) != isinstance(kept, bool):
        raise ValueError("a boolean is not a number" if isinstance(sent, bool) else "must be true or false")
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        members = cast("Mapping[object, object]", sent)
        for name in kept:
            if name in members:
                _same_flags(members[name], kept[name])
    elif isinstance(sent, (list, tuple)) and isinstance(kept, tuple):
        for one, other in zip(cast("Sequence[object]", sent), kept, strict=False):
            _same_flags(one, other)
