"""A relay of bytes between standard input and output and a process, and nothing else: what two more pipes and switches cost in Python.

`python -I -S relay.py COMMAND…`
"""

import os
import select
import subprocess
import sys

with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
    assert child.stdin
    assert child.stdout
    ways = {0: child.stdin.fileno(), child.stdout.fileno(): 1}
    waiting = select.poll()
    for source in ways:
        waiting.register(source, select.POLLIN)
    while all([os.write(ways[source], data) if (data := os.read(source, 1 << 18)) else 0 for source, _ in waiting.poll()]):
        pass
    child.stdin.close()
