"""Against scipy.stats, which the site does without."""

import numpy as np
import pytest
from scipy import stats

from leaderboard.statistics import binomial


@pytest.mark.parametrize("p", [0.5, 0.001, 0.02, 0.9])
def test_it_is_what_scipy_says(p: float) -> None:
    n = np.repeat([0, 1, 2, 7, 24, 25, 500, 14_000], 50)
    k = np.floor(np.random.default_rng(1).uniform(0, n + 1))
    np.testing.assert_allclose(binomial.cdf(k, n, p), stats.binom.cdf(k, n, p), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(binomial.pmf(k, n, p), stats.binom.pmf(k, n, p), rtol=1e-8, atol=1e-300)


@pytest.mark.parametrize("q", [0.001, 0.4, 0.999])
@pytest.mark.parametrize("p", [0.001, 0.02, 0.5])
def test_the_quantile_is_the_least_that_reaches_it(q: float, p: float) -> None:
    for n in [1, 2, 10, 99, 100, 101, 1_319, 14_042]:
        found = binomial.ppf(q, n, p)
        assert found == stats.binom.ppf(q, n, p)
        assert binomial.cdf(found, n, p) >= q and (found == 0 or binomial.cdf(found - 1, n, p) < q)
