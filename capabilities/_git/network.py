"""Reaching a remote from a clean repository, so that no configuration but ours takes part.

A repository's own configuration can send a push elsewhere (`url.*.insteadOf`), through a program (`core.sshCommand`) or without
checking certificates.  So the network is reached from a fresh bare repository that borrows the objects of the real one, by the address that
was checked, with commits named by their ids.  Protocols other than https and ssh are off, redirects are not followed, submodules are left alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from capabilities._git.net import Net
from capabilities._git.repository import LIMITS, Repository, git
from capabilities._process.supervise import Limits

_NET: Final = (
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "http.followRedirects=false",
    "http.sslVerify=true",
    "http.proxy=",
    "transfer.fsckObjects=true",
    "transfer.bundleURI=false",
    "fetch.writeCommitGraph=false",
    "push.followTags=false",
    "push.default=nothing",
)


@contextmanager
def _clean(repository: Repository | None, net: Net, url: str) -> Generator[tuple[str, list[str]]]:
    """A fresh bare repository that borrows the objects of another one, and the options with which git reaches the remote from it."""
    with tempfile.TemporaryDirectory(prefix="gate-git-") as folder:
        settings = [part for one in (*_NET, f"core.sshCommand={net.ssh}") for part in ("-c", one)]
        git([], ["init", "--bare", "--quiet", "--template=", "store.git"], folder)
        if repository:
            _write(f"{folder}/store.git/objects/info/alternates", f"{repository.store}/objects\n")
            if os.path.exists(f"{repository.store}/shallow"):
                with open(f"{repository.store}/shallow", encoding="ascii") as file:
                    _write(f"{folder}/store.git/shallow", file.read())
        if net.header and url.startswith("https://") and (header := net.header(url)):
            if not header.isprintable() or '"' in header or "\\" in header:
                raise ValueError("the header holds what a configuration file cannot carry")
            _write(f"{folder}/header", f'[http "{url}"]\n\textraHeader = "{header}"\n')
            settings += ["-c", f"include.path={folder}/header"]
        yield folder, [f"--git-dir={folder}/store.git", *settings]


def push(repository: Repository, url: str, pairs: Sequence[tuple[str, str]], net: Net, *, force: bool = False) -> str:
    """Sends commits: (id, ref there); "" as an id deletes the ref there. What the remote said."""
    refspecs = [f"{'+' if force and commit else ''}{commit}:{ref}" for commit, ref in pairs]
    words = ["push", "--porcelain", "--no-verify", "--no-signed", "--atomic", "--no-recurse-submodules", url, *refspecs]
    with _clean(repository, net, url) as (folder, where):
        return git(where, words, folder, limits=_limits(net))


def fetch(repository: Repository, url: str, ref: str, net: Net) -> tuple[str, str]:
    """Brings a branch here; its commit's id, and the ref under `refs/remotes/gate/` that now names it."""
    name = f"refs/remotes/gate/{ref.removeprefix('refs/heads/').removeprefix('refs/')}"
    words = [
        "fetch",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        "--quiet",
        url,
        f"+{ref}:refs/gate/new",
    ]
    with _clean(repository, net, url) as (folder, where):
        git(where, words, folder, limits=_limits(net))
        commit = git(where, ["rev-parse", "--verify", "refs/gate/new"], folder).strip()
        _carry(where, folder, commit, repository)
    repository.git("update-ref", name, commit)
    return commit, name


def clone(url: str, folder: str, net: Net, ref: str = "") -> str:
    """Makes a repository in a folder that is not there yet; the id of the commit that is checked out, "" for an empty repository."""
    branch = ["--branch", ref.removeprefix("refs/heads/").removeprefix("refs/tags/")] if ref else []
    words = [
        "clone",
        "--quiet",
        "--no-checkout",
        "--no-local",
        "--no-tags",
        "--template=",
        "--no-recurse-submodules",
        *branch,
        "--",
        url,
        folder,
    ]
    with _clean(None, net, url) as (here, where):  # not from where the folder will be: that may lie in another repository
        git(where[1:], words, here, limits=_limits(net))
    made = Repository(folder)
    if not made.born():
        return ""
    made.git("read-tree", "--no-recurse-submodules", "-m", "-u", "HEAD")
    return made.commit("HEAD")


def _carry(where: Sequence[str], folder: str, commit: str, repository: Repository) -> None:
    """The objects that a clean repository has and the real one has not, as one pack."""
    _write(f"{folder}/wanted", f"{commit}\n")
    with open(f"{folder}/wanted", "rb") as wanted, open(f"{folder}/pack", "wb") as pack:
        git(where, ["pack-objects", "--revs", "--local", "--stdout", "--quiet"], folder, stdin=wanted, stdout=pack)
    with open(f"{folder}/pack", "rb") as pack:
        repository.git("index-pack", "--stdin", "--strict", stdin=pack)


def _limits(net: Net) -> Limits:
    return LIMITS._replace(wall=net.seconds)


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
