"""The daemon: the same answers without starting anything; and no way around when it is dead, slow, somebody else's, or no daemon at all."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gate import Gate
from gate.errors import ConfigError
from gate.hooks.daemon import serve
from gate.hooks.sender import address
from tests.hooks.kit import ROOT, after, before, hook, make_gate, records


@contextmanager
def answering(home: Path) -> Iterator[Gate]:
    """A daemon in a thread."""
    end, begun = threading.Event(), threading.Event()
    with Gate(home) as gate:
        thread = threading.Thread(target=serve, args=(gate, lambda _: begun.set(), lambda _: end.is_set()))
        thread.start()
        assert begun.wait(60)
        try:
            yield gate
        finally:
            end.set()
            thread.join(30)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_gate(tmp_path / "authority")


def word(said: object) -> str:
    """The decision of a reply."""
    return said.data["hookSpecificOutput"]["permissionDecision"]  # type: ignore[attr-defined]


def opens(home: Path) -> int:
    """How often the gate was opened."""
    return len(records(home, "open"))


def test_it_answers_as_a_gate_of_its_own_would(home: Path, tmp_path: Path) -> None:
    with answering(home):
        assert word(hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)))) == "allow"
        assert hook("claude", home, after("Bash", {"command": "ls"}, cwd=str(tmp_path))).data == {}
        assert word(hook("claude", home, before("Bash", {"command": "rm x"}, call="t2", cwd=str(tmp_path)))) == "deny"
        assert hook("claude", home, b"{").code == 2
        socket_mode = os.stat(address([f"--home={home}"])).st_mode
        assert stat.S_IMODE(socket_mode) == 0o600
    assert not Path(address([f"--home={home}"])).exists()
    assert opens(home) == 2  # when it was made, and by the daemon


def test_many_at_once(home: Path, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with answering(home), ThreadPoolExecutor(8) as pool:
        calls = [("Bash", {"command": f"ls {n}"}) if n % 2 else ("Bash", {"command": f"rm {n}"}) for n in range(16)]
        said = list(pool.map(lambda one: word(hook("claude", home, before(*one[1], call=f"t{one[0]}", cwd=str(tmp_path)))), enumerate(calls)))
    assert said == ["allow" if n % 2 else "deny" for n in range(16)]


def test_a_socket_that_a_dead_daemon_left_is_no_hindrance(home: Path, tmp_path: Path) -> None:
    path = address([f"--home={home}"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(path)
    os.chmod(path, 0o600)
    assert word(hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)))) == "allow"
    with answering(home):
        assert word(hook("claude", home, before("Bash", {"command": "ls"}, call="t2", cwd=str(tmp_path)))) == "allow"


@contextmanager
def pretending(home: Path, behave: Callable[[socket.socket], object], mode: int = 0o600) -> Iterator[None]:
    """Something that listens there and is no daemon."""
    path = address([f"--home={home}"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        os.chmod(path, mode)
        listener.listen()
        listener.settimeout(20)

        def run() -> None:
            with suppress(OSError):  # nobody came, or whoever came has gone
                connected, _ = listener.accept()
                with connected:
                    behave(connected)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield


ALLOW = b'{"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow", "permissionDecisionReason": "x"}}'
DEAD = [
    lambda _: None,
    lambda connected: time.sleep(4),
    lambda connected: connected.sendall(b"-"),
    lambda connected: connected.sendall(b"+"),
    lambda connected: connected.sendall(b"+" + ALLOW),
    lambda connected: connected.sendall(b"+0 999 0\n" + ALLOW),
    lambda connected: connected.sendall(b"+1 %d 0\n" % len(ALLOW) + ALLOW),
]


@pytest.mark.parametrize("number", range(len(DEAD)))
def test_a_daemon_that_is_dead_slow_or_confused_decides_nothing(home: Path, tmp_path: Path, number: int) -> None:
    with pretending(home, DEAD[number]):
        said = hook("claude", home, before("Bash", {"command": "rm -rf x"}, cwd=str(tmp_path)))
    assert word(said) == "deny"  # decided by a gate of its own


def test_a_daemon_that_heard_and_never_answers_is_a_refusal_in_time(home: Path, tmp_path: Path) -> None:
    def hear(connected: socket.socket) -> None:
        connected.sendall(b"+")
        time.sleep(10)

    with pretending(home, hear):
        started = time.monotonic()
        said = hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)), "--deadline=2")
    assert (said.code, said.out) == (2, "") and time.monotonic() - started < 9


def _lie(connected: socket.socket) -> None:
    connected.sendall(b"+0 %d 0\n" % len(ALLOW) + ALLOW)


@pytest.mark.parametrize("mode", [0o602, 0o620])
def test_a_socket_that_others_may_write_to_is_not_trusted(home: Path, tmp_path: Path, mode: int) -> None:
    with pretending(home, _lie, mode):
        assert word(hook("claude", home, before("Bash", {"command": "rm -rf x"}, cwd=str(tmp_path)))) == "deny"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_another_user_is_neither_answered_nor_believed(home: Path, tmp_path: Path) -> None:
    path = address([f"--home={home}"])
    code = f"""
import os, socket, sys
os.setuid(65534)
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.settimeout(10)
s.connect({path!r})
try:
    s.sendall(b"6 2\\nclaude{{}}")
    got = s.recv(1)
except OSError:
    got = b""
sys.exit(0 if got == b"" else 1)
"""
    with answering(home):
        os.chmod(path, 0o666)
        for folder in (home / "hook", home, *home.parents):  # as if the modes alone did not keep them out
            if str(folder).startswith("/tmp/"):
                os.chmod(folder, 0o755)
        assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
        os.chmod(path, 0o600)
    os.chmod(home / "hook", 0o777)  # noqa: S103  # so that the other may listen there
    lying = f"""
import os, socket, sys
os.setuid(65534)
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.bind({path!r}); os.chmod({path!r}, 0o600); s.listen(); print("ready", flush=True)
s.settimeout(15)
try:
    c, _ = s.accept(); c.sendall(b"+0 {len(ALLOW)} 0\\n" + {ALLOW!r}); c.close()
except OSError: pass
"""
    with subprocess.Popen([sys.executable, "-c", lying], stdout=subprocess.PIPE) as liar:
        assert liar.stdout.readline() == b"ready\n"
        os.chmod(home / "hook", 0o755)
        os.chmod(home, 0o700)
        said = hook("claude", home, before("Bash", {"command": "rm -rf x"}, cwd=str(tmp_path)))
        liar.terminate()
    assert word(said) == "deny"


def test_it_answers_for_its_own_gate_only(home: Path, tmp_path: Path) -> None:
    other = make_gate(tmp_path / "other")
    with answering(home):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ours:
            ours.connect(address([f"--home={home}"]))
            event = json.dumps(before("Bash", {"command": "ls"}, cwd=str(tmp_path))).encode()
            asking = f"claude\0--home={other}\0nonce".encode()
            ours.sendall(b"%d %d\n%b%b" % (len(asking), len(event), asking, event))
            with ours.makefile("rb") as file:
                assert file.read().startswith(b"+2 ")


@pytest.mark.parametrize("raw", [b"", b"x\n", b"1 1\n", b"-1 5\n", b"99999999 1\n", b"1 99999999999\n", b"6 2\ncl"])
def test_what_is_no_event_is_not_heard(home: Path, raw: bytes, tmp_path: Path) -> None:
    with answering(home):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ours:
            ours.connect(address([f"--home={home}"]))
            ours.sendall(raw)
            ours.shutdown(socket.SHUT_WR)
            ours.settimeout(20)
            assert ours.recv(1) == b""
        assert word(hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)))) == "allow"


def test_there_is_one_daemon_for_a_gate(home: Path) -> None:
    with answering(home), Gate(home) as second, pytest.raises(ConfigError, match="already"):
        serve(second, lambda _: None, lambda _: True)


def test_a_client_starts_one_for_the_calls_to_come(home: Path, tmp_path: Path) -> None:
    path = Path(address([f"--home={home}"]))
    said = hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)), "--serve=6")
    assert word(said) == "allow"
    for _ in range(600):
        if path.exists():
            break
        time.sleep(0.05)
    for number in range(3):
        assert word(hook("claude", home, before("Bash", {"command": "ls"}, call=f"t{number + 2}", cwd=str(tmp_path)), "--serve=6")) == "allow"
    for _ in range(600):  # nobody asks any more
        if not path.exists():
            break
        time.sleep(0.05)
    assert not path.exists()
    assert opens(home) == 3  # when it was made, by the first call, and by the daemon
    assert hook("claude", home, b"{", "--serve=0.1").code == 2


def test_a_yes_that_comes_while_a_client_waits(home: Path, tmp_path: Path) -> None:
    from gate.approvers.callback import Callback

    with answering(home) as gate:

        def approve() -> None:
            for _ in range(200):
                if cases := gate.home.desk.cases("open"):
                    said = Callback(gate, lambda _: True, name="owner").ask(cases[0].question)
                    gate.home.desk.answer(cases[0].question.id, said)
                    return
                time.sleep(0.05)

        thread = threading.Thread(target=approve)
        thread.start()
        said = hook("claude", home, before("Bash", {"command": "rm x"}, cwd=str(tmp_path)), "--waits=20", "--deadline=40")
        thread.join()
    assert word(said) == "allow"


def test_the_command_serves_until_it_is_interrupted(home: Path, tmp_path: Path) -> None:
    import signal

    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-m", "gate", "hook", "serve", "--home", str(home)], env=env, stdout=subprocess.PIPE) as process:
        assert b"answering" in process.stdout.readline()
        assert word(hook("claude", home, before("Bash", {"command": "ls"}, cwd=str(tmp_path)))) == "allow"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
