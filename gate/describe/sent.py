"""Sent: the schema of a tool that this process knows by its JSON Schema only: a server's, a framework's, a coding agent's.

Such a call is carried as it was sent: an argument that was left out stays out (only the tool knows its default), and a name the schema does
not have is refused.  Scalars are coerced like those of a Python tool, because models write "5" for 5; a number keeps its form, so that 1 does
not reach a server as 1.0.  Everything deeper is plain data: what it must look like is the tool's to check, what it may be is the grant's.

>>> schema = sent_schema({"type": "object", "properties": {"path": {"type": "string"}, "head": {"type": "integer"}}, "required": ["path"]})
>>> schema.bind((), {"path": "a", "head": "5"})[0]
{'path': 'a', 'head': 5}
>>> schema.bind((), {"path": "a"})[0]
{'path': 'a'}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from gate.constraints.value import is_array, is_object
from gate.describe.parameter import MISSING, Parameter, of_kind, parameter
from gate.describe.schema import ALL_SENT, Bound, Schema
from gate.errors import BadCall, ConfigError
from gate.frozen import Frozen, freeze, number, thaw

if TYPE_CHECKING:
    from gate.effect import Assessment
    from gate.kind import Kind

_PLAIN: Final[Mapping[object, object]] = MappingProxyType({"string": str, "integer": int, "boolean": bool})


class SentSchema(Schema):
    """The parameters of a tool elsewhere. What was not sent is no argument of the call."""

    __slots__ = ("_coerce", "_needed")

    def __init__(self, parameters: Mapping[str, Parameter], *, extra: Parameter | None = None, assessment: Assessment | None = None) -> None:
        super().__init__(parameters, extra=extra, assessment=assessment)
        self._coerce = {name: one.coerce for name, one in parameters.items()}
        self._needed = frozenset(name for name, one in parameters.items() if one.default is MISSING)
        self.quick = self._quickly
        self.invoke = self._invoke

    def bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Bound:
        """The frozen arguments that were sent; BadCall with every reason."""
        reasons = [f"{len(args)} positional arguments, where names are needed"] if args else []
        values: dict[str, Frozen] = {}
        for name, value in kwargs.items():
            self._one(name, value, values, reasons)
        reasons += [f"argument '{name}' is missing" for name in self.parameters if name in self._needed and name not in kwargs]
        if reasons:
            raise BadCall(*reasons)
        return values, ALL_SENT

    def _quickly(self, /, *args: object, **kwargs: object) -> dict[str, Frozen]:
        """The same for what is ordinary; any exception means: look closer."""
        coerce = self._coerce
        values = {name: coerce[name](value) for name, value in kwargs.items()}
        if args or not self._needed <= values.keys():
            raise KeyError
        return values

    def _invoke(self, function: Callable[..., Any], arguments: Mapping[str, Frozen]) -> Any:
        return function(**{name: thaw(value) for name, value in arguments.items()})


def sent_schema(
    schema: Mapping[str, object] | None, *, kinds: Mapping[str, Kind] = MappingProxyType({}), assessment: Assessment | None = None
) -> SentSchema:
    """The schema of a JSON Schema object (draft 2020-12, its `properties`, `required`, `additionalProperties`); ConfigError for what is none.

    None, or a schema without properties, takes any arguments as plain data, and so does one that says `additionalProperties` is true or a schema.
    kinds: argument → kind.
    """
    described: Mapping[str, object] = {} if schema is None else schema
    properties, required = described.get("properties", {}), described.get("required", [])
    if not is_object(properties) or not is_array(required) or not all(isinstance(name, str) for name in required):
        raise ConfigError("the schema of a tool's arguments is an object with properties")
    parameters = {name: _parameter(name, one, kinds.get(name), needed=name in required) for name, one in properties.items()}
    parameters |= {name: of_kind(name, kind, optional=name not in required) for name, kind in kinds.items() if name not in parameters}
    parameters |= {name: parameter(name, Any) for name in required if isinstance(name, str) and name not in parameters}
    is_open = described.get("additionalProperties", not parameters) is not False
    return SentSchema(MappingProxyType(parameters), extra=parameter("", Any) if is_open else None, assessment=assessment)


def _parameter(name: str, said: object, kind: Kind | None, *, needed: bool) -> Parameter:
    if kind is not None:
        return of_kind(name, kind, optional=not needed)
    sort = said.get("type") if is_object(said) else None
    if isinstance(sort, str) and sort in _PLAIN:
        made = parameter(name, _PLAIN[sort])
    else:
        made = Parameter(name, _number if sort == "number" else freeze, thaw)
    return made if needed else made._replace(default=None)


def _number(value: object) -> Frozen:
    if isinstance(value, str):
        return parameter("", float).coerce(value)
    if not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {'null' if value is None else f'a {type(value).__name__}'}")
    return number(value)
