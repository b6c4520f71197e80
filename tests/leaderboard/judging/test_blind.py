"""Sides and order come of the salt alone: the same whenever they are asked for, and fair."""

from leaderboard.judging.blind import chosen, first_left, order

SALTS = [f"{one:032x}" for one in range(20)]


def test_either_side_is_as_likely_and_stays() -> None:
    sides = [first_left(salt, number) for salt in SALTS for number in range(200)]
    assert 0.47 < sum(sides) / len(sides) < 0.53
    assert sides == [first_left(salt, number) for salt in SALTS for number in range(200)]
    assert len({tuple(first_left(salt, number) for number in range(64)) for salt in SALTS}) == len(SALTS)


def test_every_item_once_in_an_order_that_says_nothing() -> None:
    assert sorted(order(SALTS[0], 100)) == list(range(100))
    assert order(SALTS[0], 100) != order(SALTS[1], 100) and order(SALTS[0], 100) == order(SALTS[0], 100)


def test_a_part_of_the_items_is_drawn() -> None:
    assert chosen(SALTS[0], 5, 5) == [0, 1, 2, 3, 4]
    some = chosen(SALTS[0], 1_000, 100)
    assert len(some) == len(set(some)) == 100 and some == sorted(some)
    assert 400 < sum(some) / len(some) < 600
