"""What is revoked and stopped, in every process."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from gate.errors import ConfigError
from gate.ledger import Ledger
from tests.ledger.kit import exhausted, right
from tests.ledgers import calls, database, ledger, records, run


def test_revoking_and_stopping(book: Ledger, tmp_path: Path) -> None:
    book.revoke("cap-1", by="ann", reason="lost")
    book.stop(agent="a")
    book.stop(session="s")
    book.stop(all=True)
    found = book.standing()
    assert (found.revoked, found.stopped_agents, found.stopped_sessions, found.stopped_all) == ({"cap-1"}, {"a"}, {"s"}, True)
    book.resume(all=True)
    book.resume(agent="a")
    found = book.standing()
    assert (found.revoked, found.stopped_agents, found.stopped_sessions, found.stopped_all) == ({"cap-1"}, frozenset(), {"s"}, False)
    assert book.standing() is found  # nothing changed: nothing is read
    book.close()
    told = [(record["type"], record["subject"], record["name"]) for record in records(tmp_path) if "subject" in record]
    assert told[0] == ("revoke", "capability", "cap-1")
    assert told[-1] == ("resume", "agent", "a")
    right(tmp_path)
    with closing(ledger(tmp_path)) as later:
        assert later.standing()[:4] == found[:4]


@pytest.mark.parametrize("wrong", [{}, {"agent": "a", "session": "s"}, {"agent": "a", "all": True}, {"agent": ""}])
def test_a_stop_names_one_thing(book: Ledger, wrong: dict[str, str]) -> None:
    for change in (book.stop, book.resume):
        with pytest.raises(ConfigError, match="name exactly one"):
            change(**wrong)  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(ConfigError, match="name the token"):
        book.revoke("")
    book.close()


def test_a_change_that_was_being_written_when_its_writer_died_is_seen(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as book, closing(ledger(tmp_path)) as other:
        assert not other.standing().stopped_all
        book.stop(agent="a")
        assert other.standing().stopped_agents == {"a"}
        shared = book._store.shared  # noqa: SLF001  # the writer dies after COMMIT and before it says so
        with database(tmp_path) as db:
            shared.changing()
            db.execute("INSERT INTO standing VALUES ('agent', 'b')")
        assert other.standing().stopped_agents == {"a", "b"}
        assert not shared.words[0] & 1  # somebody who looked repaired it
        assert other.standing() is other.standing()


def test_a_replaced_shared_file_hides_nothing(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as one:
        run(one, calls(2))
        (tmp_path / "gate" / "shared").unlink()
        with closing(ledger(tmp_path)) as other:
            run(other, calls(2))
            assert exhausted(one, calls(2)) == ("cap/calls",)
            other.stop(agent="a")
            run(one)
            assert one.standing().stopped_agents == {"a"}
            one.stop(agent="b")
            assert other.standing().stopped_agents == {"a", "b"}
    right(tmp_path)


def test_a_process_that_wrongly_believes_nobody_else_wrote_does_no_harm(tmp_path: Path) -> None:
    with closing(ledger(tmp_path)) as one, closing(ledger(tmp_path)) as other:
        run(one, calls(4))
        for durability in ("durable", "buffered"):
            run(other, calls(4))
            one._store._number = one._store.shared.writes  # noqa: SLF001  # as if the count had been set back and come to the same number
            run(one, calls(4) if durability == "durable" else calls(9, "cap-2"), durability=durability)  # type: ignore[arg-type]  # the words
        assert exhausted(one, calls(4)) == exhausted(other, calls(4)) == ("cap/calls",)
    right(tmp_path)
