"""The commands: each one reads like what git would be told, and runs in a repository that was looked at."""

from __future__ import annotations

import os
from typing import Final

from capabilities._git.repository import GitError, Repository

_PLAIN: Final = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all")
_NOTHING: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # the empty tree
_LOG: Final = "--format=commit %H%nauthor %an <%ae>%ndate %aI%n%n%w(0,4,4)%B%w(0,0,0)"


def status(repository: Repository) -> str:
    """The branch and what is changed, staged and new, one line each (porcelain)."""
    return repository.git("status", "--porcelain=v1", "--branch", "--ignore-submodules=all", "--untracked-files=all")


def log(repository: Repository, revision: str, paths: list[str], count: int) -> str:
    """The last commits."""
    return repository.git("log", "--no-color", "--no-show-signature", f"--max-count={count}", _LOG, "--end-of-options", revision, "--", *paths)


def diff(repository: Repository, revision: str, paths: list[str], *, staged: bool) -> str:
    """What differs, as a patch."""
    chosen = [*(["--cached"] if staged else []), "--end-of-options", *([revision] if revision else [])]
    return repository.git("diff", *_PLAIN, *chosen, "--", *paths)


def show(repository: Repository, revision: str) -> str:
    """One commit with its patch."""
    return repository.git("show", *_PLAIN, "--no-show-signature", _LOG, "--end-of-options", f"{revision}^{{commit}}", "--")


def add(repository: Repository, paths: list[str]) -> str:
    """Stages files; the status afterwards."""
    repository.git("add", "--no-warn-embedded-repo", "--", *paths)
    return status(repository)


def commit(repository: Repository, message: str, author: tuple[str, str] | None) -> str:
    """Commits what is staged, by the commands underneath, so no hook runs; the commit's id."""
    branch, parent = repository.head(), ["-p", repository.commit("HEAD")] if repository.born() else []
    for unfinished in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"):
        _refuse_unfinished(repository, unfinished)
    tree = repository.git("write-tree").strip()
    if parent and tree == repository.git("rev-parse", "--verify", f"{parent[1]}^{{tree}}").strip():
        raise ValueError("nothing is staged")
    who = [] if author is None else ["-c", f"user.name={author[0]}", "-c", f"user.email={author[1]}"]
    made = repository.git(*who, "commit-tree", "--no-gpg-sign", *parent, "-m", message, tree).strip()
    old = parent[1] if parent else "0" * 40
    repository.git(*who, "update-ref", "-m", "commit", branch, made, old)
    return made


def branch(repository: Repository, ref: str, start: str) -> str:
    """Makes a branch that is not there yet; the id it stands at."""
    made = repository.commit(start)
    repository.git("update-ref", "-m", "branch", ref, made, "0" * 40)
    return made


def checkout(repository: Repository, ref: str) -> str:
    """Checks a branch out; changes that are not committed stay, or git refuses. The id of its commit."""
    made = repository.commit(ref)
    repository.git("update-index", "-q", "--refresh", "--ignore-submodules", "--unmerged") if repository.born() else None
    repository.git("read-tree", "--no-recurse-submodules", "-m", "-u", *(["HEAD"] if repository.born() else []), made)
    repository.git("symbolic-ref", "-m", "checkout", "HEAD", ref)
    return made


def unsent(repository: Repository, revision: str) -> tuple[list[str], str]:
    """The commits of a revision that no known branch of a remote has, at most 200, newest first, and the statistics of their files."""
    lines = repository.git("log", "--no-color", "--no-show-signature", "--max-count=200", "--format=%H %an: %s", revision, "--not", "--remotes", "--")
    commits = lines.splitlines()
    if not commits:
        return [], ""
    try:
        base = repository.commit(f"{commits[-1][:40]}~1")
    except GitError:
        base = _NOTHING
    return [f"{one[:12]}{one[40:]}" for one in commits], repository.git("diff", "--stat", *_PLAIN, "--end-of-options", base, revision, "--")


def _refuse_unfinished(repository: Repository, name: str) -> None:
    if os.path.lexists(f"{repository.store}/{name}"):
        raise ValueError(f"something is unfinished in the repository ({name})")
