"""The addresses of OpenTSDB 1.x, without /api/: what Nagios checks and old scripts ask."""
