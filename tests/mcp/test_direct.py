"""The loop that reads pipes without a turn: everything else of a loop goes on as in asyncio's own."""

import asyncio
import os
import signal
import sys
import tempfile
import threading

import pytest

from gate.mcp.direct import new_loop


def run(work):
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(asyncio.wait_for(work, 20))


@pytest.fixture
def pipes():
    made = [os.pipe(), os.pipe()]
    yield made
    for fd in [fd for pair in made for fd in pair]:
        os.close(fd)


def test_what_a_reader_schedules_runs_and_so_do_timers_threads_and_signals(pipes):
    (there, here), _ = pipes
    seen = []

    async def work():
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        async def later(data):
            seen.append(data)

        loop.add_reader(there, lambda: loop.create_task(later(os.read(there, 9))))
        loop.add_signal_handler(signal.SIGUSR1, seen.append, "signal")
        os.write(here, b"one")
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(0.05)
        loop.call_later(0.05, seen.append, "timer")
        threading.Timer(0.2, loop.call_soon_threadsafe, (done.set,)).start()
        await done.wait()
        loop.remove_signal_handler(signal.SIGUSR1)

    run(work())
    assert seen == [b"one", "signal", "timer"]


def test_a_reader_that_ends_another_is_the_last_that_is_called(pipes):
    called = []

    async def work():
        loop = asyncio.get_running_loop()

        def ready(mine, other):
            called.append(mine)
            loop.remove_reader(mine)
            loop.remove_reader(other)

        (one, to_one), (two, to_two) = pipes
        loop.add_reader(one, ready, one, two)
        loop.add_reader(two, ready, two, one)
        os.write(to_one, b"x")
        os.write(to_two, b"x")
        await asyncio.sleep(0.05)
        assert not loop.remove_reader(one)

    run(work())
    assert len(called) == 1


def test_a_reader_that_fails_is_told_of_and_the_loop_goes_on(pipes):
    (there, here), _ = pipes
    told = []

    async def work():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

        def fails():
            os.read(there, 9)
            raise ValueError("no")

        loop.add_reader(there, fails)
        for _ in range(2):
            os.write(here, b"x")
            await asyncio.sleep(0.05)

    run(work())
    assert told == ["no", "no"]


@pytest.mark.skipif(sys.platform != "linux", reason="only epoll says so")
def test_a_plain_file_cannot_be_watched():
    async def work():
        with tempfile.TemporaryFile() as file:
            asyncio.get_running_loop().add_reader(file, print)

    with pytest.raises(PermissionError):
        run(work())
