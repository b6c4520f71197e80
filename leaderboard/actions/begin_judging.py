"""Have judge models compare two models' answers of a bake-off: a private suite of questions, and a submission each."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction

from evaluator.contract import SuiteSpec, encode
from evaluator.suites import SuiteError, workload
from leaderboard.actions.access import Access, checked
from leaderboard.actions.begin_bakeoff import Candidate, Registered, Weights, run
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.load_suites import release
from leaderboard.actions.share_bakeoff import locked
from leaderboard.judging.forms import FORMS, LEAST_ITEMS, MOST_ITEMS, REPLY_TOKENS, RUBRIC, USUAL_ITEMS, suite_name
from leaderboard.judging.prompts import readable
from leaderboard.models import Bakeoff, Endpoint, Judge, Judging, Owner, Submission, Suite, User
from leaderboard.queries import kinship
from leaderboard.queries.bakeoffs import course_of
from leaderboard.queries.endpoints import allowed
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.judged_items import Material, material, questions

MOST_JUDGES = 4
TITLE = "Judging"
"""Of every such suite: what is judged is private too."""


@dataclass(frozen=True)
class Question:
    """What is to be judged: the numbers of two models in the bake-off, in which way, by which rubric, and at most how
    many items of it, drawn at random."""

    first: int
    second: int
    form: str
    rubric: str
    items: int = USUAL_ITEMS
    salt: str = field(default_factory=lambda: secrets.token_hex(16))


@transaction.atomic
def begin_judging(
    *,
    owner: Owner,
    maker: User,
    bakeoff: int,
    question: Question,
    judges: Sequence[Candidate],
    confirmed: bool = False,
) -> Judging:
    """Ask one or more judges, each once for either order of the answers; with none, only persons grade.

    `confirmed`: its owner knows that a judge has something in common with a model that it judges. Nothing is begun
    where one is refused. Raises NotFound, Refused (`field` says which: judges[1].model), TooMany.
    """
    row = locked(owner, bakeoff)
    check(question)
    found = material_of(row, question)
    kin = [kin_of(owner, judge, found) for judge in judges]
    if len(judges) > MOST_JUDGES:
        raise Refused("bad_judges", f"There are {MOST_JUDGES} judges at most.", field="judges")
    refuse_kin(kin, confirmed)
    made = Judging.objects.create(
        bakeoff=row, first=found.first.entrant.submission, second=found.second.entrant.submission, form=question.form,
        rubric=question.rubric.strip(), salt=question.salt, suite=suite_of(owner, row, question, found),
        n=len(found.numbers), places=np.asarray(found.numbers, dtype="<i4").tobytes(), made_by=maker,
    )  # fmt: skip
    for place, judge in enumerate(judges):
        appoint(made, maker, judge, kin[place], field_of=f"judges[{place}]")
    return made


@transaction.atomic
def add_judge(*, owner: Owner, maker: User, judging: int, judge: Candidate, confirmed: bool = False) -> Judge:
    """One more judge for the same questions, so that agreement is seen. Raises as `begin_judging`, Conflict."""
    row = judging_of(owner, judging)
    if row.judges.count() >= MOST_JUDGES:
        raise Conflict("too_many_judges", f"There are {MOST_JUDGES} judges of it already.")
    judged = [kinship.of_submission(one) for one in (row.first, row.second)]
    kin = sentences(identity(owner, judge), judged)
    refuse_kin([kin], confirmed)
    return appoint(row, maker, judge, kin, field_of="judges[0]")


def judging_of(owner: Owner, judging: int) -> Judging:
    """The owner's, its bake-off locked; raises NotFound, also for others'."""
    found = Judging.objects.filter(pk=judging, bakeoff__version__workload__owner=owner)
    row = found.select_related("suite", "first__use__endpoint", "second__use__endpoint").first()
    if row is None:
        raise NotFound("unknown_judging", f"You have no judging {judging}.")
    locked(owner, row.bakeoff_id)
    return row


def check(question: Question) -> None:
    if question.form not in FORMS:
        raise Refused("bad_form", f"A judge answers in {' or '.join(FORMS)}.", field="form")
    if not question.rubric.strip():
        raise Refused("no_rubric", "Say by what a judge decides.", field="rubric")
    if len(question.rubric) > RUBRIC:
        raise Refused("long_rubric", f"A rubric has {RUBRIC:,} characters at most.", field="rubric")
    if not LEAST_ITEMS <= question.items <= MOST_ITEMS:
        raise Refused("bad_items", f"{LEAST_ITEMS} to {MOST_ITEMS:,} prompts are judged.", field="items")


def material_of(row: Bakeoff, question: Question) -> Material:
    """Raises Refused for models that cannot be compared, or answers that are lost."""
    try:
        return material(course_of(row), question.first, question.second, salt=question.salt, most=question.items)
    except BadQuery as error:
        raise Refused(error.code, error.message, field=error.field) from error


def kin_of(owner: Owner, judge: Candidate, found: Material) -> list[str]:
    judged = [kinship.of_submission(one.entrant.submission) for one in (found.first, found.second)]
    return sentences(identity(owner, judge), judged)


def sentences(judge: kinship.Identity, judged: Sequence[kinship.Identity]) -> list[str]:
    """What it has in common with those that it judges; that it is one of them comes first."""
    found = [said for one in judged if (said := kinship.kinship(judge, one))]
    return sorted(found, key=lambda said: kinship.ITSELF not in said)


def identity(owner: Owner, judge: Candidate) -> kinship.Identity:
    """As far as the names of what is asked for tell; raises Refused for a malformed endpoint, NotFound."""
    match judge:
        case Weights():
            return kinship.of_weights(judge.model.strip())
        case Access():
            told = checked(judge, allowed(owner))
            return kinship.of_endpoint(told.origin, told.model)
        case Registered():
            row = Endpoint.objects.filter(pk=judge.endpoint, owner=owner, operated=True).first()
            if row is None:
                message = f"You have registered no endpoint {judge.endpoint}."
                raise NotFound("unknown_endpoint", message, field="judges[0].endpoint")
            return kinship.of_endpoint(row.origin, row.served)


def refuse_kin(kin: Sequence[Sequence[str]], confirmed: bool) -> None:
    said = [sentence for judge in kin for sentence in judge]
    if said and not confirmed:
        message = f"{' '.join(dict.fromkeys(said))} Judges prefer what is their own: choose another, or confirm it."
        raise Refused("judges_itself", message, field="confirmed")


def suite_of(owner: Owner, row: Bakeoff, question: Question, found: Material) -> Suite:
    """The suite of all questions; a worker counts which replies end in a verdict, and nothing reads them but
    `leaderboard.judging.replies`."""
    head = workload.Head(scoring={"kind": "regex", "pattern": readable(question.form)}, max_tokens=REPLY_TOKENS)
    asked = questions(question.form, question.rubric.strip(), question.salt, found.cases)
    try:
        data = workload.packed(head, [workload.Asked(messages=one, max_tokens=REPLY_TOKENS) for one in asked])
    except SuiteError as error:
        message = f"These answers are too large to be judged together: judge fewer prompts. {error}"
        raise Refused("too_large", message, field="items") from error
    name = suite_name(row.pk)
    newest = Suite.everything.filter(name=name).order_by("-version").first()
    spec = SuiteSpec(
        name=name, version=newest.version + 1 if newest else 1, title=TITLE,
        tasks=(workload.task_spec(len(asked)),), bundle=workload.digest(data),
    )  # fmt: skip
    return release(spec, json.loads(encode(spec)), data, owner=owner)


def appoint(row: Judging, maker: User, judge: Candidate, kin: Sequence[str], *, field_of: str) -> Judge:
    """Run a judge; `field_of` names it in refusals. Raises Refused, TooMany."""
    owner = row.bakeoff.version.workload.owner
    try:
        submission: Submission = run(owner, maker, row.suite, judge)
    except Refused as error:
        error.field = f"{field_of}.{error.field or 'model'}"
        raise
    if Judge.objects.filter(submission=submission).exists():
        raise Refused("judge_twice", "It judges this already, with the same settings.", field=f"{field_of}.model")
    place = row.judges.count()
    return Judge.objects.create(judging=row, position=place, submission=submission, kin=list(kin))
