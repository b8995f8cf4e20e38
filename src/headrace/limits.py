"""Every number that limits something, with its unit in its name and its reason. Each module's limits stand together.

Defaults of settings are here too; config.py makes settings of them. Relations between limits are asserted beside the
argument for them.
"""

from __future__ import annotations

# transport: what a stranger may send, and how long we wait for it ---------------------------------------------------

BODY_BYTES_MAX = 64 * 1024 * 1024
"""Default of the setting body_bytes_max: one request's body after decompression, some 500,000 points of JSON."""

HEADER_BYTES_MAX = 32 * 1024
"""Request line and headers together. Real agents send under 1 KiB, a browser with many cookies under 16 KiB."""

TELNET_LINE_BYTES_MAX = 16 * 1024
"""One telnet line. OpenTSDB allows 1024 bytes, too few for 16 tags or a text value; ours holds the longest names."""

HEADER_TIMEOUT_S = 10.0
"""Default of the setting header_timeout_s: from a request's first byte to the end of its headers."""

REQUEST_TIMEOUT_S = 60.0
"""Default of the setting request_timeout_s: from the end of the headers to the end of the body. The largest
body needs 9 Mbit/s."""

IDLE_TIMEOUT_S = 300.0
"""Default of the setting idle_timeout_s. Agents report every 10 to 60 s on one connection; five minutes tolerate
missed turns."""

# store: what waits between the doors and the disk, and when recent points become a segment --------------------------

QUEUE_POINTS_MAX = 2_000_000
"""Points waiting for the writer: two seconds at 1 million points/s, after which a sender is better off with a 503."""

SEAL_POINTS = 4_000_000
"""Default of the setting seal_points: some 120 MB of columns, sealed within 1.5 s."""

SEAL_AGE_S = 600.0
"""Default of the setting seal_age_s: outside tools see a point in the Parquet files after at most about ten minutes."""

# query: what one question may take ----------------------------------------------------------------------------------

QUERY_POINTS_MAX = 20_000_000
"""Points that one select may return: at 17 bytes each some 340 MB in memory while the query runs."""
