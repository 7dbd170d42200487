"""Run: the acts in their order, in a folder of their own."""

from __future__ import annotations

import shutil
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Final

from gate.demo import bounds, evidence, people, task
from gate.demo.play import Play, screen
from gate.demo.scene import Scene
from gate.errors import ConfigError

STORY: Final = (
    "An agent is trained to use tools, and it has a shell. In the ROME incident (arXiv 2512.24873) such an agent opened a reverse SSH tunnel and "
    "mined cryptocurrency on the training machines. Here its mind is a script; files, processes, the listener outside, the keys and the log are real."
)


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
    play.say("", *textwrap.wrap(STORY, screen() - 2))
    task.without_a_gate(play)
    capability = task.useful_work(play)
    task.side_effects(play, capability)
    lab = people.asking(play)
    people.swapped(play, lab)
    people.replayed(play, lab)
    bounds.narrowed(play, capability)
    bounds.spent(play)
    evidence.decisions(play, capability)
    bounds.stopped(play, capability)
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
