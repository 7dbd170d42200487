"""How remotes are reached: what a program may say about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

SSH: Final = "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oClearAllForwardings=yes -oPermitLocalCommand=no -oForwardAgent=no"


class Net(NamedTuple):
    """How remotes are reached.

    ssh: the command line that git starts for ssh.  header: for an address, the HTTP header that says who asks ("" for none); it reaches git
    through a file that only this user may read.  seconds: for one transfer.
    """

    ssh: str = SSH
    header: Callable[[str], str] | None = None
    seconds: float = 300.0
