"""Graphics cards: which process uses which, and for how many seconds, behind one small protocol.

Hiding a card by environment variables is advice; a program can take it back.  So while a run has a probe, each card that it uses without
being granted ends it, as does using the granted ones for longer than its budget.  A second of a card counts as much as the card's processors
were busy for the process; where the card cannot tell, as a whole one while the process has it open.

`Nvml` needs the extra `[gpu]` (nvidia-ml-py) and a driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, Protocol

from gate.errors import Unavailable

HIDDEN: Final = (
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "ZE_AFFINITY_MASK",
)


class GpuProbe(Protocol):
    """What a host says about its cards; any of it may raise, and then nothing runs that needs it."""

    def count(self) -> int:
        """How many cards there are."""
        ...

    def identity(self, card: int) -> str:
        """The name of a card in an environment variable, such as its UUID."""
        ...

    def users(self, card: int) -> frozenset[int]:
        """The processes that have the card open, by their ids as the gate sees them."""
        ...

    def busy(self, card: int) -> Mapping[int, float]:
        """Of the time since this was last asked, the share from 0 to 1 that each process kept the card busy; a user left out counts as 1."""
        ...


class Nvml:
    """NVIDIA's management library."""

    def __init__(self) -> None:
        self._library: Any = import_module("pynvml")
        self._library.nvmlInit()
        self._seen = dict[int, int]()

    def count(self) -> int:
        return int(self._library.nvmlDeviceGetCount())

    def identity(self, card: int) -> str:
        return str(self._library.nvmlDeviceGetUUID(self._handle(card)))

    def users(self, card: int) -> frozenset[int]:
        handle, found = self._handle(card), set[int]()
        for ask in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            found |= {int(each.pid) for each in getattr(self._library, ask)(handle)}
        return frozenset(found)

    def busy(self, card: int) -> Mapping[int, float]:
        try:
            samples: list[Any] = list(self._library.nvmlDeviceGetProcessUtilization(self._handle(card), self._seen.get(card, 0)))
        except self._library.NVMLError:
            return {}  # no samples yet, or a card that cannot tell: each user counts as 1
        self._seen[card] = max([self._seen.get(card, 0), *[int(each.timeStamp) for each in samples]])
        return {int(each.pid): min(1.0, int(each.smUtil) / 100) for each in samples}

    def _handle(self, card: int) -> Any:
        return self._library.nvmlDeviceGetHandleByIndex(card)


class Meter:
    """Counts the seconds of a run's cards. granted: the cards it may use; seconds: how many of them together."""

    def __init__(self, probe: GpuProbe, granted: tuple[int, ...], seconds: float) -> None:
        self.probe, self.granted, self.limit = probe, granted, seconds
        self.cards, self.used, self._last = probe.count(), 0.0, 0.0
        if wrong := [card for card in granted if card >= self.cards]:
            raise ValueError(f"there is no graphics card {wrong[0]} here")

    def environment(self) -> dict[str, str]:
        """What shows the granted cards to a program, and no other."""
        shown = ",".join([self.probe.identity(card) for card in self.granted])
        return dict.fromkeys(HIDDEN, "") | {"CUDA_VISIBLE_DEVICES": shown, "NVIDIA_VISIBLE_DEVICES": shown or "void"}

    def look(self, now: float, processes: frozenset[int]) -> str:
        """Counts what these processes used since the last look; the limit that has been passed, in words, "" for none."""
        passed, self._last = (now - self._last if self._last else 0.0), now
        for card in range(self.cards):
            ours = self.probe.users(card) & processes
            if ours and card not in self.granted:
                return f"it used graphics card {card}, which it may not"
            if ours:
                shares = self.probe.busy(card)
                self.used += passed * min(1.0, sum(shares.get(process, 1.0) for process in ours))
        return f"it used more than {self.limit:.3g} s of graphics cards" if self.used > self.limit else ""


def hidden() -> dict[str, str]:
    """The environment that shows no card."""
    return dict.fromkeys(HIDDEN, "") | {"NVIDIA_VISIBLE_DEVICES": "void"}


def metered(probe: Callable[[], GpuProbe] | None, cards: tuple[int, ...], seconds: float) -> Meter | None:
    """The meter of a run; None where it names no card and nobody gave a probe. Unavailable when cards cannot be counted: then nothing runs."""
    if bool(cards) is not bool(seconds):
        raise ValueError("name both the graphics cards and how many seconds of them: gpu_devices=[0] gpu_seconds=60")
    if not cards and probe is None:
        return None
    try:
        return Meter((probe or Nvml)(), cards, seconds)
    except ValueError:
        raise
    except Exception as error:  # no library, no driver, no right to look
        why = f"graphics cards cannot be counted here ({type(error).__name__}: {error})"
        raise Unavailable(why, remedy="install capgate[gpu] and a driver, or give a probe") from error
