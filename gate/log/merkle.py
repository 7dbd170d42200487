r"""Merkle tree of RFC 6962 section 2.1 (SHA-256), stored in tiles of 256 hashes (C2SP tlog-tiles).

    leaf hash = SHA-256(0x00 || record)        node hash = SHA-256(0x01 || left || right)
    the empty tree's root = SHA-256("")

A tree of n leaves splits at the largest power of two below n.  Level by level that is the same as hashing neighbours in pairs and carrying
an odd last one up unchanged, which is how `tree_hash` does it.  Tile N of level L holds the hashes of the complete subtrees of 256^L
leaves, number 256·N to 256·N+255; a proof reads one tile per level.

>>> tree = Growing()
>>> for record in (b"", b"\x00", b"\x10"):
...     _ = tree.append(leaf_hash(record))
>>> tree.root().hex()
'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

HASH: Final = 32
HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
EMPTY_ROOT: Final = sha256(b"").digest()

Node: TypeAlias = Callable[[int, int], bytes]
"""(height, index) -> hash of the complete subtree of 2^height leaves that starts at leaf index·2^height."""


def leaf_hash(record: bytes) -> bytes:
    """The hash of one record."""
    return sha256(b"\0" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return sha256(b"\1" + left + right).digest()


def tree_hash(hashes: Sequence[bytes]) -> bytes:
    """The root over neighbouring subtrees of equal height, of which only the last may be incomplete."""
    if not hashes:
        return EMPTY_ROOT
    while len(hashes) > 1:
        odd = [hashes[-1]] if len(hashes) & 1 else []
        hashes = [sha256(b"\1" + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2], strict=False)] + odd
    return hashes[0]


class Tile(NamedTuple):
    """Complete tile `number` of its level: 256 hashes, 32 bytes each, and the root over them."""

    level: int
    number: int
    hashes: bytes
    root: bytes


class Growing:
    """The right edge of a growing tree: per level the hashes that do not fill a tile yet. Appending costs O(1) on average."""

    __slots__ = ("levels", "size")

    def __init__(self, size: int = 0, levels: list[list[bytes]] | None = None) -> None:
        self.size = size
        self.levels: list[list[bytes]] = levels if levels is not None else [[]]

    def append(self, leaf: bytes) -> list[Tile]:
        """Adds a leaf's hash; the tiles that are complete with it, lowest first."""
        edge = self.levels[0]
        edge.append(leaf)
        self.size += 1
        return self._filled() if len(edge) == WIDTH else []

    def extend(self, leaves: Sequence[bytes]) -> list[Tile]:
        """Adds many leaves' hashes; the tiles that are complete with them."""
        edge, done, at = self.levels[0], list[Tile](), 0
        while at < len(leaves):
            some = leaves[at : at + WIDTH - len(edge)]
            edge += some
            at += len(some)
            self.size += len(some)
            if len(edge) == WIDTH:
                done += self._filled()
        return done

    def _filled(self) -> list[Tile]:
        done: list[Tile] = []
        for level, edge in enumerate(self.levels):
            if len(edge) < WIDTH:
                break
            root = tree_hash(edge)
            done.append(Tile(level, (self.size >> HEIGHT * (level + 1)) - 1, b"".join(edge), root))
            edge.clear()
            if level + 1 == len(self.levels):
                self.levels.append([])
            self.levels[level + 1].append(root)
        return done

    def root(self) -> bytes:
        """The root of the tree so far."""
        carry: list[bytes] = []
        for edge in self.levels:
            if nodes := edge + carry:
                carry = [tree_hash(nodes)]
        return carry[0] if carry else EMPTY_ROOT


def reader(tile: Callable[[int, int], bytes]) -> Node:
    """Reads subtree hashes out of tiles. tile: (level, index) -> the hashes it has so far. LookupError when one is missing."""
    cache: dict[tuple[int, int], bytes] = {}

    def node(height: int, index: int) -> bytes:
        level, inner = divmod(height, HEIGHT)
        number, first = divmod(index << inner, WIDTH)
        if (level, number) not in cache:
            cache[level, number] = tile(level, number)
        part = cache[level, number][first * HASH : (first + (1 << inner)) * HASH]
        if len(part) != HASH << inner:
            raise LookupError(f"the tree has no complete subtree {index} of height {height}")
        return tree_hash([part[at : at + HASH] for at in range(0, len(part), HASH)])

    return node


def range_hash(start: int, stop: int, node: Node) -> bytes:
    """The hash of the leaves from start to before stop, where start is a multiple of a power of two that is at least stop - start."""
    count = stop - start
    if count == 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        return node(count.bit_length() - 1, start // count)
    middle = start + _split(count)
    return node_hash(range_hash(start, middle, node), range_hash(middle, stop, node))


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 section 2.1.1. ValueError when the tree has no such leaf."""
    if not 0 <= index < size:
        raise ValueError(f"a log of {size} records has no record {index}")
    return _path(index, 0, size, node)


def _path(index: int, start: int, stop: int, node: Node) -> list[bytes]:
    if stop - start == 1:
        return []
    middle = start + _split(stop - start)
    if index < middle:
        return [*_path(index, start, middle, node), range_hash(middle, stop, node)]
    return [*_path(index, middle, stop, node), range_hash(start, middle, node)]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 section 2.1.2. ValueError unless 0 < old <= new."""
    if not 0 < old <= new:
        raise ValueError(f"no proof leads from {old} records to {new}")
    return _subproof(old, 0, new, node, known=True)


def _subproof(old: int, start: int, stop: int, node: Node, *, known: bool) -> list[bytes]:
    if old == stop:
        return [] if known else [range_hash(start, stop, node)]
    middle = start + _split(stop - start)
    if old <= middle:
        return [*_subproof(old, start, middle, node, known=known), range_hash(middle, stop, node)]
    return [*_subproof(old, middle, stop, node, known=False), range_hash(start, middle, node)]


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """True when `proof` shows that the leaf hash is number `index` of the tree of `size` leaves (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """True when `proof` shows that the tree of `new` leaves only appended to that of `old` (RFC 9162 section 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            was, now = node_hash(step, was), node_hash(step, now)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            now = node_hash(now, step)
        at, last = at >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root
