"""The Merkle tree of the log in SQLite: complete tiles are rows, the right edge is made again from what is there."""

from __future__ import annotations

import sqlite3
from typing import Final

from gate.errors import TamperError
from gate.log.merkle import HASH, WIDTH, Growing, Node, Tile, leaf_hash, reader

LEVEL: Final = 1 << 48


def size(db: sqlite3.Connection) -> int:
    """How many records the log has."""
    last = db.execute("SELECT max(seq) FROM record").fetchone()[0]
    return 0 if last is None else last + 1


def load(db: sqlite3.Connection) -> Growing:
    """The right edge of the tree, made from the last records and the roots of the tiles. TamperError when tiles are missing."""
    count = size(db)
    edge = count - count % WIDTH
    levels = [[leaf_hash(body) for (body,) in db.execute("SELECT body FROM record WHERE seq >= ? ORDER BY seq", (edge,))]]
    below, level = count // WIDTH, 0
    while below:
        first = below - below % WIDTH
        levels.append(_roots(db, level, first, below))
        below, level = below // WIDTH, level + 1
    if [len(nodes) for nodes in levels] != _lengths(count):
        raise TamperError("the log lost records or tiles; keep a copy as evidence and run `gate verify`")
    return Growing(count, levels)


def _lengths(count: int) -> list[int]:
    lengths = [count % WIDTH]
    while count := count // WIDTH:
        lengths.append(count % WIDTH)
    return lengths


def _roots(db: sqlite3.Connection, level: int, start: int, stop: int) -> list[bytes]:
    base = level * LEVEL
    return [root for (root,) in db.execute("SELECT root FROM tile WHERE id >= ? AND id < ? ORDER BY id", (base + start, base + stop))]


def catch_up(db: sqlite3.Connection, tree: Growing) -> None:
    """Adds what other processes appended since `tree` was current. TamperError when the log got shorter."""
    count = size(db)
    if count < tree.size:
        raise TamperError(f"the log had {tree.size} records and now has {count}; keep a copy as evidence and run `gate verify`")
    if count > tree.size:
        for (body,) in db.execute("SELECT body FROM record WHERE seq >= ? ORDER BY seq", (tree.size,)).fetchall():
            tree.append(leaf_hash(body))


def row(tile: Tile) -> tuple[int, bytes, bytes]:
    """A complete tile as a row."""
    return (tile.level * LEVEL + tile.number, tile.root, tile.hashes)


def nodes(db: sqlite3.Connection, count: int) -> Node:
    """Reads subtree hashes of the first `count` records, for proofs; one tile per level."""

    def tile(level: int, index: int) -> bytes:
        found = db.execute("SELECT hashes FROM tile WHERE id = ?", (level * LEVEL + index,)).fetchone()
        if found:
            return bytes(found[0])
        if level:
            return b"".join(_roots(db, level - 1, index * WIDTH, (index + 1) * WIDTH))
        rows = db.execute("SELECT body FROM record WHERE seq >= ? AND seq < ? ORDER BY seq", (index * WIDTH, min((index + 1) * WIDTH, count)))
        return b"".join([leaf_hash(body) for (body,) in rows])

    return reader(tile)


__all__ = ["HASH", "LEVEL", "catch_up", "load", "nodes", "row", "size"]
