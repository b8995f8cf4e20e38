"""The nouns of a query say what OpenTSDB's defaults are."""

from __future__ import annotations

from headrace.model.query import Downsampling, Fill, FixedBuckets, Rate, Selection


def test_defaults_are_those_of_opentsdb() -> None:
    # OpenTSDB: RateOptions, FillPolicy.NONE
    assert Rate() == Rate(counter=False, counter_max=9223372036854775807, reset_value=0, drop_resets=False)
    assert Downsampling(FixedBuckets(1000), "sum").fill is Fill.NONE
    assert Selection("m") == Selection("m", filters=(), absent_keys=(), exact_keys=False)
