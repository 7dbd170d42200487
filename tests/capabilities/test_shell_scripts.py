"""Scripts that really run, against real bash: the same output, status and files, as written and in canonical form."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from capabilities._process.supervise import Limits
from capabilities._shell.execute import execute
from capabilities._shell.grammar import lex
from capabilities.shell import BASH, COMMAND, bash_tool, tool
from gate.effect import Risk

HOME = "/h"
SCRIPTS = [
    'x=5; echo $x ${x}a "a$x b"',
    "for i in 1 2 3; do echo $i; done",
    'for i in a{1,2} *.txt; do echo "[$i]"; done | sort -r',
    "if [ -f a.txt ]; then cat a.txt; else echo no; fi",
    "if [ -f nope ]; then echo yes; elif true; then echo elif; fi",
    'while read -r a b; do echo "$b-$a"; done < pairs',
    'while read l; do echo "<$l>"; done < odd',
    'while IFS= read -r l; do echo "<$l>"; done < odd',
    "cat pairs | while read x y; do echo $y; done | sort",
    "cat <<EOF | tr a-z A-Z\nhello $HOME\nEOF",
    'n=$(wc -l < pairs); echo "$n lines" $((n*2+1))',
    'echo $(ls) "$(ls)"',
    "diff <(sort a.txt) <(sort -r a.txt)",
    "! grep -q zzz a.txt && echo none",
    "(cd sub && ls; pwd | wc -l); ls",
    "{ echo a; echo b >&2; } 2>&1 | sort",
    "f=a.txt; echo ${f%.txt} ${f##*.} ${#f}",
    "find . -name '*.txt' | sort | xargs cat",
    "find . -name '*.txt' | sort | while read f; do wc -l \"$f\"; done",
    "ls $(find sub -type f)",
    'echo "a b" | { read x y; echo $y $x; }',
    "for f in $(ls *.txt | sort); do head -1 $f; done",
    "echo $? ; false; echo $?",
    "false || { echo or; exit 3; }; echo not",
    "i=0; for x in a b c d; do i=$((i+1)); if [ $i = 3 ]; then break; fi; echo $x; done",
    "for x in 1 2; do for y in a b; do [ $y = b ] && continue 2; echo $x$y; done; done",
    "echo --help; echo -n x; echo -e 'a\\tb'",
    "cat <<< \"x y\"; cat <<'EOF'\na $b\nEOF",
    "x='*.txt'; echo $x \"$x\"",
    'x="a  b"; echo $x "$x"',
    "printf '%s\\n' {a..c} {3..1} {01..03}",
    "v=$(echo hi; exit 4); echo $? $v",
    "echo $'tab\\there' $NOPE \"$NOPE\" end",
    "unset x; x=1; export x; echo $x",
    "echo a > new; echo b >> new; cat new; > new; wc -c < new",
    "sort < a.txt | head -1 2>/dev/null",
    "grep -c a a.txt | cat; ls nope 2>/dev/null || echo missing",
    'echo "$(basename $(pwd))" | wc -l',
    "until true; do echo x; done; echo done",
    "seq 3 | while read n; do echo $((n*n)); done",
    "for i in $(seq 1 3); do echo -n $i; done; echo",
    "awk '{print $1}' pairs | sort | uniq -c | sort -rn | head -1",
    'ls -1 | grep -v sub | xargs -I{} echo "<{}>"',
    'echo "${NOPE:-default}" ${NOPE:+x} "${#NOPE}"',
    "LC_ALL=C sort a.txt",
    "( exit 3 ); echo $?",
    'read x < a.txt; echo "$x"',
    "cd sub && cat *; cd ..; ls | wc -l",
    "type cd; x=3; (x=4; echo $x); echo $x; { x=9; }; echo $x",
    "for f in sub/*; do case=1; echo ${f#sub/}; done",
    "echo a | cat - a.txt; ls *.none; echo *.none",
    'grep -l s sub/* | while read -r f; do echo "found $f"; done',
    "true && false || echo c; false && true; echo $?",
    'x=1; y=$x$x; z="$y-$x"; echo $z; echo ${z}_${y}',
    "if ! grep -q b a.txt; then echo nob; else echo b; fi > out; cat out",
    "while read a; do cat; done < pairs",
    'for x in "a b" c; do echo "$x"; done; echo $x',
]


def furnish(folder: Path) -> Path:
    """A folder with a few small files."""
    folder.mkdir()
    (folder / "a.txt").write_text("b\na\nc\n")
    (folder / "b.txt").write_text("x y\n")
    (folder / "pairs").write_text("1 one\n2 two three\n1 x\n")
    (folder / "odd").write_text("  a\\b  \nc\\\nd\nlast")
    (folder / "sub").mkdir()
    (folder / "sub" / "s1").write_text("s1\n")
    (folder / "sub" / "s2.txt").write_text("s2\n")
    return folder


def files(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def in_bash(text: str, folder: Path) -> tuple[int, str, dict[str, str]]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": HOME, "LANG": "C.UTF-8"}
    words = ["/bin/bash", "--noprofile", "--norc", "-c", text]
    done = subprocess.run(words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, files(folder)


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_does_what_bash_does(text: str, tmp_path: Path) -> None:
    script = lex(text, HOME)
    ours = furnish(tmp_path / "x1")
    made = execute(script, str(ours), Limits(wall=30))
    as_written = in_bash(text, furnish(tmp_path / "x2"))
    canonical = in_bash(str(script), furnish(tmp_path / "x3"))
    found = made.exit, made.stdout.replace("x1", "x2"), files(ours)
    assert found == as_written
    assert canonical == (as_written[0], as_written[1].replace("x2", "x3"), as_written[2])


@pytest.fixture
def run(tmp_path: Path) -> Any:
    made = tool(furnish(tmp_path / "here"))
    return lambda command, **more: made(COMMAND.parse(command), **more)


def test_names_that_are_not_where_they_were_judged_to_be_reach_no_program(run: Any, tmp_path: Path) -> None:
    """A file's name with a blank or a line break in it is no way to another file."""
    here, secret = tmp_path / "here", tmp_path / "secret"
    secret.write_text("SECRET")
    (here / f"z {secret}").parent.mkdir(parents=True)
    (here / f"z {secret}").write_text("bait")
    (here / "link").symlink_to(secret)
    (here / "holder").mkdir()
    (here / "holder" / "inner").symlink_to(secret)
    for command in (
        "find . -type f | xargs cat",
        "cat $(find . -type f)",
        "find . -type f | while read a; do cat $a; done",
        "for f in $(find . -type f); do cat $f; done",
        "find . -name link | xargs cat",
        "find . -type f | (sort | xargs cat)",
        "ls | xargs cat",
        'for d in h*; do cat "$d/inner"; done',
        "cat $(find . -name link)",
    ):
        result = run(command)
        assert "SECRET" not in result["stdout"], command
        assert "not run" in result["stderr"], command
    assert run("find . -name 'a.txt' | xargs cat")["stdout"] == "b\na\nc\n"
    assert "SECRET" not in run("find sub -type f -print0 | xargs -0 cat")["stdout"]


def test_a_variable_reaches_programs_only_when_a_shell_would_pass_it_on(run: Any) -> None:
    assert "x=1" not in run("x=1; env")["stdout"]
    assert "LC_ALL=C" in run("LC_ALL=C env")["stdout"]
    assert "TZ=UTC" in run("export TZ=UTC; env")["stdout"] and "TZ" not in run("TZ=UTC; env")["stdout"]
    assert "PAGER=x" in run("PAGER=x; env")["stdout"]  # what a shell was given it passes on


def test_limits_hold_for_a_whole_script(run: Any) -> None:
    assert "longer than 0.5 s" in run("while true; do sleep 0.1; done", timeout=0.5)["stopped"]
    assert run("for i in 1 2 3; do exit 4; done")["exit"] == 4
    loud = tool(os.getcwd(), output=1000)
    assert "more than" in str(loud(COMMAND.parse("for i in $(seq 1 300); do echo 0123456789; done"))["stopped"])


def test_text_for_bash_is_run_by_bash_as_it_is(tmp_path: Path) -> None:
    bash = bash_tool(tmp_path, None)
    assert bash("a=(x y); echo ${a[1]}")["stdout"] == "y\n"
    assert bash("cat; echo $SECRET; echo $0")["stdout"] == "\n/bin/bash\n"
    assert "longer" in str(bash("sleep 60", timeout=0.3)["stopped"])
    seen: list[list[str]] = []
    bash_tool(tmp_path, lambda words: seen.append(words) or words)("true")  # type: ignore[func-returns-value]
    assert seen == [["/bin/bash", "--noprofile", "--norc", "-c", "true"]]


def test_no_more_of_a_text_for_bash_is_looked_at_than_is_taken() -> None:
    tunnel = "; ssh -R 80:localhost:80 h"
    assert BASH.assess("x" * 100 + tunnel).risk is Risk.CRITICAL
    assert BASH.assess("x" * 65_536 + tunnel).risk is Risk.HIGH  # `parse` refuses it
