"""Contained runs by bubblewrap (https://github.com/containers/bubblewrap): no network, no files but the system's and a scratch folder.

    files        /usr and the interpreter read-only; /tmp and /work empty, of 64 MB each, and gone afterwards; nothing else of the host
    network      a namespace with nothing but its own loopback
    processes    a namespace of process ids that ends with its first process
    environment  from scratch

`/proc` is read-only: started by root, the program has root's id, and without any capability could set `core_pattern` or pull `sysrq-trigger`.

It proves itself before it is first used: a program that, started plainly, can read a file of ours, reach a listener of ours, see this
process and read our environment must be able to do none of it when contained.  A host where that fails is `Unavailable`, and nothing runs.

Not held here, without a filter of system calls: sockets to a hypervisor (AF_VSOCK), io_uring; a shared kernel is a shared kernel.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from functools import cache
from glob import glob
from typing import Final

from capabilities._process.environment import PATH, fresh
from gate.errors import Unavailable

PROPERTIES: Final = frozenset({"files", "network", "processes", "cpu", "memory", "environment"})
_SYSTEM: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_FILES: Final = ("/etc/ld.so.cache", "/etc/alternatives")
_SECONDS: Final = 20
_SCRATCH: Final = str(64 * 1024 * 1024)
_PROBE: Final = """
import os, socket, sys
secret, port, process, nonce, held = sys.argv[1:]
def attempt(action):
    try:
        return "y" if action() else "n"
    except Exception:
        return "n"
def reach():
    with socket.create_connection(("127.0.0.1", int(port)), 2):
        return True
def writable():
    opened = [attempt(lambda: os.close(os.open(place, os.O_WRONLY)) is None) for place in ("/proc/sys/kernel/hostname", "/proc/sysrq-trigger")]
    return os.access("/usr", os.W_OK) or "y" in opened
print(nonce, attempt(lambda: open(secret).read()), attempt(reach), attempt(lambda: os.path.exists(f"/proc/{process}/environ")),
      attempt(lambda: os.environ["GATE_CANARY"]), attempt(lambda: held == "held" and writable()))
"""
_lock: Final = threading.Lock()
_proved = dict[tuple[str, str], None]()


def interpreter() -> str:
    """The interpreter that this process runs, itself and not a link of a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable) or sys.executable)


def contained(argv: tuple[str, ...], *, program: str = "") -> tuple[str, ...]:
    """The command that runs `argv` contained; Unavailable unless bubblewrap is here and has proved itself."""
    bwrap = _found()
    prove(program or interpreter())
    return (*_prefix(bwrap, program or interpreter()), *argv)


def prove(program: str) -> None:
    """Raises Unavailable unless the canaries say that the containment holds; once per process and program."""
    bwrap = _found()
    with _lock:
        if (bwrap, program) in _proved:
            return
        plain, held = _canaries(bwrap, program)
        if plain[:4] != "yyyy":
            raise Unavailable(f"the containment cannot be proved: without it the canaries gave '{plain}' instead of 'yyyy'")
        if held != "nnnnn":
            leaks = [name for name, seen in zip(("files", "network", "processes", "environment", "writing"), held, strict=False) if seen != "n"]
            raise Unavailable(f"the containment does not hold here: {', '.join(leaks) or 'it does not start'}")
        _proved[bwrap, program] = None


def _found() -> str:
    bwrap = shutil.which("bwrap", path=":".join(PATH))
    if bwrap is None or sys.platform != "linux":
        raise Unavailable("there is no containment here: bubblewrap (bwrap) is not installed", remedy="install the package bubblewrap")
    return bwrap


def _prefix(bwrap: str, program: str) -> tuple[str, ...]:
    """Bubblewrap and what it shows: the system's programs and libraries, the interpreter, and nothing of anybody's."""
    command = [
        bwrap,
        *_no_more_users(bwrap),
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--cap-drop",
        "ALL",
        "--hostname",
        "contained",
    ]
    command += ["--ro-bind", "/usr", "/usr"]
    for folder in _SYSTEM:
        if os.path.islink(folder):
            command += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            command += ["--ro-bind", folder, folder]
    for file in _FILES:
        command += ["--ro-bind-try", file, file]
    for path in _interpreter_files(program):
        command += ["--ro-bind", path, path]
    for name, value in fresh().items():
        command += ["--setenv", name, value]
    command += ["--proc", "/proc", "--dev", "/dev", "--size", _SCRATCH, "--tmpfs", "/tmp", "--size", _SCRATCH, "--tmpfs", "/work"]  # noqa: S108  # its own
    return (*command, "--remount-ro", "/dev", "--remount-ro", "/proc", "--remount-ro", "/", "--chdir", "/work", "--")


@cache
def _no_more_users(bwrap: str) -> tuple[str, ...]:
    """The options that keep the program from making user namespaces of its own, where this bubblewrap has them (0.8)."""
    try:
        said = subprocess.run([bwrap, "--help"], env=fresh(), capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ()
    return ("--unshare-user", "--disable-userns") if "--disable-userns" in said.stdout + said.stderr else ()


def _interpreter_files(program: str) -> list[str]:
    """What an interpreter outside the system's folders needs: itself, its standard library and its shared library, and nothing beside them."""
    if program.startswith(("/usr/", "/bin/")):
        return []
    library = os.path.join(os.path.dirname(os.path.dirname(program)), "lib")
    return [program, *glob(f"{library}/python3.[0-9]*"), *glob(f"{library}/libpython3*.so*")]


def _canaries(bwrap: str, program: str) -> tuple[str, str]:
    """What the probe could do plainly and contained: files, network, processes, environment, writing, a letter each."""
    with tempfile.TemporaryDirectory() as folder, closing(socket.create_server(("127.0.0.1", 0))) as listener:
        secret = os.path.join(folder, "canary")
        with open(secret, "w", encoding="ascii") as file:
            file.write("canary")
        nonce = os.urandom(8).hex()
        probe = (program, "-I", "-S", "-c", _PROBE, secret, str(listener.getsockname()[1]), str(os.getpid()), nonce)
        return _answer((*probe, "plain"), nonce), _answer((*_prefix(bwrap, program), *probe, "held"), nonce)


def _answer(command: tuple[str, ...], nonce: str) -> str:
    """The letters that the probe printed after its nonce; "" when it did not run."""
    environment = {**fresh(), "GATE_CANARY": nonce}
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    said = ended.stdout.split()
    return "".join(said[1:]) if said[:1] == [nonce] else ""
