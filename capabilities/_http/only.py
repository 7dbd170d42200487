"""headers: the constraint over which headers and which secrets a request may have.

    {"constraint_type": "headers", "names": ["accept", "authorization"], "secrets": ["github"]}

Every header must be among `names`, in lower case, or `names` is `*`; every secret that one refers to must be among `secrets`.  Left out,
`secrets` admits none.

>>> only = Headers(["accept", "authorization"], ["github"])
>>> only.check({"authorization": "Bearer {secret:github}"}), only.check({"authorization": "Bearer {secret:aws}"}), only.check({"x-a": "b"})
(True, False, False)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from capabilities._http.headers import REFERENCE, check_headers, references
from gate.constraint import Check, Constraint, by_parts, members, register, show
from gate.constraints.value import is_array, is_object
from gate.frozen import Frozen


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class Headers(Constraint):
    """These headers, with these secrets in them; made by `http.headers`."""

    type: ClassVar[str] = "headers"
    names: tuple[str, ...]
    secrets: tuple[str, ...]

    def __init__(self, names: Iterable[object], secrets: Iterable[object] = ()) -> None:
        object.__setattr__(self, "names", tuple(dict.fromkeys(_name(name) for name in names)))
        object.__setattr__(self, "secrets", tuple(dict.fromkeys(_secret(name) for name in secrets)))

    def compile(self) -> Check:
        return lambda value: not self._wrong(value)

    def explain(self, value: Frozen) -> str:
        return self._wrong(value) or "it is not admitted"

    def _wrong(self, value: object) -> str:
        """Why a value is not admitted, "" when it is."""
        try:
            if not is_object(value) or (made := check_headers({str(name): text for name, text in value.items()})) != dict(value):
                return "it is no object of headers with lower-case names"
        except ValueError as error:
            return str(error)
        if odd := [name for name in made if name not in self.names and "*" not in self.names]:
            return f"the header {show(odd[0])} is not admitted"
        used = [name for text in made.values() for name in references(text) if name not in self.secrets]
        return f"the secret '{used[0]}' is not admitted" if used else ""

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other, values=False)) is not None:
            return known
        return isinstance(other, Headers) and ("*" in self.names or set(other.names) <= set(self.names)) and set(other.secrets) <= set(self.secrets)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "names": list(self.names), "secrets": list(self.secrets)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        names, secrets = members(data, cls.type, ("names",), ("secrets",))
        if not is_array(names) or not is_array(() if "secrets" not in data else secrets):
            raise ValueError("'names' and 'secrets' must be lists of texts")
        return cls(names, secrets if is_array(secrets) else ())


def _name(name: object) -> str:
    if not isinstance(name, str) or name != name.lower():
        raise ValueError("the name of a header is text in lower case, or '*'")
    if name != "*":
        check_headers({name: "{secret:x}"})
    return name


def _secret(name: object) -> str:
    if not isinstance(name, str) or not REFERENCE.fullmatch(f"{{secret:{name}}}"):
        raise ValueError("the name of a secret is lower-case letters, digits, '.', '_' and '-'")
    return name
