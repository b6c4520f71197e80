"""The rules by which this program scores, ranks and judges, and the day each came or changed: the changelog lists them.

Whoever changes how a number or a word comes about adds a line, in words for readers; none is ever taken away.
"""

from datetime import date
from typing import NamedTuple


class Rule(NamedTuple):
    """What holds since a day."""

    since: date
    text: str


BY_DAY = {
    date(2026, 11, 24): (
        "A suite’s score is the mean of its tasks. A model that lacks a task has no rank.",
        "A rank has a 95 % interval: 1 and all who are surely better, to all but those who are surely worse.",
        "Two models are compared on identical items alone, and no difference found is not called equality.",
        "Results are compared with their samples before they are ranked; what contradicts them is held back.",
        "Imported scores are marked, and have no rank among what is measured here.",
    ),
    date(2026, 11, 27): (
        "Neighbours on the board that answered the same items are tested in pairs, which narrows their ranks.",
        "An endpoint has a rank once the staff has said whose address it is.",
    ),
    date(2026, 11, 29): ("A measured context is the longest length with 90 % of the shortest one’s score.",),
    date(2026, 11, 30): (
        "The gap and its lag are counted by paired tests on identical items. No claimed score takes part.",
        "Claims are judged by tests that were stated first: supported, refuted, or not yet measured.",
    ),
}
RULES = tuple(Rule(since, text) for since, texts in BY_DAY.items() for text in texts)
