"""The commands of `gate`, one file each; `gate.cli` lists them."""
