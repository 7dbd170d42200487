"""The comparison's own parts: what peers are told, what counts, and one peer asked for real if it is installed here. No network."""

from __future__ import annotations

import doctest
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.attacks.verdict import Row
from tests.peers import job, leads, neutral, sanity, score
from tests.peers.neutral import attacked, files_pattern, http_pattern, policy, sent, shell_pattern, sort
from tests.peers.page import Result, cell, page
from tests.peers.roster import PEERS, Peer
from tests.peers.score import Heard, Score, plain, scores

BELOW = {"path": {"constraint_type": "subpath", "roots": ["{workspace}"]}}
HOSTS = {"url": {"constraint_type": "url", "hosts": ["api.example.com"], "schemes": ["https"]}}


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> job.Ground:
    """The furnished folders and every row."""
    return job.ground(tmp_path_factory.mktemp("peers").resolve())


def row(kind="files", tool="files.read", args=None, grant=BELOW, expected="refused", group="traversal", id="r") -> Row:
    return Row(id, group, "own", kind, grant, tool, args or {"path": "../x"}, expected)


def test_every_row_of_the_list_can_be_told_to_a_peer(on: job.Ground) -> None:
    assert {one.id for one in on.rows} == set(on.sent)
    for one in on.rows:
        told = json.loads(json.dumps(on.sent[one.id]))
        assert attacked(one, told["policy"], told["args"]), one.id
        assert "{workspace}" not in json.dumps(told)


def test_a_grant_becomes_words_and_a_path_is_made_whole() -> None:
    told = sent(row(), "/w", "/o")
    assert told["args"] == {"path": "/w/../x"}
    assert told["policy"]["args"]["path"]["below"] == ["/w"]
    assert policy("http", "http.request", {"url": {"constraint_type": "url", "hosts": ["*"]}}, "/w")["args"]["url"]["kind"] == "public http"
    assert policy("shell", "shell.run", "workstation", "/w")["args"]["command"]["programs"] == neutral.READ_ONLY
    assert policy("sql", "sql.query", "workstation", "/w")["args"][""]["kind"] == "profile of sql"


def test_a_kind_that_nobody_else_has_keeps_its_own_word_and_is_not_offered() -> None:
    one = row("sql", "sql.query", {"statement": "DROP TABLE t"}, {"statement": {"constraint_type": "sql", "tables": ["t"]}})
    told = {one.id: sent(one, "/w", "/o")}
    found = scores([one], told, Heard(frozenset({"files", "http"}), {}), "/w")["sql"][""]
    assert (found.attacks, found.not_offered) == (0, 1)


def test_an_attack_counts_only_against_the_words_that_must_stop_it() -> None:
    def words(args, grant, kind="http", tool="http.request", group="x"):
        one = row(kind, tool, args, grant, group=group)
        told = sent(one, "/w", "/o")
        return attacked(one, told["policy"], told["args"])

    get = {**HOSTS, "method": {"constraint_type": "one_of", "values": ["GET"]}}
    assert words({"url": "https://evil.example/"}, HOSTS) == {"http"}
    assert words({"url": "https://api.example.com:22/"}, HOSTS) == {"ports"}
    assert words({"url": "https://api.example.com/x", "method": "POST"}, get) == {"choice"}
    assert words({"url": "https://api.example.com/x", "body": "b"}, HOSTS) == {"unnamed"}
    assert words({"url": "https://api.example.com/x", "headers": {"Host": "e"}}, {**HOSTS, "headers": {"constraint_type": "wildcard"}}) == {"headers"}
    assert words({"cpu": float("nan")}, {"cpu": {"constraint_type": "range", "max": 60}}, "compute", "compute.run") == {"number"}
    assert words({"gpu": 1}, {"cpu": {"constraint_type": "range", "max": 60}}, "compute", "compute.run") == {"number", "unnamed"}
    assert words({"path": ".env"}, BELOW, "files", "files.read", "secret place") == {"secret place"}


def test_rows_are_sorted_by_what_must_happen() -> None:
    assert sort(row(expected="allowed", group="ordinary")) == "ordinary"
    assert sort(row(expected="asked", group="ordinary change")) == "person"
    assert sort(row(expected="asked", group="miner")) == sort(row()) == "attack"


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (files_pattern(["/w"]), ["/w/a", "/w/..a/b", "/w/a b"], ["/w/../x", "/w/a/..", "/wx/a", "/w/a\n", "x/w/a"]),
        (
            http_pattern(["a.example"], ["https"], None, None),
            ["https://a.example", "https://a.example:443/x"],
            ["https://a.example.evil/", "http://a.example/"],
        ),
        (http_pattern(["a.example"], ["http"], [8080], None), ["http://a.example:8080/"], ["http://a.example:80/", "http://e\\@a.example:8080/"]),
        (shell_pattern([["ls"]]), ["ls", "ls -l 'a b'"], ["ls\nid", "ls $(id)", "lsof", "ls;id", "/tmp/ls"]),
    ],
)
def test_the_careful_patterns(pattern: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert neutral.re.search(pattern, text), text
    for text in bad:
        assert not neutral.re.search(pattern, text), text


def test_where_a_path_leads(on: job.Ground) -> None:
    told = {"args": {"path": {"kind": "files", "below": [on.workspace]}}}

    def ends(value):
        return leads.harmless({"files"}, told, {"path": value}, on.workspace)

    assert all(ends(value) for value in (f"{on.workspace}/a\nb", f"{on.workspace}/a\0b", f"{on.workspace}/out/..", None, ["a"], "\ud800"))
    assert not any(ends(value) for value in (f"{on.workspace}/link-file", f"{on.workspace}/../x", "/etc/passwd", 5, f"{on.workspace}-sibling/x"))


def test_where_a_url_leads() -> None:
    said = policy("http", "http.request", HOSTS, "/w")

    def ends(value):
        return leads.harmless({"http"}, said, {"url": value}, "/w")

    for value in ("https://api.example.com/a\tb", " https://api.example.com/", "https://api.example\uff0ecom/", "api.example.com", "https://", "", 5):
        assert ends(value), value
    for value in (
        "https://e.example\\@api.example.com/",
        "https://api.example.com\\@e.example/",
        "https://\u0430pi.example.com/",
        "file:///etc/passwd",
    ):
        assert not ends(value), value
    assert not leads.harmless({"unnamed"}, said, {"url": "https://api.example.com/", "body": "b"}, "/w")


def test_a_number_in_another_spelling_is_the_number_and_none_is_no_limit() -> None:
    told = {"args": {"cpu": {"kind": "number", "min": 1, "max": 60}}}
    assert all(leads.harmless({"number"}, told, {"cpu": value}, "/w") for value in ("5", True, 1.5, [5]))
    assert not any(leads.harmless({"number"}, told, {"cpu": value}, "/w") for value in (None, 0, 61, float("nan"), float("inf"), 10**400))


def test_what_passes_what_is_harmless_and_what_is_not_offered(on: job.Ground) -> None:
    listed = [
        row(id="out", args={"path": "../x"}),
        row(id="odd", args={"path": "a\nb"}, group="characters"),
        row(id="stopped", args={"path": "/etc/passwd"}),
        row(id="fine", args={"path": "notes.md"}, expected="allowed", group="ordinary"),
        row(id="held", args={"path": "sub/x"}, expected="allowed", group="ordinary"),
        row("http", "http.request", {"url": "https://evil.example/"}, HOSTS, id="web"),
    ]
    told = {one.id: sent(one, on.workspace, on.outside) for one in listed}
    answers = {one.id: {"answer": "allowed"} for one in listed} | {"stopped": {"answer": "refused"}, "held": {"answer": "asked"}}
    found = scores(listed, told, Heard(frozenset({"files"}), answers), on.workspace)
    assert found["files"][""] == Score(attacks=2, passed=1, harmless=1, ordinary=2, allowed=1, held=1)
    assert found["http"][""] == Score(not_offered=1)
    assert cell(found["files"][""]) == "1/2 · 1/2" and cell(found["http"][""]) == "–"
    assert plain(found)["files"]["characters"]["harmless"] == 1


def test_a_peer_that_refuses_everything_or_allows_everything_is_not_measured(on: job.Ground) -> None:
    for answer, why in (("refused", "does not allow"), ("allowed", "allows the forbidden")):
        answers = {asked["id"]: {"answer": answer} for asked in sanity.questions(on.workspace)}
        for word in ("files", "http", "ports", "paths", "public http", "shell", "number", "choice", "name", "unnamed"):
            assert why in sanity.failing(word, answers)


def test_gate_passes_its_own_list_by_the_same_count(on: job.Ground) -> None:
    found = scores(on.rows, on.sent, job.ours(on), on.workspace)
    for kind, groups in found.items():
        assert groups[""].passed == groups[""].not_offered == groups[""].held == groups[""].harmless == 0, kind
    assert sum(groups[""].attacks + groups[""].ordinary + groups[""].person for groups in found.values()) == len(on.rows)


def test_every_peer_has_an_adapter_that_says_what_it_was_told() -> None:
    for peer in PEERS:
        text = (job.ADAPTERS / f"{peer.adapter}.py").read_text()
        assert text.startswith(f'"""{peer.package}') and "serve(OFFERS, build)" in text
    assert {file.stem for file in job.ADAPTERS.glob("peer_*.py")} == {peer.adapter for peer in PEERS}


def test_the_page_names_who_works_and_who_does_not(on: job.Ground) -> None:
    ours = job.ours(on)
    counted = scores(on.rows, on.sent, ours, on.workspace)
    text = page(
        [
            Result("Gate", "own", ours.offers, counted, "", "", 0.0),
            Result("other 1", "words", ours.offers, counted, "", "", 0.0),
            Result("broken 2", "words", frozenset(), {}, "does not run", "", 0.0),
        ],
        7,
    )
    assert "did not work here: does not run" in text and "| other 1 |" in text and "| broken 2 | words |" in text


def test_an_install_that_fails_is_said_with_its_last_line() -> None:
    with pytest.raises(job.Broken, match="does not install: no such package"):
        job._call([sys.executable, "-c", "raise SystemExit('much text\\nno such package')"])


def test_an_environment_that_is_complete_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    home = tmp_path / "capgate-peers" / f"x-1-{Path(sys.executable).name}"
    home.mkdir(parents=True)
    (home / "complete").touch()
    assert job.environment(Peer("x", "1", "peer_x", "none")) == (home / "bin/python", "")


def test_an_adapter_that_cannot_start_is_said(on: job.Ground) -> None:
    with pytest.raises(job.Broken, match="does not run"):
        job.hear(sys.executable, "peer_that_is_not_there", on)


@pytest.mark.parametrize(("module", "adapter", "word"), [("cedarpy", "peer_cedar", "files"), ("toolwarden", "peer_toolwarden", "number")])
def test_an_installed_peer_answers_every_row(module: str, adapter: str, word: str, on: job.Ground) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed here: pip install -e '.[peers]'")
    heard, wrong = job.hear(sys.executable, adapter, on)
    assert not wrong and word in heard.offers
    assert set(on.sent) <= set(heard.answers)
    counted = scores(on.rows, on.sent, heard, on.workspace)
    assert sum(groups[""].attacks for groups in counted.values()) > 0


def test_no_peer_is_imported_in_the_main_environment() -> None:
    code = "import sys, tests.peers.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert not {"cedarpy", "toolwarden", "aegis", "agentmesh", "agent_os", "warden", "tollgate"} & set(done.stdout.split())


@pytest.mark.parametrize("module", [neutral, leads, score])
def test_the_examples_in_the_docstrings(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted and not found.failed
