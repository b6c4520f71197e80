"""Judge models in the public API: two models' answers of one's own bake-off compared, for oneself alone."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.actions.begin_judging import MOST_JUDGES, Question, begin_judging, kin_of, material_of
from leaderboard.api.bakeoffs import NO_STORE, CandidateIn, ExpectedOut, TestedOut, candidate_of, planned_of
from leaderboard.api.once import once
from leaderboard.api.strict import Strict
from leaderboard.api.views import PublicView, token_of
from leaderboard.judging.forms import FORMS, LEAST_ITEMS, MOST_ITEMS, PAIRS, RUBRIC, USUAL_ITEMS, USUAL_RUBRIC
from leaderboard.queries import bakeoffs
from leaderboard.queries.judge_estimate import expected_judging
from leaderboard.queries.judged_items import questions
from leaderboard.queries.judging_report import judged
from leaderboard.queries.judging_told import judged_told


class JudgingIn(Strict):
    first = serializers.IntegerField(min_value=1, help_text="the number of a model in the bake-off")
    second = serializers.IntegerField(min_value=1, help_text="of the one that it is compared with")
    form = serializers.ChoiceField(
        choices=list(FORMS), default=PAIRS, help_text="pairs: which is better, in either order; grades: 1 to 5 for each"
    )
    rubric = serializers.CharField(
        max_length=RUBRIC, required=False, help_text="by what a judge decides; default the workload's, or the usual one"
    )
    items = serializers.IntegerField(
        min_value=LEAST_ITEMS, max_value=MOST_ITEMS, default=USUAL_ITEMS, help_text="at most, drawn at random"
    )
    judges = serializers.ListField(
        child=CandidateIn(), max_length=MOST_JUDGES, help_text="as a bake-off's models; none: only persons grade"
    )
    confirmed = serializers.BooleanField(
        default=False, help_text="a judge may judge its own: the same model, its family or address; refused without"
    )
    estimate = serializers.BooleanField(default=False, help_text="say what it will take, and begin nothing")


class JudgeExpectedOut(ExpectedOut):
    judges_its_own = serializers.BooleanField(help_text="it has something in common with a model that it would judge")


class JudgingMade(serializers.Serializer[Any]):
    """`id` is null where only the estimate was asked for."""

    id = serializers.IntegerField(allow_null=True)
    expected = JudgeExpectedOut(many=True)


class JudgeRunOut(serializers.Serializer[Any]):
    judge = serializers.CharField()
    submission = serializers.IntegerField()
    state = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    judges_its_own = serializers.ListField(child=serializers.CharField(), help_text="why, in sentences; none: no")


class OrderOut(serializers.Serializer[Any]):
    """Whether the order of the answers counted: prompts on which the judge leant to a place."""

    leant_to_first_place = serializers.IntegerField()
    leant_to_second_place = serializers.IntegerField()
    turned_with_order = serializers.IntegerField(help_text="prompts whose winner changed with the order: ties")
    p = serializers.FloatField(help_text="of no leaning")


class RaterOut(TestedOut):
    """A judge model or a person; the difference is the share of prompts won by the first model less the second's, or of
    grades their difference on a scale from 0 to 100."""

    name = serializers.CharField()
    person = serializers.BooleanField()
    first_won = serializers.IntegerField()
    tied = serializers.IntegerField()
    second_won = serializers.IntegerField()
    unreadable = serializers.IntegerField(help_text="prompts without a verdict that can be read: in no share")
    order = OrderOut(allow_null=True)
    mean_grades = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    dollars = serializers.FloatField(allow_null=True, help_text="as it was metered")
    tokens_in = serializers.IntegerField(allow_null=True)
    tokens_out = serializers.IntegerField(allow_null=True)


class AgreementOut(serializers.Serializer[Any]):
    """Two raters on the prompts that both rated; intervals at 95 %."""

    first = serializers.CharField()
    second = serializers.CharField()
    items = serializers.IntegerField()
    alike = serializers.FloatField(help_text="a fraction")
    alike_interval = serializers.ListField(child=serializers.FloatField())
    kappa = serializers.FloatField(allow_null=True, help_text="Cohen's; null: both always say the same one thing")
    kappa_interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class JudgingOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    form = serializers.ChoiceField(choices=list(FORMS))
    first = serializers.IntegerField()
    second = serializers.IntegerField()
    items = serializers.IntegerField()
    live = serializers.BooleanField()
    judges_its_own = serializers.ListField(child=serializers.CharField())
    graded_by_persons = serializers.IntegerField(help_text="prompts, by whoever graded most")
    runs = JudgeRunOut(many=True)
    raters = RaterOut(many=True)
    agreement = AgreementOut(many=True)
    rubric = serializers.CharField()


class JudgingsOut(serializers.Serializer[Any]):
    judgings = JudgingOut(many=True)


class Judgings(PublicView):
    """Judgings of a bake-off; POST begins one."""

    shape = JudgingsOut
    scopes = {"POST": "submit"}

    @extend_schema(responses={200: JudgingsOut})
    def get(self, request: Request, pk: int) -> Response:
        """What judges and persons say of the answers, with wins, ties and losses, and how far they agree."""
        course = bakeoffs.course(token_of(request).owner, pk)
        return Response({"judgings": judged_told(judged(course, course.bakeoff.margin))}, headers=NO_STORE)

    @extend_schema(request=JudgingIn, responses={201: JudgingMade})
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Have models that you pick judge two models' answers; with `estimate` only say what that will take."""
        token = token_of(request)
        body = JudgingIn(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        course = bakeoffs.course(token.owner, pk)
        judges = [candidate_of(one) for one in told["judges"]]
        rubric = told.get("rubric") or course.version.scoring.get("rubric") or USUAL_RUBRIC
        question = Question(told["first"], told["second"], told["form"], rubric, told["items"])
        found = material_of(course.bakeoff, question)
        asked = questions(question.form, question.rubric, question.salt, found.cases)
        kin = [bool(kin_of(token.owner, one, found)) for one in judges]
        planned = expected_judging(asked, [planned_of(one) for one in judges])
        expected = [
            {"number": number, **vars(one), "judges_its_own": own}
            for number, (one, own) in enumerate(zip(planned, kin, strict=True), start=1)
        ]
        made = None
        if not told["estimate"]:
            made = begin_judging(
                owner=token.owner, maker=token.user, bakeoff=pk, question=question, judges=judges,
                confirmed=told["confirmed"],
            ).pk  # fmt: skip
        return Response(JudgingMade({"id": made, "expected": expected}).data, status=201, headers=NO_STORE)
