"""How hooks are tested: the client as an agent starts it, in a process of its own; and the real Claude Code, where it is there.

Claude Code comes in the wheel of `claude-agent-sdk` (160 MB, 400 MB unpacked).  It is kept in `$XDG_CACHE_HOME/capgate-frameworks`, put there
by whoever sets `GATE_FRAMEWORKS=install`; without it, and without `unshare`, these tests are skipped and say so.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from capabilities import coding
from gate import Gate
from gate.hooks.who import installed

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "gate" / "hooks" / "client.py"
SDK = "claude-agent-sdk==0.2.187"
RULES = """\
[[rule]]
id = "no-removing"
deny = { tool = "Bash", effect = "irreversible" }
reason = "nothing is removed here"
"""


class Said(NamedTuple):
    """What a hook printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def data(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def make_gate(folder: Path, agent: str = "claude", **options: Any) -> Path:
    """A gate in a folder, with the capability that an install makes. The path of its home."""
    home = folder / ".gate"
    home.parent.mkdir(parents=True, exist_ok=True)
    with Gate(home) as gate:
        made = gate.grant(f"{agent}-agent", **{"tools": coding.everything(agent), "minutes": 60, **options})
        path = installed(gate.home.path, agent)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(made.presentation)
        path.chmod(0o600)
    return home


def hook(agent: str, home: Path | str, event: object, *words: str, env: dict[str, str] | None = None, timeout: float = 60) -> Said:
    """One event to a hook as the agent starts it. event: data, or the bytes themselves."""
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    command = [sys.executable, "-I", "-S", str(CLIENT), agent, f"--home={home}", *words]
    done = subprocess.run(command, input=raw, env=env, capture_output=True, timeout=timeout, check=False)
    return Said(done.stdout.decode(), done.stderr.decode(), done.returncode)


def before(tool: str, arguments: object, *, call: str = "t1", session: str = "s1", cwd: str = "/", **more: object) -> dict[str, object]:
    """Claude Code's event before a call."""
    base = {"session_id": session, "transcript_path": "/x.jsonl", "cwd": cwd, "permission_mode": "default", "hook_event_name": "PreToolUse"}
    return {**base, "tool_name": tool, "tool_input": arguments, "tool_use_id": call, **more}


def after(tool: str, arguments: object, response: object = "ok", **more: Any) -> dict[str, object]:
    """Its event after one."""
    return {**before(tool, arguments, **more), "hook_event_name": "PostToolUse", "tool_response": response}


def records(home: Path, *kinds: str) -> list[dict[str, Any]]:
    """The records of a gate's log."""
    done = subprocess.run(
        [sys.executable, "-m", "gate", "log", "--json", "--home", str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if not kinds or line["type"] in kinds]


# ---- the real Claude Code -------------------------------------------------------------------------------------------------------------------


@functools.cache
def sdk() -> Path | None:
    """The interpreter of an environment that has the Claude Agent SDK; None where there is none."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capgate-frameworks" / SDK.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "ready").exists() and os.environ.get("GATE_FRAMEWORKS") == "install":
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True, symlinks=True)
        needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", SDK, *needed], check=True, timeout=900)
        (folder / "ready").touch()
    return python if (folder / "ready").exists() else None


def binary() -> str:
    """The Claude Code of that environment; skips the test where it cannot be run."""
    python = sdk()
    if python is None:
        pytest.skip(f"the real Claude Code is not here: GATE_FRAMEWORKS=install puts {SDK} into the cache folder")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode or not shutil.which("ip"):
        pytest.skip("no network namespace can be made here, so the real Claude Code is not started")
    return str(next(python.parents[1].glob("lib/python3*/site-packages/claude_agent_sdk/_bundled/claude")))


NAMESPACE = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]


class Ran(NamedTuple):
    """What came of a run. seen: what the model was told of each call, and whether as an error."""

    seen: dict[str, tuple[str, bool]]
    tools: dict[str, list[str]]
    out: dict[str, Any]
    err: str
    code: int


def claude(folder: Path, turns: dict[str, list[Any]], *options: str, prompt: str = "go", **env: str) -> Ran:
    """Runs the real Claude Code in a folder, with the settings that are there and a scripted model."""
    home = folder.parent / "person"
    home.mkdir(exist_ok=True)
    asked = {"binary": binary(), "turns": turns, "prompt": prompt, "options": options, "cwd": str(folder), "home": str(home), "env": env}
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-m", "tests.hooks.real"],
        input=json.dumps(asked),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    out = json.loads(said["out"]) if said["out"].strip().startswith("{") else {"text": said["out"]}
    return Ran({name: (text, error) for name, (text, error) in said["seen"].items()}, said["tools"], out, said["err"], said["code"])
