"""`python -m gate` is the command `gate`."""

from gate.cli import cli

cli.main(prog_name="gate")
