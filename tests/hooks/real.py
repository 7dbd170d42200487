"""Runs the real Claude Code once, in a network namespace that has loopback only, with a scripted model: `python real.py < {"binary": …, "turns": …}`.

Prints one JSON object: what the model was told about each call, what the program printed, how it ended.  Started by `kit.claude`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.hooks.model import Model, serving


def main() -> None:
    """One run."""
    asked = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with serving(Model(asked["turns"])) as model:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": asked["home"],
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "sk-dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "IS_SANDBOX": "1",
            **asked["env"],
        }
        command = [asked["binary"], "-p", asked["prompt"], "--output-format", "json", *asked["options"]]
        done = subprocess.run(command, cwd=asked["cwd"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=150, check=False)
        print(json.dumps({"seen": model.seen, "tools": model.tools, "out": done.stdout, "err": done.stderr, "code": done.returncode}))


if __name__ == "__main__":
    os.umask(0o077)
    main()
