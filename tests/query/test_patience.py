import pytest

from headrace.errors import Refused, Unavailable
from headrace.query.patience import Patience


def test_it_lasts_for_its_time() -> None:
    Patience(60).check()
    with pytest.raises(Refused, match="took longer than") as over:
        Patience(-1e-9).check()
    assert over.value.rule == "query-time"


def test_it_ends_when_nobody_waits() -> None:
    patience = Patience(60)
    patience.lose()
    with pytest.raises(Unavailable):
        patience.check()
