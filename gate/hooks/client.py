"""Client: what a coding agent starts for every event.

    python -I -S …/gate/hooks/client.py claude --home=/srv/project/.gate < event.json

Python compiles the file it is told to run at every start, so this one is short, and the rest, `sender` beside it, is taken from where Python keeps
what it compiled: as a module is, but by its path, so that nothing is searched for.  `-I` keeps the environment and the folder that the agent works
in out of the interpreter: no PYTHONPATH, no module from there.  `-S` saves the time for what the daemon's client does not need.

Most agents take any end but 2 for a yes, so whatever goes wrong here ends with 2.
"""

import sys

TYPE_CHECKING = False  # as typing has it, which is not imported for that
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def run(words: list[str]) -> int:
    """The exit code. What cannot be loaded is a no."""
    try:
        return _main()(words)
    except BaseException as error:
        sys.stderr.write(f"gate: the hook could not start, so the call does not run ({type(error).__name__}: {error})\n")
        return 2


def _main() -> "Callable[[list[str]], int]":
    from _frozen_importlib_external import SourceFileLoader  # importlib itself would be read from the disk

    name, path = "gate.hooks.sender", f"{__file__.removesuffix('client.py')}sender.py"
    made: dict[str, Any] = {"__name__": name, "__file__": path}
    exec(SourceFileLoader(name, path).get_code(name), made)  # type: ignore[arg-type]  # noqa: S102  # there is code, or it raises
    main: Callable[[list[str]], int] = made["main"]
    return main


if __name__ == "__main__":
    try:
        code = run(sys.argv[1:])
        import os

        os._exit(code)
    finally:  # the line above does not return
        sys.exit(2)
