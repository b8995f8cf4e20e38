"""headrace: one durable time-series store behind the protocols of OpenTSDB, KairosDB, Apollo and DataZone.

A point's journey: socket -> transport -> protocols/<room> -> gate -> store.append -> journal (fdatasync) -> recent ->
answer.
"""

__version__ = "0.1.0.dev0"
