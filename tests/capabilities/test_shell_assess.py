"""What a command is said to do, before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from capabilities._shell.find import parse as parse_find
from capabilities._shell.git import READS
from capabilities._shell.little import awk, jq, printf, sed
from capabilities._shell.programs import READERS
from capabilities._shell.roles import _PROGRAMS, _TEXTS, PLACES
from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable, match, parse
from capabilities._shell.writers import CHANGERS, WRAPPERS, WRITERS
from capabilities.shell import ARGV, COMMAND, CommandKind
from gate.effect import Assessment, Risk
from gate.kind import Kind


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an empty workspace."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assess(text: str | list[str]) -> Assessment:
    return COMMAND.assess(COMMAND.parse(text))


def test_the_kinds_are_kinds() -> None:
    assert isinstance(COMMAND, Kind) and isinstance(ARGV, Kind)


@pytest.mark.parametrize("text", ["ls -la", "git status", "grep -rn x . | head -3", "bash -c 'ls | wc -l'", "find . -name '*.py'"])
def test_inspected_reading_in_the_workspace_is_low(text: str) -> None:
    found = assess(text)
    assert found.risk == Risk.LOW and found.effects == {"reads"}
    assert found.reasons


def test_reading_outside_the_workspace_is_medium_and_says_where() -> None:
    found = assess("cat /usr/share/dict/words")
    assert found.risk == Risk.MEDIUM
    assert "'/usr/share/dict/words', outside the workspace" in found.reasons[0]


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("mkdir x", "writes"),
        ("rm x", "irreversible"),
        ("curl https://x.example", "egress"),
        ("python x.py", "executes"),
        ("git push", "egress"),
        ("sort -o a b", "writes"),
    ],
)
def test_effects_are_named(text: str, effect: str) -> None:
    assert effect in assess(text).effects


@pytest.mark.parametrize("text", ["frobnicate", "ls --frobnicate", "./ls", "git frobnicate", "find . -frobnicate", "ssh -Q x h"])
def test_what_is_not_known_is_high(text: str) -> None:
    assert assess(text).risk >= Risk.HIGH


def test_an_unknown_program_says_that_it_cannot_be_inspected() -> None:
    assert assess("frobnicate x").reasons == ("cannot be inspected: the program 'frobnicate' is not known",)


def test_a_link_out_of_the_workspace_is_followed(workspace: Path) -> None:
    (workspace / "link").symlink_to("/etc/shadow")
    (workspace / "folder").symlink_to("/usr/share")
    assert assess("cat link").risk == Risk.HIGH
    assert assess("cat folder/x").risk == Risk.MEDIUM


def test_a_folder_change_moves_what_follows(workspace: Path) -> None:
    (workspace / "sub").mkdir()
    assert assess("cd sub && cat ../x").risk == Risk.LOW
    assert assess("cd sub && cat ../../x").risk == Risk.MEDIUM
    assert assess("cd /etc && cat shadow").risk == Risk.HIGH
    assert assess("cd sub; cat ../x").risk == Risk.MEDIUM  # it is judged in both folders
    assert assess("cd sub || cat ../x").risk == Risk.MEDIUM
    assert assess("(cd / && ls); cat x").reasons[-1] != "cannot be inspected"
    assert assess("cd /etc | cat x").risk == Risk.MEDIUM
    for unclear in ("cd", "cd - && ls", "cd s* && ls", "cd $(cat x) && ls", "for x in 1 2; do cd ..; done; cat x"):
        assert assess(unclear).risk == Risk.HIGH, unclear


def test_a_workspace_of_its_own(tmp_path: Path) -> None:
    kind = CommandKind("/usr/share")
    assert kind.assess("cat dict/words").risk == Risk.LOW
    assert kind.assess(f"cat {tmp_path}/x").risk == Risk.MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "ssh -fNR 2222:localhost:22 gw",
        "nohup ssh -N -R 1:a:2 gw",
        "env -i ssh -R 1:a:2 gw",
        "ngrok tcp 22",
        "bash -c 'exec chisel client x R:1:a:2'",
        "./a -R 1:a:2 u@h",
    ],
)
def test_a_tunnel_is_critical_in_any_spelling(text: str) -> None:
    found = assess(text)
    assert found.risk == Risk.CRITICAL
    assert "T1572" in found.techniques


@pytest.mark.parametrize("text", ["./xmrig", "python3 t.py --url stratum+tcp://x:1", "yes", "bash -c yes", "sudo minerd -a x"])
def test_a_miner_is_critical_in_any_spelling(text: str) -> None:
    found = assess(text)
    assert found.risk == Risk.CRITICAL
    assert "T1496" in found.techniques


@pytest.mark.parametrize(
    "text", ["grep -rn stratum+tcp:// .", "grep -r xmrig .", "echo ngrok", "ls chisel", "cat docs/ssh-R.md", "git log --grep=xmrig"]
)
def test_looking_for_a_word_is_not_doing_it(text: str) -> None:
    assert assess(text).risk == Risk.LOW


@pytest.mark.parametrize("text", ["ssh gw uptime", "ssh -p 22 gw", "ssh -i key -o BatchMode=yes gw ls"])
def test_a_plain_connection_is_no_tunnel(text: str) -> None:
    found = assess(text)
    assert found.risk == Risk.HIGH
    assert "T1572" not in found.techniques


@pytest.mark.parametrize("line", [*READERS.values(), *WRITERS.values(), *WRAPPERS.values(), *(row[0] for row in CHANGERS.values()), *READS.values()])
def test_every_line_of_data_is_well_formed(line: str) -> None:
    known = {*PLACES, *_TEXTS, *_PROGRAMS, "text", "rev", "filter", "never", "remove", "exec", "command", ""}
    spec = parse(line)
    roles = {*spec.operands, *(option.value for option in spec.options.values()), *(option.upgrade for option in spec.options.values())}
    assert roles <= known, roles - known


def test_options_are_matched_as_getopt_does() -> None:
    spec = parse("text read* -in -e:text! -m:num --include:text --color[:text] -r>tree -#")

    def uses(*texts: str) -> list[tuple[str, str]]:
        return [(use.role, use.word.text) for use in match(spec, tuple(map(Word, texts))).uses]

    assert uses("-in", "x", "f") == [("text", "x"), ("read", "f")]
    assert uses("x", "f", "-rn") == [("text", "x"), ("tree", "f")]
    assert uses("-ex", "f") == [("text", "x"), ("read", "f")]
    assert uses("-nm5", "x") == [("num", "5"), ("text", "x")]
    assert uses("-5", "--include", "*.py", "--color=auto", "x") == [("text", "*.py"), ("text", "auto"), ("text", "x")]
    assert uses("--", "-x", "f") == [("text", "-x"), ("read", "f")]
    for bad in (("-x",), ("--inc", "y"), ("-m",), ("--color", "--include"), ("-ix", "y"), ()):
        with pytest.raises(Uninspectable):
            uses(*bad)


@pytest.mark.parametrize(
    "text",
    [
        "s/a/b/",
        "s|a|b|g",
        "1,5p",
        "/x/d",
        "/a/,/b/p",
        "$!d",
        "1~2d",
        "y/ab/cd/",
        "s/[^/]*$//2",
        "/x/{s/a/b/;p}",
        "a hello",
        "5q",
        "2,+3p",
        "\\,x,p",
        ":a;N;$!ba;s/\\n/ /g",
    ],
)
def test_sed_scripts_that_only_edit(text: str) -> None:
    if text == "s/[^/]*$//2":  # the delimiter in brackets is read differently by different versions
        with pytest.raises(Uninspectable):
            sed(text)
    else:
        sed(text)


@pytest.mark.parametrize(
    "text",
    [
        "w f",
        "s/a/b/w f",
        "e id",
        "s/a/b/e",
        "r f",
        "R f",
        "W f",
        ":a;ba",
        "s/a/b",
        ":a;N;:b;$!bb",
        ":a;/x/{N};$!ba",
        "N;:a;$!ba",
        ":a;ta",
        "{p",
        "p}",
        "a x\\\\\nw f",
        "1e id",
        "s\na\nb\n",
        "/x/",
        "M",
    ],
)
def test_sed_scripts_that_do_more_are_refused(text: str) -> None:
    with pytest.raises(Uninspectable):
        sed(text)


@pytest.mark.parametrize(
    "text",
    [
        "{print $1}",
        "NR>1{s+=$3} END{print s/NR}",
        "/a|b/{print $2}",
        "$3 > 10",
        '{printf "%s\\n", $1}',
        "!seen[$0]++",
        "NF",
        '{gsub(/x/,"y"); print}',
    ],
)
def test_awk_programs_that_only_print(text: str) -> None:
    awk(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            'BEGIN{system("id")}',
            '{print > "f"}',
            '{print >> "f"}',
            '{print | "sh"}',
            '"id" | getline',
            "{while(1);}",
            "{for(;;);}",
            "function f(){f()}",
            '@load "x"',
        ),
        *(
            "{print ENVIRON[1]}",
            'BEGIN{ARGV[1]="x"}',
            '{print $/"/ | "id"#"',
            '{print 1,\n2 > "f"}',
            '{if(1)/"/;print|"id"#"}',
            'BEGIN{printf "%999999d",1}',
            "{print /x/ }",
            '{"',
        ),
    ],
)
def test_awk_programs_that_do_more_are_refused(text: str) -> None:
    with pytest.raises(Uninspectable):
        awk(text)


def test_jq_and_printf() -> None:
    jq(".a | map(.env) | length")
    printf("%s\\n")
    for refused in ("env", "$ENV.x", "range(9)", 'import "a" as a; .', "def f: f; f", "input_filename", "repeat(1)"):
        with pytest.raises(Uninspectable):
            jq(refused)
    for wide in ("%99999d", "-v", "%*d", "%n"):
        with pytest.raises(Uninspectable):
            printf(wide)


def test_find_knows_its_whole_expression() -> None:
    found = parse_find(tuple(map(Word, ["src", "-name", "*.py", "-exec", "grep", "x", "{}", "+", "-print0"])))
    assert found.roots == ("src",)
    assert found.zero
    assert [[word.text for word in command] for command in found.commands] == [["grep", "x", "{}"]]
    for bad in (["-exec", "rm"], ["-name"], ["-nonesuch"], ["-exec", ";"], ["-newerXY", "x"], ["*", "-type", "f"]):
        words = tuple(Word(text, text if text == "*" else "") for text in bad)
        with pytest.raises(Uninspectable):
            parse_find(words)
