"""Graphite's plaintext protocol, the worked example of CONTRIBUTING.md: `metric.path value timestamp`, one a line."""
