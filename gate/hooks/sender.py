"""Sender: what the client does with an event. Nothing but the standard library, and little of that, until a gate has to be opened.

It reads the event, asks the daemon (`gate hook serve`) where there is one, else forks, and the child opens the gate.  The parent only waits, so
whatever becomes of the child (an exception, a signal, no memory, no end), the parent says no and ends with 2.

To the daemon goes "words and nonce, NUL between them" and the event, each after its length; back come the exit code, the output and the error.

>>> unpack(pack(b"{}", b"", 0))
(b'{}', b'', 0)
"""

import os
import sys
from select import select
from time import monotonic

TYPE_CHECKING = False  # as typing has it, which is not imported for that
if TYPE_CHECKING:
    from _socket import socket

MOST = 32 * 1024 * 1024
DEADLINE = 25.0
_HEARD = 1.0
"""Seconds within which a daemon says that it has the event; after that it is taken for dead."""


class Unheard(Exception):
    """No daemon took the event."""


def main(words: list[str]) -> int:
    """One event, from standard input to the exit code. With `serve` for an agent it is a daemon that nobody waits for."""
    if words[:1] == ["serve"]:
        return _serve(words)
    try:
        end = monotonic() + _deadline(words)
        out, err, code = _reply(words, _event(end), end)
        _write(1, out)
        _write(2, err)
    except BaseException as error:  # whatever it is, and also when nothing can be written any more
        return _block(f"the hook failed, so the call does not run ({type(error).__name__}: {error})")
    _start(words)
    return code


def _reply(words: list[str], event: bytes, end: float) -> tuple[bytes, bytes, int]:
    nonce = os.urandom(18).hex()
    try:
        return _asked(words, nonce, event, end)
    except Unheard:
        return _forked(words, nonce, event, end)


def _deadline(words: list[str]) -> float:
    said = [word.partition("=")[2] for word in words if word.startswith("--deadline=")]
    seconds = float(said[0]) if said else DEADLINE
    if not 0 < seconds < 86400:
        raise ValueError("--deadline is a number of seconds")
    return seconds


def _event(end: float) -> bytes:
    """Standard input to its end, in time."""
    parts, size = list[bytes](), 0
    while part := _part(0, end):
        parts.append(part)
        size += len(part)
        if size > MOST:
            raise ValueError(f"the event is larger than {MOST} bytes")
    return b"".join(parts)


def _part(fd: int, end: float) -> bytes:
    left = end - monotonic()
    if left <= 0 or not select([fd], [], [], left)[0]:
        raise TimeoutError("there was no decision in time")
    return os.read(fd, 1 << 20)


# ---- a gate of our own ----------------------------------------------------------------------------------------------------------------


def _forked(words: list[str], nonce: str, event: bytes, end: float) -> tuple[bytes, bytes, int]:
    """The child decides, the parent watches."""
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(theirs)
        _child(words, nonce, event, ours)
    os.close(ours)
    try:
        answer = _all(theirs, end)
    finally:
        _end(child)
    return unpack(answer)


def _all(fd: int, end: float) -> bytes:
    parts = list[bytes]()
    while part := _part(fd, end):
        parts.append(part)
    return b"".join(parts)


def _end(child: int) -> None:
    from signal import SIGKILL

    os.kill(child, SIGKILL)  # it has answered, or never will
    os.waitpid(child, 0)


def _child(words: list[str], nonce: str, event: bytes, fd: int) -> None:
    """Never returns."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        _find_packages()
        from gate.hooks.worker import run

        reply = run(event, words, nonce, environment=os.environ.get("GATE_CAPABILITY", ""))
        answer = pack(reply.out.encode(), reply.err.encode(), reply.code)
    except BaseException as error:  # not even the gate's own code could be found, or there is no memory
        answer = pack(b"", f"gate: the hook could not start, so the call does not run ({type(error).__name__}: {error})\n".encode(), 2)
    try:
        _write(fd, answer)
    finally:
        os._exit(0)


def _find_packages() -> None:
    """This very program's packages, then those of the interpreter that was started."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if root not in sys.path:
        sys.path.append(root)
    if sys.flags.no_site:
        import site

        site.main()


# ---- the daemon ---------------------------------------------------------------------------------------------------------------------------


def address(words: list[str]) -> str:
    """Where the daemon of the gate that the words name listens."""
    said = [word.partition("=")[2] for word in words if word.startswith("--home=")]
    return f"{os.path.abspath(said[0] if said else '.gate')}/hook/daemon"


def _asked(words: list[str], nonce: str, event: bytes, end: float) -> tuple[bytes, bytes, int]:
    """What the daemon says. Unheard when nobody took the event; then nothing was decided, or what was decided is under the same nonce."""
    path = address(words)
    if not os.path.exists(path):
        raise Unheard
    import _socket

    with_daemon = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        with_daemon.settimeout(_HEARD)
        try:
            _connect(with_daemon, path)
            asking = "\0".join([*words, nonce]).encode()
            with_daemon.sendall(b"%d %d\n%b%b" % (len(asking), len(event), asking, event))
            if _part(with_daemon.fileno(), min(end, monotonic() + _HEARD))[:1] != b"+":
                raise Unheard
        except (OSError, TimeoutError):
            raise Unheard from None
        return unpack(_all(with_daemon.fileno(), end))
    except TimeoutError:  # it has the event, and did not decide in time
        raise
    except (OSError, ValueError):  # it died over it
        raise Unheard from None
    finally:
        with_daemon.close()


def _start(words: list[str]) -> None:
    """Starts the daemon for the calls to come, where the words say so (`--serve=SECONDS`). It keeps nothing of this process."""
    idle = [word.partition("=")[2] for word in words if word.startswith("--serve=")]
    try:
        if not idle or os.path.exists(address(words)) or os.fork():
            return
    except OSError:
        return
    try:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(null, standard)
            os.closerange(3, 4096)
            os.chdir("/")
            home = address(words).removesuffix("/hook/daemon")
            kept = {name: os.environ[name] for name in ("HOME", "LANG", "TZ") if name in os.environ}
            program = [
                sys.executable,
                "-I",
                "-S",
                os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py"),
                "serve",
                f"--home={home}",
                f"--serve={idle[0]}",
            ]
            os.execve(sys.executable, program, {"PATH": "/usr/local/bin:/usr/bin:/bin", **kept})  # noqa: S606  # this very program
    finally:
        os._exit(0)


def _serve(words: list[str]) -> int:
    _find_packages()
    from gate.hooks.daemon import alone

    alone(address(words).removesuffix("/hook/daemon"), float(words[-1].partition("=")[2]))
    return 0


def _connect(ours: "socket", path: str) -> None:
    """To a daemon of the same user, in a folder of the same user; anybody else's could say yes to everything."""
    for place in (path, os.path.dirname(path)):
        info = os.lstat(place)
        if info.st_uid != os.geteuid() or info.st_mode & 0o022:
            raise Unheard
    ours.connect(path)
    if peer_of(ours) not in (None, os.geteuid()):
        raise Unheard


def peer_of(connected: "socket") -> int | None:
    """The user at the other end of a unix socket; None where the system has no SO_PEERCRED (then the folder's mode alone keeps others out)."""
    if not sys.platform.startswith("linux"):
        return None
    credentials = connected.getsockopt(1, 17, 12)  # SOL_SOCKET, SO_PEERCRED: pid, uid, gid
    return int.from_bytes(credentials[4:8], sys.byteorder)


# ---- bytes --------------------------------------------------------------------------------------------------------------------------------


def pack(out: bytes, err: bytes, code: int) -> bytes:
    """A reply as it travels."""
    return b"%d %d %d\n%b%b" % (code, len(out), len(err), out, err)


def unpack(raw: bytes) -> tuple[bytes, bytes, int]:
    """The reply; ValueError for anything but a whole one."""
    head, end, rest = raw.partition(b"\n")
    code, size, more = map(int, head.split()) if end and head.count(b" ") == 2 else (2, -1, -1)
    if code not in (0, 2) or size < 0 or more < 0 or len(rest) != size + more:
        raise ValueError("the gate ended without a decision")
    return rest[:size], rest[size:], code


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _block(reason: str) -> int:
    try:
        _write(2, f"gate: {reason}\n".encode(errors="backslashreplace"))
    except OSError:  # nobody reads it
        return 2
    return 2
