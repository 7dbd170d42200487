"""Runs the rows through one peer: an environment of its own, one process, all rows in one go.

Environments are kept in the user's cache folder (`$XDG_CACHE_HOME/capgate-peers`), one per package, version and Python, and used again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.attacks.verdict import Row, filled, furnish, rows, rows_of, verdict
from tests.peers.neutral import sent
from tests.peers.roster import Peer
from tests.peers.sanity import failing, questions
from tests.peers.score import Heard

ADAPTERS = Path(__file__).parent / "adapters"
SECONDS = 240


class Broken(Exception):
    """The peer did not work here; the text says why."""


class Ground(NamedTuple):
    """The furnished folders, and the rows as adapters read them."""

    workspace: str
    outside: str
    rows: tuple[Row, ...]
    sent: Mapping[str, Mapping[str, Any]]


def ground(folder: Path) -> Ground:
    """A furnished workspace in `folder`, and every row of the list and of this folder's own."""
    workspace, outside = furnish(folder)
    found = (*rows(), *rows_of(Path(__file__).parent / "rows.jsonl"))
    return Ground(workspace, outside, found, {row.id: sent(row, workspace, outside) for row in found})


def environment(peer: Peer) -> tuple[Path, str]:
    """The Python of the peer's environment, made if there is none, and what was out of the ordinary about installing it."""
    python, odd = _python(peer)
    home = _cache() / f"{peer.package}-{peer.version}-{Path(python).name}"
    mark = home / "complete"
    if not mark.exists():
        shutil.rmtree(home, ignore_errors=True)
        _call([python, "-m", "venv", str(home)])
        flags = ["--ignore-requires-python"] if odd and python == sys.executable else []
        _call([str(home / "bin/pip"), "install", "-q", "--disable-pip-version-check", *flags, f"{peer.package}=={peer.version}"])
        mark.touch()
    return home / "bin/python", odd


def _python(peer: Peer) -> tuple[str, str]:
    """A Python new enough for the peer that starts, on the path or of pyenv; else ours and a note."""
    if sys.version_info >= peer.python:
        return sys.executable, ""
    for minor in range(peer.python[1], 20):
        name = f"python3.{minor}"
        for found in (shutil.which(name), *sorted(map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}")))):
            if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
                return found, f"on Python 3.{minor}"
    return sys.executable, f"asks for Python {peer.python[0]}.{peer.python[1]}, run with {sys.version_info[0]}.{sys.version_info[1]}"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capgate-peers"


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise Broken(f"does not install: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1][:200]}")


def hear(python: Path | str, adapter: str, on: Ground) -> tuple[Heard, list[str]]:
    """The peer's answers to every row, and the words of the roster that failed their sanity rows, which are then not offered.

    Raises Broken when the process fails, or no word is left.
    """
    asked = questions(on.workspace)
    lines = list(_answers(python, adapter, [*asked, *on.sent.values()], on.workspace))
    offers, answers = frozenset(lines[0]["offers"]), {line["id"]: line for line in lines[1:]}
    wrong = {word: why for word in sorted(offers) if (why := failing(word, answers))}
    if offers <= wrong.keys():
        raise Broken("; ".join(f"{word}: {why}" for word, why in wrong.items()))
    for broken in (answer for answer in answers.values() if answer["answer"] == "broken"):
        broken["answer"] = "refused"  # it could not be told the policy, so the tool does not run; `unsaid` keeps such rows out of the count
        broken["unsaid"] = True
    return Heard(offers - wrong.keys(), answers), [f"{word}: {why}" for word, why in wrong.items()]


def _answers(python: Path | str, adapter: str, asked: Iterable[Mapping[str, Any]], workspace: str) -> Iterable[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        start = {"workspace": workspace, "folder": folder}
        done = subprocess.run(
            [str(python), str(ADAPTERS / f"{adapter}.py")],
            input="".join(json.dumps(line) + "\n" for line in (start, *asked)),
            cwd=workspace,
            env={"PATH": os.defpath, "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    if done.returncode:
        raise Broken(f"does not run: {(done.stderr.strip() or 'no word').splitlines()[-1][:200]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ours(on: Ground) -> Heard:
    """Gate's own answers to the same rows."""
    here = Path.cwd()
    os.chdir(on.workspace)
    try:
        answers = {row.id: {"answer": _ours(row, on)} for row in on.rows}
    finally:
        os.chdir(here)
    words = {word for told in on.sent.values() for word in (one["kind"] for one in told["policy"]["args"].values())}
    return Heard(frozenset(words | {"name", "unnamed", "secret place", "ports", "paths"}), answers)


def _ours(row: Row, on: Ground) -> str:
    return verdict(row.tool, *(filled(part, on.workspace, on.outside) for part in (row.args, row.grant)), on.workspace)[0]
