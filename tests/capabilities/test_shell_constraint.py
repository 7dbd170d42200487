"""argv: commands by the programs they start; and the law that a narrower list admits no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities._paths.place import Setting
from capabilities._shell.flow import Flow
from capabilities._shell.grammar import lex
from capabilities._shell.spec import Uninspectable
from capabilities._shell.starts import starts
from capabilities._shell.state import State
from capabilities.shell import ARGV, COMMAND, ArgvKind, CommandKind, programs
from gate.constraint import AllOf, AnyOf, Exact, OneOf, Wildcard, parse
from gate.effect import Risk
from tests.attacks.verdict import rows

COMMANDS = [
    row.args["command"] for row in rows() if row.tool == "shell.run" and isinstance(row.args["command"], str) and len(row.args["command"]) < 500
]
NAMES = st.sampled_from(
    [
        "ls",
        "git",
        "git status",
        "git push",
        "git stash",
        "git stash list",
        "git log -5",
        "grep",
        "find",
        "xargs",
        "timeout",
        "timeout 5",
        "bash",
        "python3",
        "./run.sh",
        "ssh",
        "env",
        "cd",
        "echo",
        "read",
        "export",
        "cat",
        "sh",
        "rm",
    ]
)
LISTS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: programs(*names))


@settings(max_examples=150, deadline=None)
@given(LISTS, LISTS)
def test_a_list_that_is_subsumed_admits_nothing_more(wide: object, narrow: object) -> None:
    if wide.subsumes(narrow):  # type: ignore[attr-defined]
        admits, narrower = wide.compile(), narrow.compile()  # type: ignore[attr-defined]
        assert all(admits(command) for command in COMMANDS if narrower(command))


@given(LISTS)
def test_the_wire_form_is_the_same_constraint(one: object) -> None:
    assert parse(one.to_json()) == one  # type: ignore[attr-defined]
    assert one.subsumes(one)  # type: ignore[attr-defined]


def test_every_program_that_the_judge_sees_started_is_seen_here_too() -> None:
    """In branches, loops, substitutions, streams, wrappers: what `starts` leaves out would be admitted by any list."""
    seen = 0
    for command in COMMANDS:
        try:
            script = lex(command, "/h")
            found = {start.argv[0] for start in starts(script)}
        except (ValueError, Uninspectable):
            continue
        flow = Flow()
        flow.script(script, State({}, (Setting("/nowhere", "/nowhere", "/h"),)))
        if "{}" in found:  # a name that is found is a program of its own
            continue
        judged = {argv[0] for argv in flow.started if argv and argv[0].isprintable()}
        assert {name.rpartition("/")[2] for name in judged} <= {name.rpartition("/")[2] for name in found}, command
        seen += 1
    assert seen > 300


@pytest.mark.parametrize(
    ("command", "admitted"),
    [
        ("echo $(ls)", True),
        ("echo $(rm x)", False),
        ("for f in *; do ls; done", True),
        ("for f in $(rm x); do ls; done", False),
        ("if ls; then echo; else rm x; fi", False),
        ("while read x; do ls; done", False),
        ("ls | while ls; do echo; done", True),
        ("cat <(rm x)", False),
        ("echo <<< $(rm x)", False),
        ("x=$(rm y); ls", False),
        ("x=$(ls); echo $x", True),
        ("x=rm; $x y", False),
        ("ls $x", True),
        ("x=1; ls $x", False),
        ("(ls); { echo; }", True),
        ("LC_ALL=C ls", True),
        ("FOO=1 ls", False),
        ("ls > x", False),
        ("ls > $(echo x)", False),
        ("for f in a; do ls; done > x", False),
        ("! ls && time echo", True),
        ("timeout 5 ls", False),
        ("$(echo ls)", False),
    ],
)
def test_a_list_holds_in_scripts_too(command: str, admitted: bool) -> None:
    assert programs("ls", "echo").check(COMMAND.parse(command)) == admitted


def test_what_subsumes_what() -> None:
    git = programs("git", "ls")
    assert git.subsumes(programs("ls")) and git.subsumes(programs("git status")) and git.subsumes(programs("git stash list"))
    assert not git.subsumes(programs("git push"))  # a subcommand without option data is admitted only where it is named
    assert not git.subsumes(programs("git stash"))
    assert not programs("git status").subsumes(programs("git"))
    assert git.subsumes(Exact("ls -la")) and not git.subsumes(Exact("rm x"))
    assert git.subsumes(OneOf(["ls", "git log"])) and not git.subsumes(OneOf(["ls", "rm"]))
    assert git.subsumes(AllOf([Wildcard(), programs("ls")])) and not git.subsumes(AnyOf([programs("ls"), programs("rm")]))
    assert not git.subsumes(Wildcard())


def test_programs_by_their_path() -> None:
    assert programs("/usr/bin/ls").check("ls -la") and programs("ls").check("/bin/ls")
    assert programs("./build.sh").check("./build.sh --fast")
    assert not programs("build.sh").check("./build.sh") and not programs("./build.sh").check("build.sh")
    assert programs("ls").check(("ls", "a b"))


@pytest.mark.parametrize("value", [None, 5, True, 1.5, (), ("",), (1,), {"a": "b"}, "", "\0", "ls\x00", "ls $(id)", "x" * 20_000, ("x" * 20_000,)])
def test_other_values_are_not_admitted_and_the_reason_says_why(value: object) -> None:
    one = programs("ls")
    assert not one.check(value)  # type: ignore[arg-type]
    assert one.explain(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        {"constraint_type": "argv"},
        {"constraint_type": "argv", "programs": []},
        {"constraint_type": "argv", "programs": ["ls"]},
        {"constraint_type": "argv", "programs": [[]]},
        {"constraint_type": "argv", "programs": [["ls", 5]]},
        {"constraint_type": "argv", "programs": [["l\0s"]]},
        {"constraint_type": "argv", "programs": [["ls"]], "more": 1},
    ],
)
def test_a_malformed_wire_form_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="."):
        parse(data)


def test_what_is_kept_of_a_command_is_not_what_it_leads_to(tmp_path: Path) -> None:
    kind = CommandKind(str(tmp_path))
    (tmp_path / "a").mkdir()
    value = kind.parse("cat a/x")
    assert kind.assess(value).risk == Risk.LOW
    (tmp_path / "a").rmdir()
    (tmp_path / "a").symlink_to("/etc")
    assert kind.assess(value).risk == Risk.MEDIUM and ArgvKind(str(tmp_path)).assess(("cat", "a/x")).risk == Risk.MEDIUM


class _Other(str):
    """A text that says that it is another one."""

    __slots__ = ("claimed",)

    def __hash__(self) -> int:
        return hash("ls")

    def __eq__(self, other: object) -> bool:
        return other == "ls"


def test_what_is_kept_is_found_by_the_text_itself() -> None:
    assert COMMAND.parse("ls") == "ls" and ARGV.parse(["ls"]) == ["ls"]
    assert not programs("ls").check(_Other("rm x")) and not programs("ls").check((_Other("rm"),))
    assert not programs("ls").check(COMMAND.parse(_Other("rm x"))) and ARGV.parse([_Other("rm")]) == ["rm"]
