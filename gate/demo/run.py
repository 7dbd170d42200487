"""Run: the acts in their order, in a folder of their own."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from gate.demo import acts, evidence
from gate.demo.play import Play
from gate.demo.scene import Scene
from gate.errors import ConfigError


def run(keep: str = "", *, quiet: bool = False) -> Play:
    """Plays the demo in a temporary folder, or in the new folder `keep`, which stays. ConfigError when that is there already."""
    start = time.perf_counter()
    root = _folder(keep)
    scene = Scene(root)
    play = Play(scene, quiet=quiet)
    try:
        _play(play)
        play.figures |= {"calls": play.calls, "refused": play.refused, "connections": scene.listener.connections}
        play.check("no_connection_after_the_gate", holds=scene.listener.connections == play.figures["connections_without_gate"])
        play.figures["seconds"] = round(time.perf_counter() - start, 2)
    finally:
        play.gate.close()
        scene.close()
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
    return play


def _play(play: Play) -> None:
    play.say(
        "",
        "An agent is trained to use tools. It has a shell. In the ROME incident (arXiv 2512.24873) such an agent opened a reverse SSH tunnel",
        "and mined cryptocurrency on the training machines. Here its mind is a script; files, processes, the listener outside, the keys and the log are real.",
    )
    acts.without_a_gate(play)
    capability = acts.useful_work(play)
    acts.side_effects(play, capability)
    lab = acts.asking(play)
    acts.swapped(play, lab)
    acts.replayed(play, lab)
    acts.narrowed(play, capability)
    acts.spent(play)
    evidence.decisions(play, capability)
    acts.stopped(play, capability)
    evidence.log(play)


def _folder(keep: str) -> Path:
    if not keep:
        return Path(tempfile.mkdtemp(prefix="gate-demo-"))
    path = Path(keep).absolute()
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise ConfigError(f"'{keep}' is there already; name a new folder with --keep") from None
    return path
