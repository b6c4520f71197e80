"""The oldest edition of the contract in which a job can be told: one rule for claims and for forecasts.

A worker that speaks an older one would refuse the job's body, or do something else than is asked.
"""

from django.db.models import Case, IntegerField, Q, Value, When

from evaluator.contract import FIRST_SETTINGS, Settings
from leaderboard.models import Job

KEYS_SINCE, THINKING_SINCE, WORKLOADS_SINCE, ADAPTERS_SINCE, ANEW_SINCE, LOOKS_SINCE = 3, 4, 5, 6, 7, 8
"""The editions that brought endpoints and their keys, models which think, people's own prompts, adapters, what is asked
or scored anew, and jobs that end early, which older workers measure to the end."""
PROGRAMS_SINCE, TRACES_SINCE, SHARDS_SINCE = 8, 9, 10
"""The editions that brought answers which are programs, to people's own prompts, traces, which older workers leave out,
and shards of a submission."""
NEWEST = SHARDS_SINCE
"""A worker of this edition knows every job."""
LATER_SETTINGS = [name for name in Settings.__struct_fields__ if name not in FIRST_SETTINGS]
"""Stored where they are not the default: workers from before do not know them."""


def least_edition() -> Case:
    """An expression over jobs; the newest that a job needs comes first."""
    since = {
        SHARDS_SINCE: Q(kind=Job.Kind.SHARD),
        PROGRAMS_SINCE: Q(submission__suite__workload__version__scoring__kind="unit_tests"),
        ANEW_SINCE: Q(submission__fresh=True) | Q(submission__rescored_from__isnull=False),
        ADAPTERS_SINCE: Q(submission__revision__base_sha__gt=""),
        WORKLOADS_SINCE: Q(submission__suite__owner__isnull=False),
        THINKING_SINCE: Q(submission__settings__has_any_keys=LATER_SETTINGS),
        KEYS_SINCE: Q(queue="api"),
    }
    cases = [When(condition, then=Value(edition)) for edition, condition in since.items()]
    return Case(*cases, default=Value(1), output_field=IntegerField())
