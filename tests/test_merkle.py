"""The Merkle tree: RFC 6962's own numbers, a slow reference beside it, and proofs that somebody changed."""

from __future__ import annotations

import doctest
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.log.merkle
from gate.log.merkle import (
    EMPTY_ROOT,
    WIDTH,
    Growing,
    Tile,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_hash,
    reader,
    tree_hash,
    verify_consistency,
    verify_inclusion,
)

# The test tree of RFC 6962's reference implementation: its leaves, its roots after each leaf, and proofs over it.
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = """
    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
    aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77 d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
    4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4 76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
    ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
""".split()
INCLUSION = {
    (0, 8): "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
    " 6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    (5, 8): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
    " d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 3): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    (1, 5): "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
    " bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
}
CONSISTENCY = {
    (1, 8): INCLUSION[0, 8],
    (6, 8): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
    " d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 5): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    (8, 8): "",
}


# ---- the slow reference: RFC 6962 section 2.1, word for word ---------------------------------------------------------------------------


def slow_root(leaves: list[bytes]) -> bytes:
    """MTH."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = slow_split(len(leaves))
    return sha256(b"\1" + slow_root(leaves[:k]) + slow_root(leaves[k:])).digest()


def slow_split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def slow_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH."""
    if len(leaves) == 1:
        return []
    k = slow_split(len(leaves))
    if m < k:
        return [*slow_path(m, leaves[:k]), slow_root(leaves[k:])]
    return [*slow_path(m - k, leaves[k:]), slow_root(leaves[:k])]


def slow_proof(m: int, leaves: list[bytes], *, known: bool = True) -> list[bytes]:
    """SUBPROOF."""
    if m == len(leaves):
        return [] if known else [slow_root(leaves)]
    k = slow_split(len(leaves))
    if m <= k:
        return [*slow_proof(m, leaves[:k], known=known), slow_root(leaves[k:])]
    return [*slow_proof(m - k, leaves[k:], known=False), slow_root(leaves[:k])]


class Kept:
    """A log in memory that keeps complete tiles, as a store does."""

    def __init__(self, records: list[bytes]) -> None:
        self.leaves = [leaf_hash(record) for record in records]
        self.tiles: dict[tuple[int, int], Tile] = {}
        self.tree = Growing()
        for leaf in self.leaves:
            for tile in self.tree.append(leaf):
                self.tiles[tile.level, tile.number] = tile

    def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile, complete or not."""
        if (level, number) in self.tiles:
            return self.tiles[level, number].hashes
        if level == 0:
            return b"".join(self.leaves[number * WIDTH : (number + 1) * WIDTH])
        below = range(number * WIDTH, (number + 1) * WIDTH)
        return b"".join([self.tiles[level - 1, each].root for each in below if (level - 1, each) in self.tiles])


def hexes(text: str) -> list[bytes]:
    """Hashes written in hexadecimal."""
    return [bytes.fromhex(each) for each in text.split()]


def numbered(count: int) -> list[bytes]:
    """Records that all differ."""
    return [b"record %d" % each for each in range(count)]


# ---- vectors ---------------------------------------------------------------------------------------------------------------------------


def test_the_example_of_the_module() -> None:
    outcome = doctest.testmod(gate.log.merkle)
    assert outcome.attempted
    assert not outcome.failed


def test_the_empty_tree() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Growing().root() == tree_hash([]) == EMPTY_ROOT


def test_roots_of_the_rfc_6962_test_tree() -> None:
    tree = Growing()
    for record, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(leaf_hash(record))
        assert tree.root().hex() == root


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_of_the_rfc_6962_test_tree(index: int, size: int) -> None:
    node = reader(Kept(LEAVES[:size]).tile)
    proof = inclusion_proof(index, size, node)
    assert proof == hexes(INCLUSION[index, size])
    assert verify_inclusion(index, size, leaf_hash(LEAVES[index]), proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_of_the_rfc_6962_test_tree(old: int, new: int) -> None:
    proof = consistency_proof(old, new, reader(Kept(LEAVES[:new]).tile))
    assert proof == hexes(CONSISTENCY[old, new])
    assert verify_consistency(old, new, bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1]), proof)


# ---- laws ------------------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_the_references(records: list[bytes]) -> None:
    assert Kept(records).tree.root() == slow_root(records)


@given(st.integers(1, 600), st.data())
def test_every_inclusion_proof_is_the_references_and_verifies(size: int, data: st.DataObject) -> None:
    records = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    kept = Kept(records)
    proof = inclusion_proof(index, size, reader(kept.tile))
    assert proof == slow_path(index, records)
    assert verify_inclusion(index, size, kept.leaves[index], proof, kept.tree.root())


@given(st.integers(1, 600), st.data())
def test_every_consistency_proof_is_the_references_and_verifies(new: int, data: st.DataObject) -> None:
    records = numbered(new)
    old = data.draw(st.integers(1, new))
    proof = consistency_proof(old, new, reader(Kept(records).tile))
    assert proof == slow_proof(old, records)
    assert verify_consistency(old, new, slow_root(records[:old]), slow_root(records), proof)


@given(st.integers(1, 40), st.data())
def test_a_proof_of_a_smaller_tree_comes_out_of_a_larger_one(size: int, data: st.DataObject) -> None:
    records = numbered(size + data.draw(st.integers(0, 40)))
    index = data.draw(st.integers(0, size - 1))
    assert inclusion_proof(index, size, reader(Kept(records).tile)) == slow_path(index, records[:size])


def test_tiles_of_two_levels() -> None:
    records = numbered(WIDTH * WIDTH + WIDTH + 3)
    kept = Kept(records)
    assert kept.tree.root() == slow_root(records)
    assert len(kept.tiles) == WIDTH + 1 + 1
    assert kept.tiles[1, 0].root == slow_root(records[: WIDTH * WIDTH])
    assert [len(edge) for edge in kept.tree.levels] == [3, 1, 1]
    for index in (0, WIDTH - 1, WIDTH, WIDTH * WIDTH - 1, WIDTH * WIDTH, len(records) - 1):
        proof = inclusion_proof(index, len(records), reader(kept.tile))
        assert proof == slow_path(index, records)


def test_a_range_is_the_root_over_it() -> None:
    records = numbered(300)
    node = reader(Kept(records).tile)
    assert range_hash(0, 0, node) == EMPTY_ROOT
    assert range_hash(256, 300, node) == slow_root(records[256:])


# ---- attacks ---------------------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 300), st.data())
def test_a_changed_inclusion_proof_does_not_verify(size: int, data: st.DataObject) -> None:
    kept = Kept(numbered(size))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, reader(kept.tile))
    root, leaf, forged = kept.tree.root(), kept.leaves[index], leaf_hash(b"forged")
    assert not verify_inclusion(index, size, forged, proof, root)
    assert not verify_inclusion(index, size, leaf, proof, forged)
    assert not verify_inclusion(index, size, leaf, [*proof, forged], root)
    assert not verify_inclusion(-1, size, leaf, proof, root)
    assert not verify_inclusion(size, size, leaf, proof, root)
    for at in range(len(proof)):
        assert not verify_inclusion(index, size, leaf, [*proof[:at], forged, *proof[at + 1 :]], root)
        assert not verify_inclusion(index, size, leaf, proof[:at] + proof[at + 1 :], root)
        assert not verify_inclusion(index ^ 1 << at, size, leaf, proof, root)


@given(st.integers(2, 300), st.data())
def test_a_changed_consistency_proof_does_not_verify(new: int, data: st.DataObject) -> None:
    records = numbered(new)
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(old, new, reader(Kept(records).tile))
    was, now, forged = slow_root(records[:old]), slow_root(records), leaf_hash(b"forged")
    rewritten = slow_root([b"forged", *records[1:]])
    assert not verify_consistency(old, new, was, rewritten, proof)
    assert not verify_consistency(old, new, forged, now, proof)
    assert not verify_consistency(old, new, was, now, [*proof, forged])
    assert not verify_consistency(old, new, now, was, proof)
    assert not verify_consistency(0, new, EMPTY_ROOT, now, [])
    assert not verify_consistency(new, old, now, was, proof)
    assert not verify_consistency(new, new, now, now, [forged])
    for at in range(len(proof)):
        assert not verify_consistency(old, new, was, now, [*proof[:at], forged, *proof[at + 1 :]])
        assert not verify_consistency(old, new, was, now, proof[:at] + proof[at + 1 :])


def test_a_record_that_looks_like_two_hashes_is_no_inner_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_no_proof_of_what_is_not_there() -> None:
    node = reader(Kept(numbered(5)).tile)
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match=f"a log of {size} records has no record"):
            inclusion_proof(index, size, node)
    for old, new in ((0, 5), (6, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no proof leads from"):
            consistency_proof(old, new, node)
    with pytest.raises(LookupError, match="no complete subtree"):
        inclusion_proof(0, 9, node)


@given(st.lists(st.integers(0, 700), max_size=5))
def test_many_leaves_at_once_are_the_same_as_one_after_the_other(batches: list[int]) -> None:
    one, other = Growing(), Growing()
    for number, count in enumerate(batches):
        leaves = [leaf_hash(b"%d %d" % (number, index)) for index in range(count)]
        tiles: list[Tile] = []
        for leaf in leaves:
            tiles += one.append(leaf)
        assert other.extend(leaves) == tiles
        assert (other.size, other.levels, other.root()) == (one.size, one.levels, one.root())
