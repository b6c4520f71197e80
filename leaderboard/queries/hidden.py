"""Which tasks' texts are not shown, while their scores are; and samples without them."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from evaluator.contract import Sample
from leaderboard.models import HiddenTexts
from leaderboard.queries.lately import lately


@lately
def hidden_tasks() -> Mapping[str, str]:
    """Task -> why its texts are hidden. 1 query."""
    return dict(HiddenTexts.objects.values_list("task", "reason"))


def concealed(samples: Iterable[Sample], hidden: Mapping[str, str] | None = None) -> Iterator[Sample]:
    """The samples, those of hidden tasks (asked for unless they are given) with their numbers alone."""
    hidden = hidden_tasks() if hidden is None else hidden
    return (bare(one) if one.counts_for in hidden or one.task in hidden else one for one in samples)


def bare(sample: Sample) -> Sample:
    """A sample without any text of its item or of the model."""
    return msgspec.structs.replace(
        sample, target="", prompts=(), responses=(), answers={}, reasons={}, thinking=()
    )  # fmt: skip
