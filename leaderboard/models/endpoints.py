"""Models behind other people's APIs: where they answer, what each submission may spend there, and how they did.

An API key is kept encrypted (`leaderboard.sealing`), bound to its owner and to the origin that it was given for.
"""

from django.db import models
from django.db.models import Q

from leaderboard.models.accounts import Owner, User
from leaderboard.models.catalogue import Model, Revision
from leaderboard.models.submissions import Submission


class Endpoint(models.Model):
    """A model behind an API, as one owner uses it.

    `operated`: registered by this site's staff, with the operator's key, which stays, and a budget for all that is ever
    asked there. The key of anybody else hangs on the one submission that it was given for (`EndpointUse`).
    """

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="endpoints")
    origin = models.CharField(max_length=300, help_text="https://api.example.org, with the port where it is not 443")
    base_url = models.CharField(max_length=500)
    protocol = models.CharField(max_length=20)
    served = models.CharField(max_length=120, help_text="the model's name there")
    operated = models.BooleanField(default=False)
    sealed_key = models.TextField(blank=True, help_text="of an operated one only")
    budget_tokens = models.BigIntegerField(null=True, blank=True, help_text="of an operated one, for all submissions")
    budget_dollars = models.FloatField(null=True, blank=True, help_text="of an operated one, for all submissions")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "base_url", "protocol", "served"], name="endpoint_once"),
            models.CheckConstraint(name="endpoint_key_only_operated", condition=Q(operated=True) | Q(sealed_key="")),
        ]

    def __str__(self) -> str:
        return f"{self.served} at {self.origin}"


class EndpointUse(models.Model):
    """What one submission may do at an endpoint, and with whose key.

    The key is wiped when the submission ends, and a day after it was given in any case; `key_wiped_at` says that there
    was one. Prices are US dollars for a million tokens and override the catalogue's. `report` is what the preflight
    found, `estimate` what the evaluation was then expected to take.
    """

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="use")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="uses")
    sealed_key = models.TextField(blank=True)
    key_given_at = models.DateTimeField(null=True, blank=True)
    key_wiped_at = models.DateTimeField(null=True, blank=True)
    headers = models.JSONField(default=dict)
    concurrency = models.PositiveIntegerField(default=8)
    input_price = models.FloatField(null=True, blank=True)
    output_price = models.FloatField(null=True, blank=True)
    cached_price = models.FloatField(null=True, blank=True)
    budget_tokens = models.BigIntegerField(null=True, blank=True)
    budget_dollars = models.FloatField(null=True, blank=True)
    hold = models.BooleanField(default=False, help_text="wait for the owner's word once the estimate is there")
    report = models.JSONField(null=True, blank=True)
    estimate = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["key_given_at"], name="use_with_key", condition=~Q(sealed_key=""))]
        constraints = [
            models.CheckConstraint(name="use_wiped_has_no_key", condition=Q(key_wiped_at=None) | Q(sealed_key="")),
        ]

    def __str__(self) -> str:
        return f"submission {self.submission_id} at {self.endpoint_id}"


class ProviderOrigin(models.Model):
    """The staff's word for whose models answer at an origin: the only way to a rank under a provider's name.

    `served` "" stands for every model there, which is then `provider/served`; with a name, `model` says which it is.
    """

    origin = models.CharField(max_length=300)
    served = models.CharField(max_length=120, blank=True)
    provider = models.CharField(max_length=100, help_text="an organisation of the catalogue")
    model = models.ForeignKey(Model, null=True, blank=True, on_delete=models.PROTECT, related_name="origins")
    source = models.CharField(max_length=300)
    stated_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="origins")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["origin", "served"]
        constraints = [models.UniqueConstraint(fields=["origin", "served"], name="origin_once")]

    def __str__(self) -> str:
        return f"{self.origin} {self.served or '*'} is {self.provider}"


class EndpointHour(models.Model):
    """What an endpoint's revision did in one hour, of all that was asked of it. Counts only grow.

    `latency` counts answers by `contract.LATENCY_BOUNDS`; `busy_seconds` is the time in which requests were under way.
    """

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="hours")
    hour = models.DateTimeField()
    requests = models.BigIntegerField(default=0, help_text="answered well")
    errors = models.BigIntegerField(default=0)
    throttled = models.BigIntegerField(default=0, help_text="of the errors, those answered 429")
    output_tokens = models.BigIntegerField(default=0)
    busy_seconds = models.FloatField(default=0.0)
    latency = models.JSONField(default=list)

    class Meta:
        ordering = ["hour"]
        constraints = [models.UniqueConstraint(fields=["revision", "hour"], name="endpoint_hour_once")]

    def __str__(self) -> str:
        return f"{self.revision_id} {self.hour:%Y-%m-%d %H}h"


class Watch(models.Model):
    """An operated endpoint that is measured again and again, as `like` was, and compared with `baseline`.

    Budgets are of one check. `baseline` is another submission on the same suite: an earlier one of the endpoint, or one
    of the weights that are said to answer there.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="watches")
    like = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="+")
    baseline = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="+")
    every_days = models.PositiveIntegerField()
    budget_tokens = models.BigIntegerField(null=True, blank=True)
    budget_dollars = models.FloatField(null=True, blank=True)
    due_at = models.DateTimeField()
    problem = models.TextField(blank=True, help_text="why the newest check could not be submitted")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "baseline"], name="watch_once")]

    def __str__(self) -> str:
        return f"{self.endpoint} every {self.every_days} days"


class DriftCheck(models.Model):
    """A later run of an endpoint against an earlier one, or against local weights, on the same items, in points.

    `p` is of the whole suite and its tasks together; `task` names the task that it comes from, "" the suite. `drifted`:
    it is below `threshold`, which falls with the number of checks made before (`actions.drift`).
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="checks")
    baseline = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="checks_as_baseline")
    current = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="checks")
    number = models.PositiveIntegerField(help_text="of the checks against this baseline, from 1")
    items = models.PositiveIntegerField()
    difference = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    p = models.FloatField()
    task = models.CharField(max_length=120, blank=True)
    threshold = models.FloatField()
    word = models.CharField(max_length=12)
    drifted = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["baseline", "current"], name="drift_once")]

    def __str__(self) -> str:
        return f"{self.current_id} against {self.baseline_id}: {self.difference:+.2f}"
