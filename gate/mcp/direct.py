"""Direct: an event loop that calls whoever reads a file descriptor as soon as there is something, without a turn of the loop in between.

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work())                              # and in it `loop.add_reader(fd, ready)`, as in any loop

A relay wakes twice for each call and has little to do each time; a turn of asyncio's loop costs about as much as passing the bytes on.  All else is
asyncio's own: its selector is one more thing that is waited for, and what a reader schedules runs in the turn that follows.  Where there is no epoll,
`new_loop` gives asyncio's loop as it comes.

>>> async def heard():
...     loop, (there, here) = asyncio.get_running_loop(), os.pipe()
...     said = loop.create_future()
...     loop.add_reader(there, lambda: said.set_result(os.read(there, 9)))
...     os.write(here, b"hello")
...     found = await said
...     loop.remove_reader(there)
...     os.close(there), os.close(here)
...     return found
>>> import os
>>> with asyncio.Runner(loop_factory=new_loop) as runner:
...     runner.run(heard())
b'hello'
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
from typing import TYPE_CHECKING, Any, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import FileDescriptorLike

Ts = TypeVarTuple("Ts")

if sys.platform == "linux":

    class Direct(selectors.EpollSelector):
        """asyncio's selector, and beside it the file descriptors whose readers are called from here. failed: gets what a reader raised."""

        def __init__(self, failed: Callable[[Exception], None]) -> None:
            super().__init__()
            self._failed, self._inner = failed, self.fileno()
            self.readers: dict[int, Callable[[], object]] = {}
            self.all = select.epoll()
            self.all.register(self._inner, select.EPOLLIN)

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """What asyncio waits for; readers were called meanwhile."""
            inner = False
            for fd, _ in self.all.poll(None if timeout is None else max(timeout, 0)):
                if fd == self._inner:
                    inner = True
                elif (ready := self.readers.get(fd)) is not None:  # the one before it may have ended this one
                    try:
                        ready()
                    except Exception as error:
                        self._failed(error)
            return super().select(0) if inner else []

        def close(self) -> None:
            """Closes both."""
            self.all.close()
            super().close()

    class Loop(asyncio.SelectorEventLoop):
        """asyncio's loop on that selector."""

        def __init__(self) -> None:
            self._direct = Direct(lambda error: self.call_exception_handler({"message": "a reader failed", "exception": error}))
            super().__init__(self._direct)

        def add_reader(self, fd: FileDescriptorLike, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
            """Calls it whenever there is something to read. PermissionError for what is always ready, as a plain file."""
            number = fd if isinstance(fd, int) else fd.fileno()
            if number not in self._direct.readers:
                self._direct.all.register(number, select.EPOLLIN)
            self._direct.readers[number] = lambda: callback(*args)

        def remove_reader(self, fd: FileDescriptorLike) -> bool:
            """Not any more; whether it was called until now."""
            number = fd if isinstance(fd, int) else fd.fileno()
            if self._direct.readers.pop(number, None) is None:
                return False
            self._direct.all.unregister(number)
            return True


def new_loop() -> asyncio.AbstractEventLoop:
    """A new event loop."""
    return Loop() if sys.platform == "linux" else asyncio.new_event_loop()
