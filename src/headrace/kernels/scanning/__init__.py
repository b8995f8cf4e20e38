"""Bytes of bodies and lines to columns."""
