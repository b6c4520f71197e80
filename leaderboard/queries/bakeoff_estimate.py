"""What a bake-off is going to take, before anything is spent: tokens, dollars and time of each model, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import F

from evaluator.contract import Price
from leaderboard.models import Model, Owner, Submission, WorkloadAnswers, WorkloadVersion
from leaderboard.queries.bakeoff_report import number_in
from leaderboard.queries.history import speeds_of
from leaderboard.workloads.packed import items_in

CHARACTERS = 4
"""Of a token, as English texts have them in most tokenizers."""
ANSWER = 250
"""Tokens of an answer, where nothing is known."""


@dataclass(frozen=True)
class Planned:
    """A model as it is asked about; `price` of an endpoint, None where nobody knows it."""

    name: str
    endpoint: bool = False
    price: Price | None = None


@dataclass(frozen=True)
class Expected:
    """`dollars`, `seconds` None: nobody knows. `basis`: in words."""

    name: str
    requests: int
    tokens_in: int
    tokens_out: int
    dollars: float | None
    seconds: float | None
    basis: str


@dataclass(frozen=True)
class Texts:
    """All of a version's prompts and today's answers: characters, and how many answers there are."""

    asked: int
    answered: int
    answers: int


def expected(owner: Owner, version: WorkloadVersion, planned: Sequence[Planned]) -> list[Expected]:
    """Each model in turn. Reads every prompt once."""
    texts = texts_of(version)
    answer, basis = answer_of(version, texts)
    tokens_in, tokens_out = texts.asked // CHARACTERS, round(version.counted * answer)
    return [one(owner, version, model, (tokens_in, tokens_out), basis) for model in planned]


def texts_of(version: WorkloadVersion) -> Texts:
    asked = answered = answers = 0
    for part in version.items.parts.order_by("first").iterator(chunk_size=1):
        for place, item in enumerate(items_in(part.data), start=part.first):
            if str(place) in version.excluded:
                continue
            asked += len(item.prompt)
            answered += len(item.production or "")
            answers += bool(item.production)
    return Texts(asked, answered, answers)


def answer_of(version: WorkloadVersion, texts: Texts) -> tuple[float, str]:
    """Tokens of an answer: as earlier runs of the workload had them, as today's answers are long, or assumed."""
    noted = WorkloadAnswers.objects.filter(submission__suite__workload__version__workload=version.workload_id)
    newest = noted.order_by("-pk").values_list("tokens_out", flat=True)[:5]
    counted = [np.frombuffer(one, dtype="<i4") for one in newest]
    known = [float(one[one >= 0].mean()) for one in counted if (one >= 0).any()]
    prompts = f"{CHARACTERS} characters a token of the prompts"
    if known:
        return sum(known) / len(known), f"{prompts}; answers as long as in {len(known)} earlier runs of this workload."
    if texts.answers:
        return texts.answered / texts.answers / CHARACTERS, f"{prompts}; answers as long as today’s."
    return ANSWER, f"{prompts}; nothing is known of the answers, {ANSWER} tokens are assumed."


def one(owner: Owner, version: WorkloadVersion, model: Planned, tokens: tuple[int, int], basis: str) -> Expected:
    dollars = None
    if model.price is not None:
        dollars = (tokens[0] * model.price.input + tokens[1] * model.price.output) / 1e6
    seconds, why = seconds_of(owner, version, model, sum(tokens))
    return Expected(model.name, version.counted, *tokens, dollars, seconds, f"{basis} {why}".strip())


def seconds_of(owner: Owner, version: WorkloadVersion, model: Planned, tokens: int) -> tuple[float | None, str]:
    """As one's own runs took, else as fast as this site measured the model, else nobody knows."""
    done = Submission.everything.filter(
        suite__owner=owner, suite__workload__isnull=False, requested_model=model.name, state=Submission.State.SUCCEEDED
    )
    whole = done.exclude(results__n__lt=F("suite__workload__n"))  # one that was stopped took less
    last = whole.select_related("suite__workload").order_by("-pk").first()
    took = number_in(last.provenance.get("evaluation_seconds")) if last else None
    if last is not None and took is not None:
        return took / last.suite.workload.n * version.counted, "Time as in your last run of it."
    row = None if model.endpoint else Model.objects.filter(name=model.name).first()
    rates = [speed.tokens for speed in speeds_of(row) if speed.tokens] if row else []
    if rates:
        return tokens / max(rates), "Time as fast as this site measured it."
    return None, "How long it takes is not known before a first run."
