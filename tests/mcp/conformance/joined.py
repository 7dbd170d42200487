"""A server of stdio that is there at once: its pipes are handed to `server.py --fork SOCKET`, and it stays until that server ends.

python joined.py SOCKET
"""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as there:
    there.connect(sys.argv[1])
    socket.send_fds(there, [b"."], [0, 1])
    os.close(0)
    os.close(1)
    there.recv(1)
os._exit(0)
