"""A yes to a command is one to what it runs: files that changed since are asked about anew, however the command names them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gate import Gate
from gate.fewer.scopes import covered, refusals
from tests.hooks.kit import before, make_gate
from tests.hooks.test_path import answer, cursor, decision, log, tell


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_gate(tmp_path / "authority")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    (folder / "pkg").mkdir()
    for name in ("t.py", "my t.py", "sub/u.py", "pkg/__init__.py", "pkg/mod.py", "helper.py", "Makefile", "run.sh"):
        (folder / name).write_text("print(1)\n")
    (folder / "t.py").write_text("import helper, json\n")
    (folder / "link.py").symlink_to("t.py")
    return folder


CASES = [
    ("python t.py", "t.py"),
    ("python ./t.py", "t.py"),
    ("python t.py", "helper.py"),
    ("python t.py", "json.py"),
    ("python t.py && ls", "t.py"),
    ("python 'my t.py'", "my t.py"),
    ("python my\\ t.py", "my t.py"),
    ("python t'.'py", "t.py"),
    ("python link.py", "t.py"),
    ("python link.py", "link.py"),
    ("python *.py", "t.py"),
    ("f=t.py; python $f", "t.py"),
    ("cd sub && python u.py", "sub/u.py"),
    ("python -m pkg.mod", "pkg/mod.py"),
    ("python -mt", "t.py"),
    ("python -c 'import t'", "t.py"),
    ("python < t.py", "t.py"),
    ("cat t.py | python", "t.py"),
    ("./run.sh", "run.sh"),
    ("bash run.sh", "run.sh"),
    ("sh -c 'python t.py'", "t.py"),
    ("make test", "Makefile"),
    ("find . -name x -exec ./run.sh {} +", "run.sh"),
]


@pytest.mark.parametrize(("command", "name"), CASES)
def test_what_changed_after_the_yes_does_not_run_on_it(home: Path, work: Path, command: str, name: str) -> None:
    call = {"command": command}
    assert decision(tell(home, before("Bash", call, cwd=str(work))))[0] == "deny"
    answer(home, yes=True)
    (work / name).unlink(missing_ok=True)
    (work / name).write_text("import os; os.remove('/')\n")
    word, reason = decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))
    assert word == "deny" and "question" in reason
    answer(home, yes=True)
    assert decision(tell(home, before("Bash", call, call="t3", cwd=str(work))))[0] == "allow"


@pytest.mark.parametrize(("command", "name"), CASES)
def test_what_did_not_change_runs(home: Path, work: Path, command: str, name: str) -> None:
    assert decision(tell(home, before("Bash", {"command": command}, cwd=str(work))))[0] == "deny"
    answer(home, yes=True)
    (work / "other.txt").write_text("x")
    assert decision(tell(home, before("Bash", {"command": command}, call="t2", cwd=str(work))))[0] == "allow"


def test_a_yes_to_several_runs_is_for_one_text(home: Path, work: Path) -> None:
    call = {"command": "python t.py"}
    tell(home, before("Bash", call, cwd=str(work)))
    with Gate(home) as gate:
        case = gate.home.desk.cases("open")[0]
        assert "t.py" in case.question.task and any("a yes is for 't.py'" in reason for reason in case.question.reasons)
        first = case.question
    (work / "t.py").write_text("print(2)\n")
    tell(home, before("Bash", call, call="t2", cwd=str(work)))
    with Gate(home) as gate:
        second = next(case.question for case in gate.home.desk.cases("open") if case.question.id != first.id)
    for scope in first.scopes:
        assert "it is for another task" in refusals(covered(first, scope), second)
        assert "it is for another task" not in refusals(covered(first, scope), first)


def test_what_changes_while_a_person_answers_does_not_run(home: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The yes comes while the call waits, and the file is written before the call goes on."""

    def late(gate: Gate, *args: object, **options: object) -> object:
        made = authorize(gate, *args, **options)  # type: ignore[arg-type]  # as they came
        (work / "t.py").write_text("print(2)\n")
        return made

    call = {"command": "python t.py"}
    tell(home, before("Bash", call, cwd=str(work)))
    answer(home, yes=True)
    authorize = Gate.authorize
    with monkeypatch.context() as patched:
        patched.setattr(Gate, "authorize", late)
        word, reason = decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))
    assert word == "deny" and "not as it was" in reason
    assert [one["outcome"]["status"] for one in log(home, "outcome")] == ["error"]
    assert decision(tell(home, before("Bash", call, call="t3", cwd=str(work))))[0] == "deny"


def test_an_id_that_was_let_run_is_not_let_run_again_with_another_text(home: Path, work: Path) -> None:
    call = {"command": "python t.py"}
    tell(home, before("Bash", call, cwd=str(work)))
    answer(home, yes=True)
    assert decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))[0] == "allow"
    assert decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))[0] == "allow"
    (work / "t.py").write_text("print(2)\n")
    assert decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))[0] == "deny"


def test_the_second_event_of_a_call_does_not_take_up_the_first_after_a_change(tmp_path: Path, work: Path) -> None:
    home = make_gate(tmp_path / "theirs", "cursor")
    first = cursor("preToolUse", str(work), tool_name="Shell", tool_input={"command": "python t.py"}, tool_use_id="t1")
    second = cursor("beforeShellExecution", str(work), command="python t.py")
    tell(home, first, "cursor")
    answer(home, yes=True)
    assert json.loads(tell(home, first, "cursor").out)["permission"] == "allow"
    (work / "t.py").write_text("print(2)\n")
    assert json.loads(tell(home, second, "cursor").out)["permission"] == "deny"


def test_what_is_written_through_the_gate_counts_as_well(home: Path, work: Path) -> None:
    call = {"command": "python t.py"}
    tell(home, before("Bash", call, cwd=str(work)))
    answer(home, yes=True)
    write = {"file_path": str(work / "t.py"), "content": "print(2)"}
    assert decision(tell(home, before("Write", write, call="w", cwd=str(work))))[0] == "allow"
    (work / "t.py").write_text("print(2)")  # the agent does it
    assert decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))[0] == "deny"


def test_what_is_gone_counts_as_changed(home: Path, work: Path) -> None:
    call = {"command": "python pkg/mod.py"}
    tell(home, before("Bash", call, cwd=str(work)))
    answer(home, yes=True)
    shutil.rmtree(work / "pkg")
    assert decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))[0] == "deny"


def test_many_names_before_it_hide_nothing(home: Path, work: Path) -> None:
    for number in range(200):
        (work / f"x{number}").write_text("x")
    call = {"command": f"python t.py {' '.join(f'x{number}' for number in range(199))} x199"}
    tell(home, before("Bash", call, cwd=str(work)))
    answer(home, yes=True)
    (work / "x199").write_text("y")
    assert decision(tell(home, before("Bash", call, call="t2", cwd=str(work))))[0] == "deny"
