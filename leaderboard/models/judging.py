"""Judgings: judge models, and persons who grade blind, on two models' answers of a bake-off. They go with it."""

from django.db import models

from leaderboard.models.accounts import User
from leaderboard.models.bakeoffs import Bakeoff
from leaderboard.models.submissions import Submission
from leaderboard.models.suites import Suite


class Judging(models.Model):
    """The question: two models of a bake-off, the items, the way of judging and the rubric.

    Its private suite asks two questions an item, first of all items and then of all again: `places` is n little-endian
    int32, which of the bake-off's items they are. `salt` draws marks, the items, and what stands left for a person.
    """

    bakeoff = models.ForeignKey(Bakeoff, on_delete=models.CASCADE, related_name="judgings")
    first = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="+")
    form = models.CharField(max_length=10, help_text="pairs or grades (leaderboard.judging.forms)")
    rubric = models.TextField()
    salt = models.CharField(max_length=64)
    suite = models.OneToOneField(Suite, on_delete=models.PROTECT, related_name="judging")
    n = models.PositiveIntegerField()
    places = models.BinaryField()
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"judging {self.pk}"


class Judge(models.Model):
    """A judge model, by the submission that asks it. `kin`: in sentences, what it has in common with a model that it
    judges, as its owner confirmed.

    `codes`: 2 n bytes, a reply each (`leaderboard.judging.replies`), in the suite's order; null until it has ended.
    """

    judging = models.ForeignKey(Judging, on_delete=models.CASCADE, related_name="judges")
    position = models.PositiveSmallIntegerField()
    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="judge")
    kin = models.JSONField(default=list)
    codes = models.BinaryField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["judging", "position"], name="judge_position_once")]

    def __str__(self) -> str:
        return f"judge {self.submission_id} of judging {self.judging_id}"


class Grade(models.Model):
    """What a person said of one of a judging's items, not knowing whose answers they saw.

    `outcome`: of `leaderboard.statistics.judging`, by model; 0 where they passed. `first_left`: where the first model's
    answer stood.
    """

    judging = models.ForeignKey(Judging, on_delete=models.CASCADE, related_name="grades")
    number = models.PositiveIntegerField(help_text="of the judging's items, from 0")
    grader = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grades")
    outcome = models.PositiveSmallIntegerField()
    first_left = models.BooleanField()
    said_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["judging", "number", "grader"], name="grade_once")]

    def __str__(self) -> str:
        return f"grade of item {self.number} of judging {self.judging_id}"
