from headrace.protocols.opentsdb.fields import Field, field_of, series_metric
from headrace.protocols.opentsdb.names import ILLEGAL_CHARACTER


def test_a_field_and_its_series_metric_are_one_to_one() -> None:
    assert field_of(series_metric(Field("wind", "speed"))) == Field("wind", "speed")
    assert field_of("wind.speed") is None


def test_no_plain_metric_can_be_a_field() -> None:
    assert ILLEGAL_CHARACTER.search(series_metric(Field("wind", "speed")))
