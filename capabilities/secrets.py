"""secrets: names of secrets, never their values.

    secrets.describe  name="github-token"        http.request  headers={"authorization": "Bearer {secret:github-token}"}

An agent writes a reference, `{secret:NAME}`; the tool that runs puts the value in for the host it talks to, and takes it out of what comes
back.  A value that looks like a secret itself is refused where a name is meant, without being repeated.  The constraint `secret` (`named`) says
which may be used, and where.  `Memory`, `Environment` and `Files` read values that others keep; `Bound` ties each to hosts and tools.

What this does not do: a server that a secret was sent to can send it back in a form that nobody here recognises.

>>> NAME.parse("github-token")
'github-token'
>>> named("github-token").check("Bearer {secret:github-token}")
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, TypeAlias

from capabilities._secrets.constraint import SecretUse
from capabilities._secrets.reference import TEXT as LONGEST
from capabilities._secrets.reference import filled, name, references
from capabilities._secrets.scrub import Scrubber
from capabilities._secrets.vault import Binding, Bound, Environment, Files, Memory, Vault, fill
from gate.effect import Assessment, Risk
from gate.frozen import Frozen
from gate.kind import KindTool, ready
from gate.preview import Panel, facts

_READS: Final = frozenset(["reads"])


class SecretName:
    """The name of a secret."""

    name = "secrets.name"

    def parse(self, value: object) -> str:
        """The name; ValueError for what is none, and for what looks like a value, without showing it."""
        return name(value)

    def assess(self, value: object) -> Assessment:
        """Its name is read, not its value."""
        return Assessment(_READS, Risk.LOW, (f"names the secret '{value}'",) if isinstance(value, str) and len(value) <= 64 else ())


class SecretText:
    """A text that may refer to secrets, such as a header. For tools that fill it in."""

    name = "secrets.text"

    def parse(self, value: object) -> str:
        """The text as it is; ValueError for a reference that is none, and for more than 100,000 characters."""
        if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
            raise ValueError(f"this is text of at most {LONGEST} characters, without NUL")
        value.encode()  # a lone surrogate is a ValueError
        references(value)
        return str.__str__(value)

    def assess(self, value: object) -> Assessment:
        """A secret leaves for wherever the tool sends it."""
        try:
            found = references(value) if isinstance(value, str) else ()
        except ValueError as error:
            return Assessment(frozenset(["egress"]), Risk.HIGH, (f"cannot be inspected: {error}",))
        if not found:
            return Assessment(frozenset(), Risk.LOW)
        return Assessment(frozenset(["egress"]), Risk.MEDIUM, (f"uses the secret {', '.join(found[:5])}",))


def named(*names: str, hosts: str | Iterable[str] | None = None, tools: str | Iterable[str] | None = None) -> SecretUse:
    """Admits references to these secrets; with `hosts` or `tools` only where the use says where it goes."""
    listed = [[one] if isinstance(one, str) else one if one is None else list(one) for one in (hosts, tools)]
    return SecretUse(list(names), *listed)


def headline(arguments: Mapping[str, Frozen]) -> str:
    """As in: look up where the secret 'github-token' may be used."""
    return f"look up where the secret '{arguments.get('name')}' may be used"


def preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
    """That no value is shown."""
    return [facts("secret", [("name", str(arguments.get("name"))), ("its value", "is not shown to anybody")])]


NAME: Final = SecretName()
TEXT: Final = SecretText()
Name: TypeAlias = Annotated[str, NAME]
DESCRIBE: Final = KindTool("secrets.describe", {"name": NAME}, headline=headline, preview=preview)


def tool(vault: Bound) -> Callable[..., dict[str, object]]:
    """A function `describe(name)`: whether there is such a secret, and where it may go. For `gate.tool`."""

    def describe(name: str) -> dict[str, object]:
        """Whether there is such a secret, and the hosts and tools it is bound to (empty: any)."""
        binding = vault.bindings.get(name, Binding())
        return {"exists": name in vault.names(), "hosts": list(binding.hosts), "tools": list(binding.tools), "write": f"{{secret:{name}}}"}

    return ready(DESCRIBE, describe)


TOOLS: Final[dict[str, KindTool]] = {"secrets.describe": DESCRIBE}
__all__ = [
    "NAME", "TEXT", "TOOLS", "Binding", "Bound", "Environment", "Files", "Memory", "Name", "Scrubber", "SecretName", "SecretText", "SecretUse",
    "Vault", "fill", "filled", "named", "references", "tool",
]  # fmt: skip
