"""Strategies by themselves: the equations of PRoPHET, the counting of copies."""

from __future__ import annotations

import pytest

from simcrate.oppsim.messages import Buffer, Copy, Message
from simcrate.oppsim.routing import Prophet, SprayAndWait
from tests.unit.oppsim.conftest import make_parameters


def message(destination: int = 9, size_bytes: int = 10, message_id: int = 0) -> Message:
    return Message(
        id=message_id,
        source=0,
        destination=destination,
        size_bytes=size_bytes,
        created_s=0.0,
        expires_s=float("inf"),
    )


def copy_of(tokens: int = 1, **of_message: int) -> Copy:
    return Copy(message=message(**of_message), hop_count=0, tokens=tokens)


def prophet(node: int) -> Prophet:
    return Prophet(node, make_parameters())


def test_an_encounter_raises_the_predictability_towards_one() -> None:
    node = prophet(0)
    node.meet(1, {}, 0.0)
    first = node.predictability(1)
    node.meet(1, {}, 0.0)

    assert first == 0.75
    assert node.predictability(1) == pytest.approx(0.75 + 0.25 * 0.75)


def test_predictability_ages_by_time_units() -> None:
    node = prophet(0)
    node.meet(1, {}, 0.0)

    assert node.summary(90.0)[1] == pytest.approx(0.75 * 0.98**3)


def test_predictability_is_transitive_through_the_peer() -> None:
    node = prophet(0)
    node.meet(1, {2: 0.8, 0: 0.9}, 0.0)

    assert node.predictability(2) == pytest.approx(0.75 * 0.8 * 0.25)
    assert node.predictability(0) == 0.0


def test_both_ends_of_a_contact_learn_the_same_from_each_other() -> None:
    one, other = prophet(0), prophet(1)
    other.meet(2, {}, 0.0)
    one.meet(3, {}, 0.0)

    summaries = one.summary(5.0), other.summary(5.0)
    one.meet(1, summaries[1], 5.0)
    other.meet(0, summaries[0], 5.0)

    assert one.predictability(2) == other.predictability(3)


def test_a_copy_goes_only_to_a_likelier_node() -> None:
    one, other = prophet(0), prophet(1)
    other.meet(9, {}, 0.0)

    assert one.offers(copy_of(), other)
    assert not other.offers(copy_of(), one)
    assert not one.offers(copy_of(destination=8), other)


def test_spraying_halves_the_copies_until_one_is_left() -> None:
    router = SprayAndWait(0, make_parameters("OppNet.copies = 7\n"))
    copy = copy_of(tokens=router.tokens_of(message()))

    given = []
    while router.offers(copy, router):
        given.append(router.split(copy))

    assert given == [3, 2, 1]
    assert copy.tokens == 1


def test_a_buffer_names_its_oldest_copies_as_victims() -> None:
    buffer = Buffer(30)
    for number in range(3):
        buffer.add(copy_of(message_id=number))

    assert buffer.victims(0) == []
    assert [copy.message.id for copy in buffer.victims(15) or []] == [0, 1]
    assert buffer.victims(31) is None


def test_copies_being_sent_are_no_victims() -> None:
    buffer = Buffer(20)
    for number in range(2):
        buffer.add(copy_of(message_id=number))
    for copy in buffer:
        copy.sending = 1
        break

    assert [copy.message.id for copy in buffer.victims(10) or []] == [1]
    assert buffer.victims(11) is None
