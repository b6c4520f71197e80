"""How many jobs share a submission's requests: as many as its items are worth, where their number is known."""

from django.conf import settings as site

from leaderboard.models import Submission
from leaderboard.queries.estimate import items_of


def shares_of(row: Submission) -> int:
    """1 for what nobody can split: somebody's own prompts, whose responses never leave their attempt, and a suite that
    nobody has measured and whose tasks are not limited."""
    if site.SHARES < 2 or row.suite.owner_id is not None:
        return 1
    return max(1, min(site.SHARES, (items_of(row) or 0) // site.SHARE_ITEMS))
