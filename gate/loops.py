"""Loops: what plain code must know of asyncio, without importing it.

Most processes that only decide (a hook, a command) never await anything, and asyncio is a fifth of what they would import.  A loop that runs, or
an error that asyncio raised, means that somebody has imported it; so what is looked for is there, or cannot be.

>>> asyncio_runs()
False
>>> is_cancelled(KeyboardInterrupt())
False
"""

from __future__ import annotations

import sys


def asyncio_runs() -> bool:
    """Whether an event loop runs in this thread, so that it must not be blocked and no other can be started."""
    running = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)  # documented, and the only way that raises nothing
    return running is not None and running() is not None


def is_cancelled(error: BaseException) -> bool:
    """Whether a task was cancelled."""
    made = getattr(sys.modules.get("asyncio"), "CancelledError", None)
    return made is not None and isinstance(error, made)
