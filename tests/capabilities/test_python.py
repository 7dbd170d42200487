"""python: contained by proof, or not run; without containment only when that was said, and then it is seen."""
# ruff: noqa: E501  # programs are read best in one line

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from capabilities import python
from capabilities._process import bubblewrap
from gate import ANY, Gate, NeedsApproval
from gate.effect import Risk
from gate.errors import Unavailable
from gate.kind import Kind, kind_tool
from tests.kit import denied, write_rules

needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap (bwrap) is not installed")
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run() -> Run:
    """The contained tool."""
    return python.tool()


# ---- contained ------------------------------------------------------------------------------------------------------------------------


@needs_bwrap
class TestContained:
    """What the code can and cannot do."""

    def test_it_runs(self, run: Run) -> None:
        done = run("import sys\nprint(6 * 7)\nprint('no', file=sys.stderr)\nraise SystemExit(3)")
        assert (done["exit"], done["stdout"], done["stderr"], done["containment"]) == (3, "42\n", "no\n", "bubblewrap")
        assert run("print('é')")["stdout"] == "é\n"

    def test_no_file_of_ours_is_there(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("SECRET")
        for place in (tmp_path / "secret", "/etc/passwd", "/etc/shadow", Path.home() / ".ssh", __file__, "/proc/1/environ", "/sys/kernel"):
            assert "SECRET" not in (done := run(f"print(open({str(place)!r}).read())"))["stdout"]
            assert done["exit"] == 1 or place == "/proc/1/environ", place
        assert "root" not in run("import os\nprint(os.listdir('/'), os.path.exists('/home'))")["stdout"] or Path.home() == Path("/root")

    def test_nothing_can_be_written_but_scratch(self, run: Run) -> None:
        tried = "for place in ('/usr/x', '/x', '/etc/x', '/dev/shm/x', '/proc/x'):\n  try:\n    open(place, 'w'); print('wrote', place)\n  except OSError:\n    pass"
        assert run(tried)["stdout"] == ""
        assert run("open('/work/a', 'w').write('x'); open('/tmp/b', 'w').write('y'); print('ok')")["stdout"] == "ok\n"
        assert run("import os; print(os.listdir('/work'), os.listdir('/tmp'))")["stdout"] == "[] []\n"
        assert run("open('/work/a', 'wb').write(bytes(80_000_000))")["exit"] == 1

    def test_the_kernel_s_own_files_cannot_be_written(self, run: Run) -> None:
        """Started by root, the program has root's id: /proc/sys/kernel/core_pattern would be a way out."""
        tried = "import os\nfor place in ('sys/kernel/hostname', 'sys/kernel/core_pattern', 'sysrq-trigger', 'sys/vm/drop_caches', 'self/oom_score_adj'):\n  try:\n    os.close(os.open('/proc/' + place, os.O_WRONLY)); print('could write', place)\n  except OSError:\n    pass"
        assert run(tried)["stdout"] == ""

    def test_its_own_text_cannot_be_written(self, run: Run) -> None:
        assert run("import os\nfd = os.open('/proc/self/fd/0', os.O_RDWR)\nos.write(fd, b'x' * 1000)")["exit"] == 1
        assert run("import os\nos.ftruncate(os.open('/proc/self/fd/0', os.O_RDWR), 0)")["exit"] == 1

    def test_no_user_namespace_of_its_own(self, run: Run) -> None:
        if bubblewrap._no_more_users(shutil.which("bwrap") or ""):
            assert run("import ctypes\nprint(ctypes.CDLL(None).unshare(0x10000000))")["stdout"] == "-1\n"

    def test_no_network(self, run: Run) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            port = listener.getsockname()[1]
            assert run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nprint('connected')")["stdout"] == ""
        assert run("import socket\nsocket.create_connection(('192.0.2.1', 80), 2)")["exit"] == 1
        assert run("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x', ('192.0.2.1', 53))")["exit"] == 1

    def test_no_process_and_no_environment_of_ours(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_SECRET", "SECRET")
        assert "SECRET" not in run("import os\nprint(os.environ, open('/proc/1/environ').read())")["stdout"]
        seen = run("import os\nprint([each for each in os.listdir('/proc') if each.isdigit()])")["stdout"]
        assert str(os.getpid()) not in seen.replace("'", "").strip("[]\n").split(", ")
        assert run(f"import os\nos.kill({os.getpid()}, 9)")["exit"] == 1
        assert "CapEff:\t0000000000000000" in run("print(open('/proc/self/status').read())")["stdout"]

    def test_daemons_do_not_outlive_it(self, run: Run) -> None:
        mark = f"daemon-{os.getpid()}"
        code = f"import os, time\nif not os.fork():\n  os.setsid()\n  if not os.fork():\n    x = '{mark}'; time.sleep(60)\n  os._exit(0)"
        assert run(code)["exit"] == 0
        time.sleep(0.1)
        assert mark.encode() not in b"".join(map(_command, os.listdir("/proc")))

    def test_budgets(self, run: Run) -> None:
        assert "processor time" in run("while True: pass", cpu_seconds=0.6)["stopped"]
        forks = "import os, time\nfor _ in range(40):\n  if not os.fork():\n    time.sleep(20); break\ntime.sleep(20)"
        assert "processes at once" in run(forks, processes=8)["stopped"]
        assert run("print(len('x' * 10**9))", memory_mb=256)["stdout"] == ""
        assert "longer than" in run("import time; time.sleep(30)", wall_seconds=0.5)["stopped"]
        assert run("print('x' * 10**7)")["stopped"].startswith("it wrote more")


def _command(process: str) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


# ---- proof ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process."""
    monkeypatch.setattr(bubblewrap, "_proved", {})


def fake(folder: Path, script: str) -> str:
    """A program that stands for bubblewrap."""
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.usefixtures("unproved")
@pytest.mark.skipif(sys.platform != "linux", reason="canaries use /proc")
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ('while [ "$1" != -- ]; do shift; done; shift; exec "$@"', "files, network, processes, environment"),
        ("exit 0", "does not start"),
        ("echo nnnnn", "does not start"),
        ("exec sleep 60", "does not start"),
    ],
    ids=["holds nothing", "runs nothing", "lies", "hangs"],
)
def test_what_does_not_hold_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, script: str, why: str) -> None:
    bwrap = fake(tmp_path, script)
    monkeypatch.setattr(bubblewrap, "_found", lambda: bwrap)
    monkeypatch.setattr(bubblewrap, "_SECONDS", 2)
    ran = tmp_path / "ran"
    with pytest.raises(Unavailable, match=why):
        run(f"open({str(ran)!r}, 'w')")
    assert not ran.exists()


@pytest.mark.usefixtures("unproved")
def test_without_bubblewrap_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(Unavailable, match="not installed"):
        run(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert not (tmp_path / "ran").exists()


@needs_bwrap
@pytest.mark.usefixtures("unproved")
def test_a_canary_that_shows_nothing_proves_nothing(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(bubblewrap, "_PROBE", "import sys; print(sys.argv[4], *'nnnnn')")
    with pytest.raises(Unavailable, match="cannot be proved"):
        run("print(1)")


# ---- without containment --------------------------------------------------------------------------------------------------------------


def test_without_containment_it_is_another_tool_and_says_so(gate: Gate) -> None:
    run = python.tool(unconfined=True)
    assert run("print(1)", cpu_seconds=5) | {"cpu_seconds": 0, "wall_seconds": 0} == {
        "exit": 0, "stdout": "1\n", "stderr": "", "cpu_seconds": 0, "wall_seconds": 0, "gpu_seconds": 0.0, "stopped": "", "containment": "none",
    }  # fmt: skip
    made = kind_tool(run)
    assert made is not None and made.name == "python.unconfined" and not made.requires
    gated = gate.wrap(run)
    with gate.acting(gate.grant("a", tools={"python.run": ANY})):
        denied(lambda: gated("print(1)"), "python.unconfined")
    with gate.acting(gate.grant("a", tools={"python.unconfined": ANY})), pytest.raises(NeedsApproval) as caught:
        gated("print(1)")
    asked = caught.value.question
    assert asked is not None and asked.risk == Risk.CRITICAL
    assert "WITHOUT CONTAINMENT" in asked.headline and any("without containment" in reason for reason in asked.reasons)


@needs_bwrap
def test_behind_a_gate(gate: Gate) -> None:
    gated = gate.wrap(python.tool())
    with gate.acting(gate.grant("a", tools={"python.run": {"code": ANY}})):
        with pytest.raises(NeedsApproval) as caught:
            gated("print(1)\nprint(2)")
        asked = caught.value.question
        assert asked is not None and asked.requires == tuple(sorted(python.REQUIRES))
        assert asked.headline == "a wants to run 2 lines of Python code in a container"
        assert asked.preview[0].lines() == ["print(1)", "print(2)"]
        denied(lambda: gated("print("), "no Python")
    write_rules(gate, '[[rule]]\nid = "py"\nallow = { tool = "python.run" }\n')


@needs_bwrap
def test_an_allowed_run(gate: Gate) -> None:
    write_rules(gate, '[[rule]]\nid = "py"\nallow = { tool = "python.run" }\n')
    gated = gate.wrap(python.tool())
    with gate.acting(gate.grant("a", tools={"python.run": {"code": ANY}})):
        assert gated("print(6 * 7)")["stdout"] == "42\n"


# ---- the text -------------------------------------------------------------------------------------------------------------------------

DEEP = [
    "(" * 50_000,
    "[" * 90 + "]" * 90,
    "(" * 99_000 + "1",
    "-" * 50_000 + "1",
    "not " * 20_000 + "1",
    "lambda: " * 10_000 + "1",
    "+".join(["1"] * 40_000),
    "a" + ".a" * 40_000,
    "a" + "[0]" * 30_000,
    "a" + "()" * 40_000,
    "1 if 1 else " * 8_000 + "1",
    "**".join(["1"] * 30_000),
    "if 1: pass\n" + "elif 1: pass\n" * 7_000,
    "\n".join(" " * n + "if 1:" for n in range(400)) + "\n" + " " * 401 + "pass",
    "x = " * 20_000 + "1",
    "f'" + "{f'" * 20,
    "f'{" + "1+" * 30_000 + "1}'",
    "1" * 90_000,
    "@a\n" * 30_000 + "def f(): pass",
    "with a, " * 10_000 + "b: pass",
    "async " * 20_000,
    "await " * 15_000 + "x",
    "a<" * 40_000 + "a",
    "a and " * 16_000 + "a",
    "a,\\\n" * 20_000,
    "not\\\n" * 20_000 + "1",
    "- \\\n" * 20_000 + "1",
    "yield " * 15_000,
    "try:\n pass\nexcept: pass\n" * 4_000,
    "class A:\n class B:\n  class C: pass\n" * 2_000,
    "match x:\n" + " case 1: pass\n" * 6_000,
    "match x:\n case " + "[" * 70 + "]" * 70 + ": pass",
    "a = b = " + "(yield " * 50 + ")" * 50,
    '"' * 99_999,
    "'''" + "x" * 90_000,
    "\\\n" * 40_000,
    "\t" * 90_000 + "x",
    ";" * 90_000,
    "#" * 99_000,
    "0x" + "f" * 90_000,
    "1e" + "9" * 90_000,
]  # fmt: skip


def test_no_text_can_crash_the_parser() -> None:
    """In a process of its own, because a crash would take this one with it."""
    program = "import sys, json, time\nfrom capabilities._process.code import parsed\nfor text in json.load(sys.stdin):\n  try: parsed(text)\n  except ValueError as error: assert str(error)\n  print('.', end='')"
    import json

    done = subprocess.run([sys.executable, "-c", program], input=json.dumps(DEEP), capture_output=True, text=True, check=False, timeout=120,
                          cwd=Path(__file__).parents[2])  # fmt: skip
    assert (done.returncode, len(done.stdout)) == (0, len(DEEP)), (done.stderr[-500:], done.stdout)


@pytest.mark.parametrize(
    "value",
    [None, 5, b"x", ["x"], "", " \n", "print(", "x = \0", "x\r", "x\f", "a\u202eb = 1", "x = '\u200b'", "\ud800", "x" * 100_001, "def f(:"],
    ids=ascii,
)
def test_what_is_no_code(value: object) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        python.CODE.parse(value)
    assert 5 < len(str(caught.value)) < 300


def test_ordinary_code() -> None:
    assert isinstance(python.CODE, Kind)
    for file in (Path(__file__), *Path(python.__file__).parent.glob("*.py"), Path(os.__file__)):
        text = file.read_text().replace("\f", "")
        if len(text) <= 100_000 and all(char.isprintable() or char in "\n\t" for char in text):
            assert python.CODE.parse(text) == text, file
    assert python.CODE.assess("print(1)").techniques == {"T1059.006"}
    assert python.CODE.parse("x = '\\d'") == "x = '\\d'"
