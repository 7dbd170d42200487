"""Which places hold secrets, keys or other people's traces: data, and one look-up.

A hit is a reason to ask a person, never a reason to allow: names that are not listed are judged by where they are.  Names are compared as
the least strict file system does (`fold`): `.SSH`, `.ssh.`, `.ENV::$DATA` and `SSH~1` may be the same place.
"""

# lists of words are data, and read best as text
from __future__ import annotations

from functools import lru_cache
from typing import Final

from capabilities._paths.fold import fold, short_name, stems
from gate.regex import regex

# names that mean the same wherever they are
_FOLDERS: Final = frozenset(
    ".ssh .gnupg .aws .azure .kube .docker .password-store .mozilla .thunderbird .vault-token .gate .oci .boto .s3cfg .chef .cargo-credentials "
    "keyrings keychains system-connections gcloud google-chrome chromium bravesoftware wallets".split()
)
_FILES: Final = frozenset(
    ".netrc _netrc .pgpass .my.cnf .git-credentials .pypirc .htpasswd .dockercfg shadow gshadow shadow- gshadow- master.passwd sudoers opasswd "
    "krb5.keytab wallet.dat logins.json key3.db key4.db cookies.sqlite credentials credentials.json credentials.db client_secret.json secrets.json "
    "secrets.yml secrets.yaml docker.sock containerd.sock kcore .envrc .npmrc secrets.toml credentials.yml credentials.yaml "
    "credentials.toml kubeconfig terraform.tfstate .terraformrc".split()
)
_FILE: Final = regex(
    r"\.env(?!\.(example|sample|template|dist)$)(\..+)?"  # .env and .env.production, not .env.example
    r"|(?!(example|sample|template|dist|default)\.).+\.env"
    r"|[\w-]*(passwords?|passwd|secrets?|credentials?)([-_.]?\d+)?\.(txt|csv|tsv|json|ya?ml|toml|ini|conf|cfg|xml|properties|enc|tfvars|db|sqlite|xlsx?|docx?|kdb|log|dat)"
    r"|id_(rsa|dsa|ecdsa|ed25519)(_sk)?"
    r"|ssh_host_.*_key"
    r"|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|ovpn|keytab|gpg|asc)"
    r"|\..*_history|\.lesshst|\.viminfo"
    r"|(login data|web data|cookies|local state)( for account)?"
    r"|.*(service[-_]?account|adminsdk).*\.json"
    r"|.*-journal\.secret"
)
# one name for each rule above, for patterns that may stand for one
EXAMPLES: Final = frozenset(
    {*_FOLDERS, *_FILES, ".env", ".bash_history", ".lesshst", "cookies"}
    | {f"id_{kind}" for kind in ("rsa", "dsa", "ecdsa", "ed25519")}
    | {f"x.{ending}" for ending in "pem key p12 pfx jks keystore kdbx ppk ovpn keytab gpg asc".split()}
)
_COPY: Final = regex(r"(~|[.-](bak|back|backup|old|orig|save|saved|sw[a-p]|tmp|copy|\d{1,2}|~\d+~))+$")
# places, by how their absolute path begins
_UNDER: Final = tuple(
    "/etc/passwd /etc/group /etc/pam.d /etc/sudoers.d /etc/ssl /etc/ssh /etc/apt /etc/login.defs /etc/ppp /etc/wireguard /etc/openvpn /etc/ipsec.d "
    "/etc/ipsec.secrets /etc/security /etc/polkit-1 /etc/wpa_supplicant /etc/letsencrypt /etc/kubernetes "
    "/run/secrets /var/run/secrets /var/log /var/db /var/audit /var/lib/docker /var/lib/kubelet /var/lib/pam "
    "/var/spool/cron /var/spool/mail /var/mail /var/backups /boot /sys /lost+found /private/var/db /library/keychains".split()
)
_BELOW: Final = tuple([f"{place}/" for place in _UNDER])
_PROC_PUBLIC: Final = frozenset(
    "cpuinfo meminfo version uptime loadavg stat mounts filesystems devices partitions swaps diskstats vmstat cmdline crypto interrupts".split()
)
HARMLESS: Final = frozenset(["/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty"])
ENDLESS: Final = frozenset(["/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"])
_STEMS: Final = stems(_FOLDERS | _FILES | {".env"})
_HOMES: Final = regex(r"(?:/home/[^/]+|/Users/[^/]+|/root|/var/root)(?:/(.*))?$")
_ABOVE: Final = frozenset("/ /etc /home /root /var /run /proc /sys /dev /Users /private /var/run /var/lib /var/spool /var/log /Library".split())


@lru_cache(maxsize=4096)
def secret(path: str, home: str = "") -> str:
    """Why the absolute `path` may hold secrets, "" when nothing says so."""
    lower = fold(path)
    parts = lower.split("/")[1:]
    if not _FOLDERS.isdisjoint(parts):
        return "is where keys, tokens or profiles are kept"
    if "~" in lower and any(short_name(part) in _STEMS for part in parts):
        return "may be the short name of a place where keys or tokens are kept"
    last = parts[-1]
    if last.startswith("config") and any(part == ".git" or part.endswith(".git") for part in parts[:-1]):
        return "may hold a password in an address or a header of git's"
    names = {last, path.lower().rpartition("/")[2], *_copied(last)}
    if not _FILES.isdisjoint(names) or any([_FILE.fullmatch(name) for name in names]):
        return "has the name of a file with keys, tokens or a history"
    if parts[0] in ("proc", "dev"):
        return _kernel(parts)
    if f"{lower}/".startswith(_BELOW):
        return "belongs to the system's accounts or configuration of security"
    return _personal(path, home)


def _copied(name: str) -> list[str]:
    """What a file is a copy of, by its name: back-ups, and what editors leave (`id_rsa~`, `.id_rsa.swp`, `#id_rsa#`, `.#id_rsa`)."""
    bare = _COPY.sub("", name.removeprefix(".#").strip("#"))
    return [] if bare == name else [bare, bare.removeprefix(".")]


def _kernel(parts: list[str]) -> str:
    if parts[0] == "proc":
        public = len(parts) == 1 or (len(parts) == 2 and (parts[1] in _PROC_PUBLIC))
        return "" if public else "shows the inside of processes or of the kernel"
    if len(parts) == 1:
        return ""
    return "opens a network connection in a shell" if parts[1] in ("tcp", "udp") else "is a device"


def _personal(path: str, home: str) -> str:
    if home and path.startswith(f"{home}/"):
        rest: str | None = path[len(home) + 1 :]
    else:
        found = _HOMES.match(path)
        rest = found.group(1) if found else None
    return "is a person's own settings" if rest and rest.startswith(".") else ""


def holds_secrets(path: str, home: str = "") -> bool:
    """Whether reading everything below the absolute `path` would come across such places."""
    lower = path.lower()
    above = path in _ABOVE or any(place.startswith(f"{lower}/") for place in _UNDER)
    return above or (bool(home) and (path == home or home.startswith(f"{path}/"))) or _HOMES.fullmatch(path + "/") is not None
