"""The journal: records of what was acknowledged, written before anything is visible, read back at the start."""
