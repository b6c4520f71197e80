import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from leaderboard.statistics.mcnemar import discordant, mcnemar, score_statistic, tango
from leaderboard.statistics.paired import DifferentItems

found = st.integers(0, 200)
tables = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 200)).map(lambda t: (t[0], t[1], sum(t)))


def test_hand_worked_p_values() -> None:
    # 6 against 1: (1 + 7) / 2^7, twice; mid-p without P(X = 1) = 7 / 2^7; chi-square 25 / 7.
    assert mcnemar(6, 1, method="exact") == pytest.approx(16 / 128)
    assert mcnemar(6, 1, method="mid-p") == pytest.approx(9 / 128)
    assert mcnemar(6, 1, method="chi2") == pytest.approx(stats.chi2.sf(25 / 7, 1))
    assert mcnemar(6, 1) == mcnemar(6, 1, method="exact")
    assert mcnemar(20, 5) == mcnemar(20, 5, method="mid-p")
    for method in ("auto", "exact", "mid-p", "chi2"):
        assert mcnemar(0, 0, method=method) == 1
        assert mcnemar(7, 7, method=method) == pytest.approx(1)


@given(found, found)
def test_it_is_statsmodels(b: int, c: int) -> None:
    table = [[9, b], [c, 9]]
    assert mcnemar(b, c, method="exact") == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-9)
    if b + c:
        plain = statsmodels_mcnemar(table, exact=False, correction=False).pvalue
        assert mcnemar(b, c, method="chi2") == pytest.approx(plain, abs=1e-9)


@given(found, found)
def test_p_values_are_fair_to_both_sides_and_mid_p_is_the_smaller(b: int, c: int) -> None:
    for method in ("auto", "exact", "mid-p", "chi2"):
        assert 0 <= mcnemar(b, c, method=method) <= 1
        assert mcnemar(b, c, method=method) == pytest.approx(mcnemar(c, b, method=method))
    assert mcnemar(b, c, method="mid-p") <= mcnemar(b, c, method="exact") + 1e-12


def test_false_alarms_are_as_many_as_promised() -> None:
    """Exactly, over all outcomes between equal models: given d discordant items, and over all d."""
    alarms: dict[str, list[float]] = {"auto": [], "exact": [], "mid-p": []}
    for d in range(201):
        b = np.arange(d + 1)
        mass = stats.binom.pmf(b, d, 0.5)
        for method, given_d in alarms.items():
            given_d.append(mass[mcnemar(b, d - b, method=method) <= 0.05].sum())
    assert max(alarms["exact"]) <= 0.05
    assert max(alarms["auto"][:25]) <= 0.05
    assert max(alarms["mid-p"]) <= 0.078
    for n in (20, 60, 200):
        for share in (0.05, 0.1, 0.3, 0.6):
            mass = stats.binom.pmf(np.arange(201), n, share)
            assert mass @ alarms["exact"] <= mass @ alarms["auto"] <= mass @ alarms["mid-p"] + 1e-12 <= 0.05


def test_discordant_items() -> None:
    assert discordant([1, 1, 0, 0, 1], [0, 1, 1, 0, 0]) == (2, 1)
    assert discordant(np.ones(3, dtype=np.float32), np.zeros(3, dtype=np.float32)) == (3, 0)
    with pytest.raises(ValueError, match="right"):
        discordant([0.5, 1], [0, 1])
    with pytest.raises(DifferentItems):
        discordant([1, 1], [1])
    for b, c in ((-1, 2), (0.5, 2)):
        with pytest.raises(ValueError, match="whole"):
            mcnemar(b, c)


@given(tables)
def test_at_no_difference_tango_is_mcnemar(table: tuple[int, int, int]) -> None:
    b, c, n = table
    z = score_statistic(b, c, n, 0.0)
    assert 2 * stats.norm.sf(abs(z)) == pytest.approx(mcnemar(b, c, method="chi2"), abs=1e-9)


@pytest.mark.parametrize(
    ("b", "c", "n", "null"), [(5, 2, 30, 0.2), (1, 9, 40, -0.05), (12, 12, 50, 0.1), (3, 0, 20, 0.4)]
)
def test_the_nuisance_share_is_the_likeliest(b: int, c: int, n: int, null: float) -> None:
    """The variance of the score statistic from a numerical maximum of the likelihood."""

    def unlikely(q: float) -> float:
        parts = ((b, q + null), (c, q), (n - b - c, 1 - 2 * q - null))
        return -sum(count * np.log(max(share, 1e-15)) for count, share in parts if count)

    least, most = max(0.0, -null), (1 - null) / 2
    q = optimize.minimize_scalar(unlikely, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
    expected = (b - c - n * null) / np.sqrt(n * (2 * q + null - null**2))
    assert score_statistic(b, c, n, null) == pytest.approx(expected, rel=1e-4)


def test_hand_worked_intervals() -> None:
    z = stats.norm.ppf(0.975)
    # Nothing discordant: z^2 / (n + z^2). All one way: (1 - D) / (1 + D) = z^2 / n.
    assert tango(0, 0, 50) == pytest.approx((-(z**2) / (50 + z**2), z**2 / (50 + z**2)), abs=1e-9)
    assert tango(10, 0, 10) == pytest.approx(((10 - z**2) / (10 + z**2), 1), abs=1e-9)


@given(tables, st.floats(0.5, 0.99))
def test_intervals_are_where_the_statistic_is_the_quantile(table: tuple[int, int, int], level: float) -> None:
    b, c, n = table
    low, high = tango(b, c, n, level=level)
    z = stats.norm.ppf((1 + level) / 2)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert tango(c, b, n, level=level) == pytest.approx((-high, -low), abs=1e-9)
    assert score_statistic(b, c, n, low) == pytest.approx(z, abs=1e-4)
    assert score_statistic(b, c, n, high) == pytest.approx(-z, abs=1e-4)


def test_arrays_and_impossible_tables() -> None:
    low, high = tango([3, 10], [1, 4], [20, 90])
    assert low == pytest.approx([tango(3, 1, 20).low, tango(10, 4, 90).low])
    assert high == pytest.approx([tango(3, 1, 20).high, tango(10, 4, 90).high])
    for b, c, n in ((3, 3, 5), (-1, 0, 5), (0, 0, 0)):
        with pytest.raises(ValueError, match="Discordant"):
            tango(b, c, n)


@pytest.mark.parametrize(("n", "won", "lost"), [(20, 0.2, 0.1), (60, 0.15, 0.05), (200, 0.03, 0.01), (1000, 0.1, 0.1)])
def test_intervals_cover(n: int, won: float, lost: float) -> None:
    outcomes = np.random.default_rng(5).multinomial(n, [won, lost, 1 - won - lost], 3000)
    low, high = tango(outcomes[:, 0], outcomes[:, 1], n)
    assert 0.93 <= ((low <= won - lost) & (won - lost <= high)).mean() <= 0.975
