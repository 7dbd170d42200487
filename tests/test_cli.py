"""The command line as a whole: the list of commands, errors in one line, exit codes, a quick start, and its reference page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

import gate
from gate.cli import SHORT, cli
from gate.commands.errors import explain
from gate.commands.reference import click_version, page
from gate.errors import (
    AlreadyUsed,
    BadCall,
    ConfigError,
    Denied,
    Exhausted,
    GateError,
    KeyFileError,
    RulesError,
    TamperError,
    TokenError,
    Unavailable,
)
from tests.commands.kit import ROOT, environment, process, run, terminal


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATE_HOME", raising=False)
    return tmp_path


def test_help_lists_every_command_with_its_own_short_help() -> None:
    result = run("--help")
    assert result.code == 0
    for name, text in SHORT.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.short_help == text
        assert f"  {name} " in result.out
    files = {path.stem for path in (ROOT / "gate" / "commands").glob("*.py")}
    assert set(SHORT) <= files
    assert run().out == result.out


def test_every_command_has_help_and_json() -> None:
    for name in SHORT:
        command = cli.get_command(click.Context(cli), name)
        commands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for each in commands:
            assert each is not None
            assert each.help
            assert any("--json" in option.opts for option in each.params), name


def test_the_start_is_quick_because_nothing_is_imported_that_is_not_needed(folder: Path) -> None:
    code = "import sys\nfrom gate.cli import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stderr.split())
    heavy = {
        "sqlite3",
        "pydantic",
        "cryptography",
        "joserfc",
        "httpx",
        "capabilities",
        "gate.demo",
        "gate.commands.demo",
        "gate.commands.log",
    }
    assert loaded & heavy == set()


def test_the_version_and_the_module() -> None:
    assert run("--version").out == f"gate {gate.__version__}\n"


def test_a_process_of_its_own_does_the_same(folder: Path) -> None:
    assert process("--version", cwd=folder) == (0, f"gate {gate.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments", [["frob"], ["--frob"], ["show"], ["show", "--frob", "x"], ["prove", "x"], ["log", "--decision", "maybe"], ["keys", "frob"]]
)
def test_wrong_usage_is_one_line_that_says_where_to_look(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert result.err.rstrip().endswith("--help")


def test_with_json_an_error_is_an_object_too() -> None:
    result = run("grant", "x", "--tool", "save a=1", "--json")
    assert result.code == 2
    assert result.data["error"] in result.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (KeyFileError("x"), 2),
        (RulesError("x", file="f", line=3), 2),
        (Unavailable("x"), 2),
        (Denied("x"), 1),
        (BadCall("x"), 1),
        (Exhausted("x"), 1),
        (AlreadyUsed("x"), 1),
        (TokenError("x"), 1),
        (TamperError("x"), 1),
        (GateError("x"), 1),
        (ValueError("x"), 2),
        (FileNotFoundError(2, "No such file or directory", "f"), 2),
        (ZeroDivisionError("x"), 2),
        (click.UsageError("X y."), 2),
    ],
)
def test_exit_codes(error: Exception, code: int) -> None:
    who, text, exit_code = explain(error)
    assert exit_code == code
    assert who == "gate"
    assert text


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", "a\u202eb", "\r", "\ud800"])
def test_attack_an_error_message_cannot_steer_the_terminal(text: str) -> None:
    for error in (ConfigError(text), Denied(text), ValueError(text), KeyError(text), click.UsageError(text), OSError(5, text, text)):
        _, shown, _ = explain(error)
        assert shown.isprintable()


def test_a_fault_of_ours_is_no_traceback_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import gate.commands.show

    def broken(_: str) -> str:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(gate.commands.show, "token_text", broken)
    result = run("show", "x")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "fault of the gate itself (ZeroDivisionError: oh)" in result.err
    monkeypatch.setenv("GATE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run("show", "x")


def test_colour_only_on_a_terminal_that_wants_it(folder: Path) -> None:
    assert "\x1b" not in process("show", "x", cwd=folder).err
    assert "\x1b[31mgate\x1b[0m: " in terminal("show", "x", cwd=folder).out
    assert "\x1b" not in terminal("show", "x", cwd=folder, NO_COLOR="1").out


def test_output_in_a_locale_without_unicode(folder: Path) -> None:
    done = process("show", "{", cwd=folder, PYTHONIOENCODING="ascii:strict")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert process("init", cwd=folder, PYTHONIOENCODING="ascii:strict").code == 0
    granted = process("grant", "zoë", "--tool", 'save a="ü"', cwd=folder, PYTHONIOENCODING="ascii:strict")
    assert (granted.code, json.loads(granted.out).keys()) == (0, {"aat_chain"})


def test_the_reference_page_is_what_the_commands_say() -> None:
    written = (ROOT / "docs" / "reference" / "cli.md").read_text()
    if f"with click {click_version()};" not in written:
        pytest.skip("another version of click lays help out in another way")
    assert written == page(), "run: python -m gate.commands.reference > docs/reference/cli.md"
