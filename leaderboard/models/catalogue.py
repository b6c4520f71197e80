"""What can be evaluated: models, and the pinned revisions that really were; and who says what about them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Func, Value

from leaderboard.models.accounts import User
from leaderboard.models.public import Public


class Model(models.Model):
    """A catalogue entry `org/name`. Facts about weights belong to its revisions.

    Every fact is a column, so that a board can be filtered by it; "" or null: nobody said. A column holds the best
    statement there is: the site's staff (`Fact`), then the Hub as the validator read it, then the catalogue of
    proprietary models (`Fact`, `Price`), then an imported table (`Imported`). Prices are US dollars for a million
    tokens.
    """

    class Kind(models.TextChoices):
        OPEN = "open", "open weights"
        PROPRIETARY = "proprietary", "proprietary"

    class Training(models.TextChoices):
        PRETRAINED = "pretrained", "pretrained"
        CONTINUED = "continued", "continuously pretrained"
        FINETUNED = "finetuned", "fine-tuned"
        CHAT = "chat", "chat"
        MERGE = "merge", "merge"
        MULTIMODAL = "multimodal", "multimodal"
        OTHER = "other", "other"

    class LicenceFamily(models.TextChoices):
        PERMISSIVE = "permissive", "permissive"
        COPYLEFT = "copyleft", "copyleft"
        COMMUNITY = "community", "open with conditions"
        NONCOMMERCIAL = "noncommercial", "not for commercial use"
        OTHER = "other", "other"

    name = models.CharField(max_length=200, unique=True)
    organisation = models.GeneratedField(
        expression=Func(F("name"), Value("/"), Value(1), function="split_part"),
        output_field=models.CharField(max_length=200),
        db_persist=True,
    )
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.OPEN)
    licence = models.CharField(max_length=100, blank=True)
    licence_family = models.CharField(max_length=14, choices=LicenceFamily, blank=True)
    base_model = models.CharField(max_length=200, blank=True)
    training = models.CharField(max_length=12, choices=Training, blank=True)
    modalities = models.JSONField(default=list)
    context_length = models.IntegerField(null=True, blank=True, help_text="of a model that has no revisions")
    input_price = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    output_price = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    official = models.BooleanField(null=True, blank=True, help_text="published by who made it")
    merged = models.BooleanField(null=True, blank=True, help_text="made by merging other models' weights")
    mixture = models.BooleanField(null=True, blank=True, help_text="a mixture of experts")
    flagged = models.BooleanField(null=True, blank=True, help_text="the source doubts its scores")
    available = models.BooleanField(null=True, blank=True, help_text="still on the Hub, by the import's date")
    likes = models.PositiveIntegerField(null=True, blank=True, help_text="on the Hub, by the import's date")
    released_on = models.DateField(null=True, blank=True)
    hidden = models.BooleanField(
        default=False, db_default=False, help_text="known from workloads alone: nobody is told of it"
    )
    refreshed_at = models.DateTimeField(null=True, blank=True, help_text="when its repository was read again last")
    created_at = models.DateTimeField(auto_now_add=True)

    everything = models.Manager()
    objects: ClassVar[models.Manager["Model"]] = Public(hidden=False)

    class Meta:
        default_manager_name = "everything"
        indexes = [
            models.Index(fields=["organisation"], name="model_organisation"),
            models.Index(fields=["licence_family"], name="model_licence_family"),
            models.Index(fields=["base_model"], name="model_base_model"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def short_name(self) -> str:
        return self.name.split("/", 1)[-1]


class Fact(models.Model):
    """One statement about one column of a model, with its source. The staff's wins over the catalogue's."""

    class Origin(models.TextChoices):
        STAFF = "staff", "this site's staff"
        CATALOGUE = "catalogue", "catalogue"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="facts")
    field = models.CharField(max_length=40)
    origin = models.CharField(max_length=10, choices=Origin)
    value = models.JSONField(help_text="as JSON: dates as 2026-11-24, prices as texts")
    replaced = models.JSONField(null=True, blank=True, help_text="of the staff: what would stand there without it")
    source = models.CharField(max_length=300)
    as_of = models.DateField(help_text="when the source said so, or was read")
    stated_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="facts")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["field", "origin"]
        constraints = [models.UniqueConstraint(fields=["model", "field", "origin"], name="fact_once")]

    def __str__(self) -> str:
        return f"{self.field} of {self.model_id}: {self.value} ({self.source})"


class Price(models.Model):
    """What a provider asks for a model from a day on, US dollars for a million tokens, as a source has it.

    `detail` holds every price as the source names it, tiers included. `replaced_at`: the source says otherwise since.
    """

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="prices")
    starts_on = models.DateField(null=True, blank=True, help_text="null: from the beginning")
    input_price = models.DecimalField(max_digits=14, decimal_places=6)
    output_price = models.DecimalField(max_digits=14, decimal_places=6)
    detail = models.JSONField()
    source = models.CharField(max_length=300)
    source_url = models.CharField(max_length=300, blank=True)
    read_on = models.DateField(help_text="when the source was first read that says so")
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["model_id", "starts_on", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "starts_on"],
                name="price_once",
                condition=models.Q(replaced_at__isnull=True),
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.input_price} / {self.output_price} from {self.starts_on}"


class Revision(models.Model):
    """Weights pinned to a Hub commit, or to the digest of a mirror's folder (both 40 hex digits).

    A revision that only an imported table names was never looked at; where it names none, `sha` is "". Of an endpoint
    it is made of what is known from outside: `origin`, the name `served` there, and the preflight's `fingerprint`.

    An adapter's revision is its own `sha` and its base's, `base_sha` of `base_name`, together: on a newer base it is
    another one. What is said of size and architecture is the base's, and `size_bytes` counts both.
    """

    class Source(models.TextChoices):
        HUB = "hub", "Hugging Face Hub"
        MIRROR = "mirror", "local mirror"
        IMPORT = "import", "named by an import, not checked"
        ENDPOINT = "endpoint", "behind an API"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="revisions")
    sha = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=8, choices=Source)
    architecture = models.CharField(max_length=200, blank=True)
    model_type = models.CharField(max_length=100, blank=True)
    parameters = models.BigIntegerField(null=True, blank=True)
    active_parameters = models.BigIntegerField(null=True, blank=True)
    context_length = models.IntegerField(null=True, blank=True)
    dtype = models.CharField(max_length=20, blank=True)
    chat_template = models.BooleanField(default=False)
    gated = models.BooleanField(default=False)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    origin = models.CharField(max_length=300, blank=True)
    served = models.CharField(max_length=120, blank=True)
    fingerprint = models.CharField(max_length=200, blank=True)
    base_name = models.CharField(max_length=200, blank=True, default="", db_default="", help_text="of an adapter")
    base_sha = models.CharField(max_length=40, blank=True, default="", db_default="", help_text="of an adapter")
    hidden = models.BooleanField(
        default=False, db_default=False, help_text="known from workloads alone: nobody is told of it"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    everything = models.Manager()
    objects: ClassVar[models.Manager["Revision"]] = Public(hidden=False)

    class Meta:
        default_manager_name = "everything"
        indexes = [
            models.Index(fields=["origin", "served"], name="revision_origin", condition=~models.Q(origin="")),
            models.Index(fields=["architecture"], name="revision_architecture"),
            models.Index(fields=["parameters"], name="revision_parameters"),
        ]
        constraints = [models.UniqueConstraint(fields=["model", "sha", "base_sha"], name="revision_once")]

    def __str__(self) -> str:
        return f"{self.model.name} {self.sha[:12]}"

    @property
    def short_sha(self) -> str:
        return self.sha[:8]
