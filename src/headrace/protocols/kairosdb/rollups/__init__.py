"""/api/v1/rollups: queries that run on a schedule and keep their results as points of another metric."""
