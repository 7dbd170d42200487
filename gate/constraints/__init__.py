"""The nine core constraint types and what they are built on. Import them from `gate.constraint`."""
