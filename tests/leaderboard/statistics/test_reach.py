import pytest

from leaderboard.statistics.reach import LEAST, measured_context


@pytest.mark.parametrize(
    ("scores", "measured"),
    [
        ({4096: 0.8, 8192: 0.72, 16384: 0.7}, 8192),
        ({16384: 0.7, 8192: 0.75, 4096: 0.8}, 8192),
        ({4096: 0.8, 8192: 0.5, 16384: 0.8}, 4096),
        ({4096: 0.8, 8192: 0.9, 16384: None}, 8192),
        ({4096: 0.8, 8192: None, 16384: 0.8}, 4096),
        ({4096: LEAST, 8192: LEAST}, 8192),
        ({4096: LEAST - 0.01, 8192: 0.9}, None),
        ({4096: None, 8192: 0.9}, None),
        ({}, None),
    ],
)
def test_the_longest_length_up_to_which_little_is_lost(scores: dict[int, float | None], measured: int | None) -> None:
    assert measured_context(scores) == measured
