"""Alibaba TSDB's points of several fields: put, query and last, over writing and reading."""
