"""Questions: /api/query and its relatives, names, last points."""
