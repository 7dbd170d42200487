"""What is told apart beyond a program's own line, as data: whose version is shown unread, which words connect, and what shows secrets.

Many programs read the current folder before they say their version (`conftest.py`, `.yarnrc`, `rust-toolchain.toml`, `Vagrantfile`), so the
workspace says what runs.  Only those of `UNREAD` are known to say it without.

>>> connects("https://evil.example/a/b/pull/1"), connects("git@evil.example:a/b"), connects("main"), telling("AWS_SECRET_ACCESS_KEY"), telling("KEYS")
(True, True, False, True, True)
"""

# lists of words are data, and read best as text
from __future__ import annotations

import re
from typing import Final

from gate.regex import regex

# with nothing but a word that asks for help or the version they print a line and end, whatever the folder holds
UNREAD: Final = frozenset(
    "bash sh dash zsh find xargs env git ssh nice ionice nohup stdbuf timeout sudo doas setsid chroot unshare nsenter strace ltrace taskset chrt "
    "mkdir touch mkfifo cp mv ln rm rmdir unlink shred truncate tee install chmod chown chgrp gzip gunzip bzip2 bunzip2 xz unxz unzip zip "
    "dos2unix unix2dos mktemp patch python python2 python3 perl ruby lua node nodejs php java make gmake gcc g++ cc c++ clang clang++ ld as "
    "pip pip2 pip3 gawk mawk nawk vim vi nano less more most curl wget rsync tar bsdtar cpio openssl gpg gpg2 ssh-keygen dig "
    "aws az gcloud gh kubectl kubecolor oc helm docker podman nerdctl brew apt apt-get apt-cache apt-mark dpkg yum dnf zypper snap flatpak "
    "rpm pacman systemctl loginctl timedatectl hostnamectl localectl networkctl resolvectl nmcli ufw minikube kind crictl doctl heroku auth0 "
    "terraform tofu psql mysql mariadb sqlite3 nmap shellcheck screen tmux kill pkill killall sysctl crontab split csplit printenv".split()
)
# words that name another machine
_CONNECTS: Final = regex(r"(?i)[a-z][a-z0-9+.-]*:/?/|[\w.-]+@[\w.-]+\.[\w-]+[:/]|//[\w-]+\.")
# names of variables that hold secrets
_TELLING: Final = regex(
    r"(?i).*(token|secret|passw|passphrase|credential|api_?key|access_?key|private|(^|_)(keys?|pass|pwd|auth|pat|dsn)(_|$)|cookie|session|database_?url|conn(ection)?_?str)"
)
# programs, and what all their words together must not look like: asked about, because it shows secrets, opens a browser or connects elsewhere
_TOGETHER: Final[dict[str, re.Pattern[str]]] = {
    "gh": regex(
        r"(^| )(-R ?|--repo[= ])[^/ ]+/[^/ ]+/|(^| )([\w-]+(\.[\w-]+)+|localhost|[^/ ]*:\d+)/[^/ ]+/"
        r"|auth status .*-|^(?!(run|workflow) ).* -[a-zA-Z]*w|^workflow .* -w|--web|config get.*token|config get .*-"
    ),
    "helm": regex(r"^(get (values|all|manifest|hooks)|status .*-o)"),
    "docker": regex(
        r"^(container |service |image |config |secret )?inspect\b(?!.* (-f|--format)[= ]?\{\{(json )?\.(State|NetworkSettings|Name|Id|Created|"
        r"RestartCount|Image|Driver|Platform|RepoTags|RepoDigests|Size|Architecture|Os)\b[\w. ]*\}\}( |$))"
        r"|\binspect\b.*(\.Config|\.Env|json \.\}|\.Spec)|^search .*[.:]\S*/|history .*--no-trunc"
    ),
    "kubectl": regex(r"(?i)\b(get|describe|events?)\b.*(^|[ ,/])secrets?([./, ]|$)"),
    "systemctl": regex(r"(?i)environ|^(.* )?show\b(?!.* (-p|--property))"),
}
_SAME: Final = {"podman": "docker", "nerdctl": "docker", "oc": "kubectl", "kubecolor": "kubectl"}


def connects(text: str) -> bool:
    """Whether a word names another machine: an address with a scheme, or a host with a user."""
    return _CONNECTS.search(text) is not None


def telling(name: str) -> bool:
    """Whether a variable's name says that it holds a secret."""
    return _TELLING.match(name) is not None


def together(name: str, texts: list[str]) -> bool:
    """Whether the words of a query together are known to show a secret, to open a browser or to go to another host."""
    found = _TOGETHER.get(_SAME.get(name, name))
    return found is not None and found.search(" ".join(texts)) is not None
