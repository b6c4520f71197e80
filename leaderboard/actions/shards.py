"""How many jobs split a submission's requests: as many as its items are worth, where their number is known."""

from django.conf import settings as site

from leaderboard.models import Submission
from leaderboard.queries.estimate import items_of


def shards_of(row: Submission) -> int:
    """1 for what nobody can split: somebody's own prompts, whose responses never leave their attempt, and a suite that
    nobody has measured and whose tasks are not limited."""
    if site.SHARDS < 2 or row.suite.owner_id is not None:
        return 1
    return max(1, min(site.SHARDS, (items_of(row) or 0) // site.SHARD_ITEMS))
