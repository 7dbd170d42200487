"""Trees: the tree of the records as they are, and beside it the one that the stored tiles tell of, once the two differ.

A tile holds the hashes of 256 records as they were when it was written.  So where a record no longer hashes to what its tile says, one of the two
was changed, and the next checkpoint that fits one of the trees tells which: the record, which is then known by its number, or the tile.
Later checkpoints are compared with the tree that was right, so one changed record is one problem and not one per checkpoint after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from gate.log.merkle import HASH, HEIGHT, WIDTH, Growing, Tile
from gate.log.replay import Problem

Stored = Callable[[int, int], "tuple[bytes, bytes] | None"]
"""(level, number) → root and hashes of the tile as stored, None when there is none."""

_TILE: Final = WIDTH * HASH


class Trees:
    """Grows leaf by leaf. `problems` gives what is wrong with tiles and records, when it is known what was changed."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._now = Growing()
        self._told: Growing | None = None
        self._base: list[list[bytes]] = [[]]
        self._suspects: list[tuple[Problem, Problem]] = []  # if the record was changed, if the tile was

    @property
    def size(self) -> int:
        """Records so far."""
        return self._now.size

    def root(self) -> bytes:
        """The root of the tree as it is, or as it was signed where a record was changed."""
        return self._now.root()

    def append(self, leaf: bytes) -> list[Problem] | None:
        """Adds the hash of a record. None until a tile is complete; then what is wrong for sure."""
        if self._now.size % WIDTH == 0:
            self._base = [list(level) for level in (self._told or self._now).levels]
        filled = self._now.append(leaf)
        told = self._told.append(leaf) if self._told else []
        return list(self._compared(filled, told)) if filled else None

    def _compared(self, filled: list[Tile], told: list[Tile]) -> Iterator[Problem]:
        leaves, *inner = filled
        found = self._stored(0, leaves.number)
        if found is None:
            yield _missing(leaves)
        elif found != (leaves.root, leaves.hashes):
            self._suspects.append((_record(leaves, found[1]), _tile(leaves)))
            if len(found[1]) == _TILE:
                self._told = self.before(WIDTH, found[1])
                told = self._told_tiles(found[1])
        for tile, other in zip(inner, told[1:] or inner, strict=False):
            found = self._stored(tile.level, tile.number)
            if found is None:
                yield _missing(tile)
            elif found not in ((tile.root, tile.hashes), (other.root, other.hashes)):
                yield _tile(tile)

    def _told_tiles(self, hashes: bytes) -> list[Tile]:
        """The tiles that are complete with a last tile of these hashes."""
        tree = self.before(WIDTH - 1, hashes)
        return tree.append(hashes[-HASH:])

    def before(self, count: int, hashes: bytes) -> Growing:
        """The tree when the last tile had `count` of these hashes."""
        first = (self._now.size - 1) // WIDTH * WIDTH
        tree = Growing(first, [list(level) for level in self._base])
        for at in range(0, count * HASH, HASH):
            tree.append(hashes[at : at + HASH])
        return tree

    def fits(self, root: bytes) -> bool:
        """Whether one of the trees has this root, which somebody signed; then that one is right."""
        if root == self._now.root():
            self._suspects = [(tile, tile) for _, tile in self._suspects]
        elif self._told is not None and root == self._told.root():
            self._now = self._told
        else:
            return False
        self._told = None
        return True

    def fitted(self, size: int, root: bytes) -> bool:
        """Whether the tree had this root at `size`, in the tile that is just complete, by what that tile says."""
        found = self._stored(0, self._now.size // WIDTH - 1)
        return found is not None and len(found[1]) == _TILE and self.before(size - (self._now.size - WIDTH), found[1]).root() == root

    def suspects(self) -> list[Problem]:
        """What was changed, as far as it is known now; when no tree is known to be right, the record."""
        if self._told is not None:
            return []
        found = [record for record, _ in self._suspects]
        self._suspects = []
        return found

    def end(self) -> list[Problem]:
        """The rest, when there are no more records and no more checkpoints."""
        self._told = None
        return self.suspects()


def _missing(tile: Tile) -> Problem:
    return Problem(None, f"the tile of level {tile.level} from record {_first(tile)} on is missing")


def _tile(tile: Tile) -> Problem:
    return Problem(None, f"the tile of level {tile.level} from record {_first(tile)} on was changed")


def _record(tile: Tile, stored: bytes) -> Problem:
    """Which records are not what they were when their tile was written."""
    first = _first(tile)
    changed = [at for at in range(WIDTH) if stored[at * HASH : (at + 1) * HASH] != tile.hashes[at * HASH : (at + 1) * HASH]]
    if not changed:
        return _tile(tile)
    more = f", nor are {len(changed) - 1} after it" if len(changed) > 1 else ""
    return Problem(first + changed[0], f"record {first + changed[0]} is not what was recorded{more}")


def _first(tile: Tile) -> int:
    return tile.number << HEIGHT * (tile.level + 1)
