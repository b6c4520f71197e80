"""What is claimed of models, and what the measurements say of it."""

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from leaderboard.queries.claims import State, judged_at, state_lately
from leaderboard.statistics.claims import Outcome

Counts = list[tuple[str, int]]


@require_safe
def claims(request: HttpRequest) -> HttpResponse:
    """`/claims`."""
    found = state_lately()
    counts, cards = drawn_once(found) if settings.BOARD_STATE_SECONDS else drawn(found)
    return render(request, "claims/page.html", {"counts": counts, "cards": cards})


def drawn(found: State) -> tuple[Counts, SafeString]:
    """How many have each outcome, and a card of each claim: the same for every reader."""
    judged = sorted(judged_at(found), key=lambda one: one.outcome == Outcome.NOT_YET)  # what is decided comes first
    counts = [(outcome.value, sum(one.outcome == outcome for one in judged)) for outcome in Outcome]
    return counts, render_to_string("claims/cards.html", {"claims": judged})


@lru_cache(maxsize=4)
def drawn_once(found: State) -> tuple[Counts, SafeString]:
    """As `drawn`, kept until anything changes that claims are judged by."""
    return drawn(found)
