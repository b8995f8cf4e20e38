"""Reproducible measurements, against peers started beside headrace on the same cores. See bench/README.md."""
