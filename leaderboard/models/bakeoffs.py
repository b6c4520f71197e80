"""Bake-offs: several models on one version of a workload. All of it goes with the workload."""

from django.db import models

from leaderboard.models.accounts import User
from leaderboard.models.submissions import Submission
from leaderboard.models.suites import Suite
from leaderboard.models.workloads import WorkloadVersion


class WorkloadSuite(models.Model):
    """The private suite of a version, made when it is first run: its items in their order, or `shuffled`.

    `places` is n little-endian int32: where each of its items stands among the version's. `tags`: the tag's items, as
    numbers among these n.
    """

    version = models.ForeignKey(WorkloadVersion, on_delete=models.CASCADE, related_name="run_as")
    shuffled = models.BooleanField(default=False)
    suite = models.OneToOneField(Suite, on_delete=models.PROTECT, related_name="workload")
    n = models.PositiveIntegerField()
    places = models.BinaryField()
    tags = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "shuffled"], name="workload_suite_once")]

    def __str__(self) -> str:
        return f"suite {self.suite_id} of version {self.version_id}"


class WorkloadAnswers(models.Model):
    """What a report counts of a submission's answers, item by item, so that it need not read them all.

    `flags`: n bytes (`leaderboard.answer_flags`); `tokens_in`, `tokens_out`: n little-endian int32, -1 unknown.
    """

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="answers")
    flags = models.BinaryField()
    tokens_in = models.BinaryField()
    tokens_out = models.BinaryField()

    def __str__(self) -> str:
        return f"answers of submission {self.submission_id}"


class EarlyLook(models.Model):
    """What a run of a shuffled suite has measured so far: the scores of its first items, little-endian float32.

    Its result says all of it later; this is what others are compared with meanwhile.
    """

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="early_look")
    scores = models.BinaryField()
    at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{len(self.scores) // 4} items of submission {self.submission_id}"


class Bakeoff(models.Model):
    """Models asked the same prompts. `margin`: points that would not matter, as chosen when it was begun.

    `stops`: prompts come at random, and a model is asked no more of them once its comparison is decided.
    """

    version = models.ForeignKey(WorkloadVersion, on_delete=models.CASCADE, related_name="bakeoffs")
    margin = models.FloatField()
    stops = models.BooleanField(default=False)
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"bake-off {self.pk}"


class BakeoffEntry(models.Model):
    """One of its models, by the submission that runs it; an earlier one of the same model and settings serves too."""

    bakeoff = models.ForeignKey(Bakeoff, on_delete=models.CASCADE, related_name="entries")
    position = models.PositiveSmallIntegerField()
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="bakeoff_entries")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["bakeoff", "submission"], name="bakeoff_entry_once")]

    def __str__(self) -> str:
        return f"{self.submission_id} in bake-off {self.bakeoff_id}"


class BakeoffShare(models.Model):
    """A link under which anybody reads one report until `expires_at`. Only the SHA-256 (hex) of its token is kept."""

    bakeoff = models.ForeignKey(Bakeoff, on_delete=models.CASCADE, related_name="shares")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"link {self.pk} to bake-off {self.bakeoff_id}"


class BakeoffReader(models.Model):
    """Somebody who reads the numbers of one report, logged in, until they are taken off."""

    bakeoff = models.ForeignKey(Bakeoff, on_delete=models.CASCADE, related_name="readers")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bakeoffs_read")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["bakeoff", "user"], name="bakeoff_reader_once")]

    def __str__(self) -> str:
        return f"{self.user_id} reads bake-off {self.bakeoff_id}"
