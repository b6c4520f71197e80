"""From which volume on machines of one's own cost less than an API: a staircase against a straight line.

Below `first` the API is cheaper at every volume, from `always` on the machines are; in between it changes with every
further machine, so that one number would be wrong either way.
"""

from typing import NamedTuple

import numpy as np

from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.cost import Plan, Tariff, fixed, fleet, monthly

MOST = 4_000
"""Steps of the staircase that are looked at one by one."""


class BreakEven(NamedTuple):
    """Tokens a month. `exact` False: there were too many steps, and both are where the machines are surely cheaper."""

    first: float
    always: float
    exact: bool = True


def break_even(plan: Plan, tariff: Tariff) -> BreakEven | None:
    """Where self-hosting as `plan` says (its own volume aside) costs no more than the API.

    None: at no volume, since one more machine costs more than the tokens that it answers do at the API.
    The staircase lies between two lines: replicas rounded up are at least, and less than one more than, what is asked
    for. Where the API's line has left both, nothing crosses any more; only the steps between have to be looked at.
    """
    line = tariff.request(plan.input, plan.output) / plan.each  # dollars a token
    found = fleet(plan)
    slope = float(found.density @ found.hours) * plan.replica
    if line <= slope:
        return None
    one_more = float(found.hours.sum()) * plan.replica
    start = fixed(plan) + plan.spare * one_more
    lowest, highest = start / (line - slope), (start + one_more) / (line - slope)
    if float(((highest - lowest) * found.density).sum()) > MOST:
        return BreakEven(highest, highest, exact=False)
    places = edges(found.density, lowest, highest)
    cost = monthly(plan, (places[:-1] + places[1:]) / 2)  # of each step, away from its edges and their rounding
    crossing = cost / line
    below = np.flatnonzero(crossing <= places[1:])  # by its end the step is cheaper
    above = np.flatnonzero(crossing > places[:-1])  # at its beginning it is not
    first = max(crossing[below[0]], places[below[0]]) if len(below) else highest
    always = min(crossing[above[-1]], highest) if len(above) else lowest
    return BreakEven(float(first), float(max(first, always)))


def edges(density: Floats, low: float, high: float) -> Floats:
    """Where a replica more is needed between two volumes, and the two, in order, (n,)."""
    found = [np.arange(np.floor(low * one) + 1, np.ceil(high * one)) / one for one in density]
    inside = np.concatenate(found)
    return np.unique(np.concatenate([[low], inside[(inside > low) & (inside < high)], [high]]))
