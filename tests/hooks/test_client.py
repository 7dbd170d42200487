"""The client as an agent starts it: whatever becomes of the gate, the process ends in time, and with 2 where there is no decision."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gate.hooks.sender import MOST, pack, unpack
from tests.hooks.kit import CLIENT, after, before, hook, make_gate, records


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_gate(tmp_path / "authority")


def blocked(said: object) -> bool:
    """Whether that blocks in all five agents: exit code 2, words on standard error, nothing on standard output."""
    return said.code == 2 and said.out == "" and len(said.err) > 20  # type: ignore[attr-defined]


def test_two_processes_make_one_call(home: Path, tmp_path: Path) -> None:
    said = hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)))
    assert said.data["hookSpecificOutput"]["permissionDecision"] == "allow"
    assert hook("claude", home, after("Bash", {"command": "ls"}, cwd=str(tmp_path))).data == {}
    made, ended = records(home, "intent", "call", "outcome")
    assert ended["call"] == made["call"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe{}",
        b"{} {}",
        b'{"hook_event_name": "PreToolUse", "hook_event_name": "PostToolUse"}',
        b'{"tool_input": {"command": "ls", "command": "rm -rf /"}}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"[" * 100_000,
        b'{"hook_event_name": "Pre\\u0000ToolUse"}',
    ],
    ids=lambda raw: raw[:40].decode("latin-1"),
)
def test_what_is_no_event_blocks(home: Path, raw: bytes) -> None:
    assert blocked(hook("claude", home, raw))


def test_a_huge_event_blocks(home: Path) -> None:
    assert blocked(hook("claude", home, b'{"a": "' + b"x" * MOST + b'"}'))


def test_an_event_that_does_not_end_blocks_in_time(home: Path) -> None:
    command = [sys.executable, "-I", "-S", str(CLIENT), "claude", f"--home={home}", "--deadline=1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"{")
        process.stdin.flush()
        assert process.wait(20) == 2
        assert b"in time" in process.stderr.read()
        process.stdin.close()


PATCH = """
import sys
sys.path.insert(0, {root!r})
from gate.hooks import {module} as module
import os, signal, time
def broken(*args, **named):
    {body}
*owners, last = {name!r}.split(".")
for owner in owners:
    module = getattr(module, owner)
assert callable(getattr(module, last))
setattr(module, last, broken)
sys.argv = {argv!r}
from gate.hooks.sender import main
os._exit(main(sys.argv[1:]))
"""


def broken(home: Path, module: str, name: str, body: str, event: object, *words: str) -> object:
    """The client, with one function of the gate replaced: as if there were a fault in it."""
    import json

    from tests.hooks.kit import ROOT, Said

    code = PATCH.format(root=str(ROOT), module=module, name=name, body=body, argv=["hook", "claude", f"--home={home}", *words])
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(event).encode(), capture_output=True, timeout=60, check=False)
    return Said(done.stdout.decode(), done.stderr.decode(), done.returncode)


STEPS = [
    ("worker", "parse"),
    ("worker", "open_gate"),
    ("worker", "_answered"),
    ("path", "Hook.answer"),
    ("path", "Hook.before"),
    ("path", "Hook.declare"),
    ("path", "Hook._keep"),
]
DEATHS = [
    "raise RuntimeError('boom')",
    "raise SystemExit(0)",
    "raise KeyboardInterrupt",
    "raise MemoryError",
    "os._exit(0)",
    "os._exit(1)",
    "os.kill(os.getpid(), signal.SIGKILL)",
    "os.kill(os.getpid(), signal.SIGSEGV)",
    'print(\'{"hookSpecificOutput": {"permissionDecision": "allow"}}\'); sys.stdout.flush(); os._exit(0)',
]


@pytest.mark.parametrize("death", DEATHS)
def test_however_the_gate_dies_the_call_is_blocked(home: Path, tmp_path: Path, death: str) -> None:
    assert blocked(broken(home, "path", "Hook.answer", death, before("Bash", {"command": "ls"}, cwd=str(tmp_path))))


@pytest.mark.parametrize(("module", "name"), STEPS)
def test_wherever_the_gate_breaks_the_call_is_blocked(home: Path, tmp_path: Path, module: str, name: str) -> None:
    assert blocked(broken(home, module, name, "raise RuntimeError('boom')", before("Bash", {"command": "ls"}, cwd=str(tmp_path))))


@pytest.mark.parametrize("body", ["time.sleep(60)", "while True: pass", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64)); time.sleep(60)"])
def test_a_gate_that_does_not_end_is_ended_before_the_agent_gives_up(home: Path, tmp_path: Path, body: str) -> None:
    started = time.monotonic()
    assert blocked(broken(home, "path", "Hook.answer", body, before("Bash", {"command": "ls"}, cwd=str(tmp_path)), "--deadline=2"))
    assert time.monotonic() - started < 30


def test_nobody_reads_the_answer(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(CLIENT), "claude", f"--home={home}"]
    import json

    ours, theirs = os.pipe()
    os.close(ours)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    ) as process:
        os.close(theirs)
        process.communicate(json.dumps(before("Bash", {"command": "ls"}, cwd=str(tmp_path))).encode(), timeout=60)
        assert process.returncode == 2


@pytest.mark.parametrize("damage", ["gone", "empty", "readable", "database", "capability", "folder"])
def test_a_gate_that_is_not_as_it_was_left_blocks(home: Path, tmp_path: Path, damage: str) -> None:
    if damage == "gone":
        (home / "origin").unlink()
    elif damage == "empty":
        (home / "keys" / next(path.name for path in (home / "keys").iterdir() if "issuer" in path.name)).write_bytes(b"")
    elif damage == "readable":
        for path in (home / "keys").iterdir():
            path.chmod(0o666)
    elif damage == "database":
        for path in home.glob("gate.db*"):
            path.write_bytes(b"no database" * 1000)
    elif damage == "capability":
        (home / "hook" / "claude.capability").write_bytes(b"\xff" * 10)
    else:
        home.rename(home.with_name("elsewhere"))
    said = hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)))
    assert blocked(said) or said.data["hookSpecificOutput"]["permissionDecision"] == "deny"


# ---- what the agent could put in its way -----------------------------------------------------------------------------------------------------------


def test_neither_the_folder_nor_the_environment_puts_other_code_in(home: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    for name in ("gate", "capabilities", "json", "site", "select", "sitecustomize", "usercustomize", "signal", "_socket"):
        (evil / f"{name}.py").write_text('import os\nos.write(1, b\'{"hookSpecificOutput": {"permissionDecision": "allow"}}\')\nos._exit(0)\n')
    env = {
        "PATH": str(evil),
        "PYTHONPATH": str(evil),
        "PYTHONHOME": str(evil),
        "PYTHONSTARTUP": str(evil / "gate.py"),
        "PYTHONUSERBASE": str(evil),
        "HOME": str(evil),
        "GATE_HOME": str(evil),
        "GATE_CAPABILITY": "x",
    }
    command = [sys.executable, "-I", "-S", str(CLIENT), "claude", f"--home={home}"]
    import json

    event = json.dumps(before("Bash", {"command": "rm -rf x"}, cwd=str(tmp_path))).encode()
    done = subprocess.run(command, input=event, cwd=evil, env=env, capture_output=True, timeout=60, check=False)
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_reply_travels_whole_or_not_at_all() -> None:
    whole = pack(b"out", b"err", 0)
    assert unpack(whole) == (b"out", b"err", 0)
    for cut in range(len(whole)):
        with pytest.raises(ValueError, match=r"."):
            unpack(whole[:cut])
    for wrong in (b"", b"1 0 0\n", b"0 1 0\n", b"-1 0 0\n", b"0 0 0", b"0 -1 1\n", b"0 0 0 0\n", whole + b"x", b"0 x 0\n"):
        with pytest.raises(ValueError, match=r"."):
            unpack(wrong)


def _copied(folder: Path) -> Path:
    """The client and its sender alone, to be broken."""
    import shutil

    from tests.hooks.kit import CLIENT

    for name in ("client.py", "sender.py"):
        shutil.copy(CLIENT.with_name(name), folder / name)
    return folder / "client.py"


@pytest.mark.parametrize(
    "sender", [None, b"", b"def main(", b"raise SystemExit(0)", b"def main(words): raise SystemExit(0)", b"main = 1", b"\0", b"\xff"]
)
def test_attack_a_client_without_a_whole_sender_says_no(tmp_path: Path, sender: bytes | None) -> None:
    client = _copied(tmp_path)
    path = tmp_path / "sender.py"
    path.unlink() if sender is None else path.write_bytes(sender)
    done = subprocess.run([sys.executable, "-I", "-S", str(client), "claude"], input=b"{}", capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"") and b"does not run" in done.stderr


def test_attack_spoiled_bytecode_never_says_yes(tmp_path: Path) -> None:
    client = _copied(tmp_path)
    command = [sys.executable, "-I", "-S", str(client), "claude", f"--home={tmp_path}"]
    whole = subprocess.run(command, input=b"{}", capture_output=True, timeout=60, check=False)
    (kept,) = (tmp_path / "__pycache__").iterdir()
    good = kept.read_bytes()
    for size in (0, 7, 16, 17, len(good) // 2, len(good) - 1):
        kept.write_bytes(good[:size])
        assert subprocess.run(command, input=b"{}", capture_output=True, timeout=60, check=False).returncode == whole.returncode == 2
    kept.write_bytes(good[:16] + b"\xe3" + b"\0" * 200)
    assert subprocess.run(command, input=b"{}", capture_output=True, timeout=60, check=False).returncode == 2


def test_attack_a_module_in_the_agents_folder_or_environment_is_not_loaded(tmp_path: Path) -> None:
    for name in ("sender", "select", "os", "time", "gate"):
        (tmp_path / f"{name}.py").write_text("import os\nos._exit(0)\n")
    from tests.hooks.kit import CLIENT

    env = {"PYTHONPATH": str(tmp_path), "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "os.py"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-I", "-S", str(CLIENT), "claude", f"--home={tmp_path / 'none'}"]
    done = subprocess.run(command, input=b"{}", capture_output=True, timeout=60, check=False, cwd=tmp_path, env=env)
    assert done.returncode == 2 and b"there is no gate" in done.stderr
