"""Makes what the tests of the MCP gate need from outside: a Python with the official SDK, and the public conformance suite with a node that runs it.

    python -m tests.mcp.prepare

Into `GATE_TEST_VENVS`, or `~/.cache/capgate-tests`.  What cannot be made is said, and the tests that need it skip.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.mcp.kit import prepared

SDK = ("mcp==2.3.0", "uvicorn>=0.30")
SUITE = ("@modelcontextprotocol/conformance@0.2.0-alpha.12", "node@22")


def main() -> None:
    folder = prepared()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "mcp" / "bin" / "python").exists():
        _run([sys.executable, "-m", "venv", str(folder / "mcp")])
        _run([str(folder / "mcp" / "bin" / "python"), "-m", "pip", "install", "-q", *SDK])
    npm = shutil.which("npm")
    if npm is None:
        print("no npm: the conformance suite is left out")
    elif not (folder / "conformance" / "node_modules" / "@modelcontextprotocol").exists():
        (folder / "conformance").mkdir(exist_ok=True)
        (folder / "conformance" / "package.json").write_text('{"private": true}\n')
        _run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder / "conformance"), *SUITE])


def _run(words: list[str]) -> None:
    if subprocess.run(words, check=False).returncode:
        print(f"could not: {' '.join(words)}")


if __name__ == "__main__":
    main()
