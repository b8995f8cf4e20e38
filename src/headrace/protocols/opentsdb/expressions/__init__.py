"""Expressions over queries: /api/query/exp (formulas over named metrics) and /api/query/gexp (Graphite's functions)."""
