"""The kinds: typed values, constraints, effects and safe ready-made tools, one file each. Copy `example.py` to add one."""
