"""OpenTSDB 2.x and Alibaba Cloud TSDB: /api/put, telnet, /api/query."""
