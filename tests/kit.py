"""What the tests of the engine share: reading the log, writing rules, running real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Denied, Exhausted, Gate

SOURCES = Path(__file__).parent.parent


def label(value: object) -> str:
    """A value as the name of a test: the same in every process, so that tests may be shared out between several."""
    return re.sub(r" at 0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|eyJ[\w.-]+", "…", repr(value))[:120]


def log(gate: Gate, *types: str) -> list[dict[str, Any]]:
    """The records of these types (all, if none is named), in order, after everything queued is on disk."""
    gate.home.ledger.flush()
    records = [json.loads(body) for body in gate.home.ledger.records()]
    return [record for record in records if not types or record["type"] in types]


def outcomes(gate: Gate) -> list[str]:
    """How the recorded calls ended, in order; a call that was written whole counts too."""
    return [record["outcome"]["status"] for record in log(gate, "outcome", "call")]


def intents(gate: Gate) -> list[dict[str, Any]]:
    """The calls that were allowed to run."""
    return log(gate, "intent", "call")


def refusals(gate: Gate) -> list[str]:
    """Why calls were refused, one text per refusal."""
    return ["; ".join(record["reasons"]) for record in log(gate, "refusal")]


def spent(gate: Gate, key: str) -> int:
    """What the ledger holds as spent of the one budget whose key ends so; leases are given back first."""
    import sqlite3

    gate.close()
    with sqlite3.connect(gate.home.path / "gate.db") as db:
        found = [int(row[0]) for row in db.execute("SELECT spent + leased FROM budget WHERE key LIKE ?", (f"%{key}",))]
    db.close()
    assert len(found) == 1, found
    return found[0]


def write_rules(gate: Gate, text: str) -> Path:
    """Rules beside the gate's home, where it looks for them."""
    path = gate.home.path.parent / "gate.toml"
    beside = path.with_suffix(".new")
    beside.write_text(textwrap.dedent(text))
    beside.chmod(0o600)
    beside.rename(path)
    return path


ASK = """
    [[rule]]
    id = "a-person"
    ask = { tool = "*", expires = "10m" }
"""


def denied(call: Callable[[], object], because: str = "") -> Denied:
    """The refusal of a call that must be refused, for a reason that holds the text."""
    with pytest.raises(Denied) as caught:
        call()
    assert because in str(caught.value), str(caught.value)
    return caught.value


def python(source: str, *arguments: object, check: bool = True, wait: bool = True, **environment: str) -> Any:
    """Runs a program in a process of its own, with the same sources; its output, or the process when not waited for."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(source), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=SOURCES, env={**os.environ, **environment}, **pipes)
    if not wait:
        return process
    out, err = process.communicate(timeout=60)
    if check and process.returncode != 0:
        raise AssertionError(f"exit status {process.returncode}\n{out}\n{err}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def finished(process: subprocess.Popen[str]) -> str:
    """The output of a process that must end well."""
    out, err = process.communicate(timeout=60)
    if process.returncode != 0:
        raise AssertionError(f"exit status {process.returncode}\n{out}\n{err}")
    return out


def look_again(gate: Gate) -> None:
    """Makes the gate look at its rules file at the next call instead of within a second."""
    gate.home.rules.__self__._next = 0.0  # type: ignore[attr-defined]


def sign_as(gate: Gate, who: str, question: Any, **changes: Any) -> str:
    """An approval by the person's own key, made where the gate is not."""
    from gate.approval import sign

    said: dict[str, Any] = {"approver": who, "audience": gate.home.origin, "now": gate.home.now(), **changes}
    return sign(question, gate.home.keys.signing(f"approver-{who}"), **said)


def using(gate: Gate, *tools: str, **limits: Any) -> Any:
    """An agent acts that may call these tools with anything."""
    return gate.acting(gate.grant("agent-7", tools=dict.fromkeys(tools, ANY), **limits), session="s1")


def short(call: Callable[[], object], key: str) -> None:
    """The call is refused because of the budget whose key holds this text."""
    with pytest.raises(Exhausted) as caught:
        call()
    assert any(key in each for each in caught.value.keys), caught.value.keys
