"""The tools of the scenarios: bare functions, each of which writes down that it ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gate.tool import Options

OPTIONS: Final[Mapping[str, Options]] = MappingProxyType(
    {
        "read_file": {"effects": "reads"},
        "look_up": {"effects": "reads"},
        "table": {"effects": "reads"},
        "send_mail": {"effects": ["egress"]},
        "remove": {"effects": ["writes", "irreversible"]},
        "print_much": {"effects": "reads", "output_limit": 1000},
        "flaky": {"effects": "writes", "idempotent": True, "retries": 2},
        "delegate": {"effects": "delegates"},
    }
)


def tools(log: Path) -> dict[str, Callable[..., Any]]:
    """The tools; `log` is where they say that they ran, a line each."""

    def ran(line: str) -> int:
        with log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        return log.read_text(encoding="utf-8").count(line + "\n")

    def read_file(path: str) -> str:
        """Reads a file."""
        ran(f"read_file {path}")
        return f"data:{path}"

    async def look_up(word: str) -> str:
        """Looks a word up."""
        ran(f"look_up {word}")
        return f"found:{word}"

    def send_mail(to: str, body: str = "hello") -> str:
        """Sends a mail."""
        del body
        ran(f"send_mail {to}")
        return f"sent to {to}"

    def remove(path: str) -> str:
        """Removes a file."""
        ran(f"remove {path}")
        return "gone"

    def fail(text: str) -> str:
        """Fails."""
        raise ValueError(text)

    def table(rows: int) -> dict[str, Any]:
        """A table."""
        return {"rows": [{"n": n, "name": f"row {n}"} for n in range(rows)]}

    def print_much(count: int) -> str:
        """Prints much."""
        return "x" * count

    def flaky(name: str) -> str:
        """Works at the second try."""
        if ran(f"flaky {name}") < 2:  # the second
            raise ConnectionError("not yet")
        return "at last"

    named = (read_file, look_up, send_mail, remove, fail, table, print_much, flaky)
    return {function.__name__: function for function in named}
