"""How many handshakes an address may have under way, and which of them yields."""

from __future__ import annotations

from headrace.transport.tls.unfinished import Unfinished


class Handshake:
    def __init__(self) -> None:
        self.is_out = False

    def crowded_out(self) -> None:
        self.is_out = True


def test_the_oldest_of_an_address_yields_and_no_other() -> None:
    unfinished = Unfinished(3)
    others = [Handshake() for _ in range(3)]
    for number, other in enumerate(others):
        unfinished.add(other, f"192.0.2.{number}")
    of_one = [Handshake() for _ in range(5)]
    for one in of_one:
        assert unfinished.add(one, "198.51.100.1") == "198.51.100.1"
    assert [one.is_out for one in of_one] == [True, True, False, False, False]
    assert not any(other.is_out for other in others)
    assert len(unfinished) == 6


def test_what_is_over_makes_room_and_leaves_nothing_behind() -> None:
    unfinished = Unfinished(1)
    first, second = Handshake(), Handshake()
    network = unfinished.add(first, "2001:db8::1")
    assert network == unfinished.add(second, "2001:db8::2"), "one /64"
    assert first.is_out
    unfinished.remove(first, network)
    unfinished.remove(second, network)
    unfinished.remove(second, network)
    unfinished.remove(second, "never seen")
    assert len(unfinished) == 0
    third = Handshake()
    unfinished.add(third, "2001:db8::1")
    assert not third.is_out
