"""The attack list against the peers: `python -m tests.peers [--only NAME] [--json FILE] [--write-docs]`.

Each peer is installed in an environment of its own, so this needs a package index the first time. It is no part of the test run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.peers.job import Broken, Ground, environment, ground, hear, ours
from tests.peers.page import PAGE, Result, page
from tests.peers.roster import PEERS, Peer
from tests.peers.score import plain, scores


def measure(peer: Peer, on: Ground) -> Result:
    """What one peer did, or why it did nothing."""
    began = time.perf_counter()
    try:
        python, odd = environment(peer)
        heard, wrong = hear(python, peer.adapter, on)
    except Broken as broken:
        return Result(peer.title, peer.idiom, frozenset(), {}, str(broken), "", time.perf_counter() - began)
    notes = "; ".join([*([odd] if odd else []), *(f"left out, {why}" for why in wrong)])
    return Result(peer.title, peer.idiom, heard.offers, scores(on.rows, on.sent, heard, on.workspace), "", notes, time.perf_counter() - began, heard)


def main(arguments: list[str]) -> int:
    """Runs the job; 1 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__)
    parser.add_argument("--only", action="append", help="a package of the roster; may be given more than once")
    parser.add_argument("--json", type=Path, help="every count, and the answer of each peer to each row, to this file")
    parser.add_argument("--write-docs", action="store_true", help=f"write {PAGE.name}")
    given = parser.parse_args(arguments)
    wanted = [peer for peer in PEERS if not given.only or peer.package in given.only]
    if given.write_docs and given.only:
        parser.error("the page is written from a run of all peers")
    with tempfile.TemporaryDirectory() as folder:
        on = ground(Path(folder).resolve())
        gate = ours(on)
        found = [Result("Gate", "its own kinds and profile", gate.offers, scores(on.rows, on.sent, gate, on.workspace), "", "", 0.0, gate)]
        for peer in wanted:
            found.append(measure(peer, on))
            print(found[-1].line(), flush=True)
        print(found[0].line())
    if given.json:
        given.json.write_text(json.dumps([_data(result) for result in found], indent=1))
    if given.write_docs:
        PAGE.write_text(page(found, len(on.rows)))
    return 0 if len(found) > 1 and not all(result.broken for result in found[1:]) else 1


def _data(result: Result) -> dict[str, object]:
    answers = {} if result.heard is None else {key: dict(answer) for key, answer in result.heard.answers.items()}
    return {
        "peer": result.title,
        "offers": sorted(result.offers),
        "broken": result.broken,
        "notes": result.notes,
        "seconds": round(result.seconds, 1),
        "scores": plain(result.scores),
        "answers": answers,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
