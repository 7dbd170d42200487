"""The laws of the gate, one file each. Every one of them is the reason why some other gate lets something through."""
