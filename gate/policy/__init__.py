"""Policy: what stands behind `gate.rules` and `gate.decide`: reading, checking, matching and explaining rules."""
