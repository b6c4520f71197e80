"""What can be evaluated: models, and the pinned revisions that really were."""

from django.db import models


class Model(models.Model):
    """A catalogue entry `org/name`. Facts about weights belong to its revisions."""

    class Kind(models.TextChoices):
        OPEN = "open", "open weights"
        PROPRIETARY = "proprietary", "proprietary"

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.OPEN)
    licence = models.CharField(max_length=100, blank=True)
    base_model = models.CharField(max_length=200, blank=True)
    modalities = models.JSONField(default=list)
    released_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def organisation(self) -> str:
        return self.name.split("/", 1)[0]

    @property
    def short_name(self) -> str:
        return self.name.split("/", 1)[-1]


class Revision(models.Model):
    """Weights pinned to a Hub commit, or to the digest of a mirror's folder (both 40 hex digits)."""

    class Source(models.TextChoices):
        HUB = "hub", "Hugging Face Hub"
        MIRROR = "mirror", "local mirror"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="revisions")
    sha = models.CharField(max_length=40)
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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "sha"], name="revision_once")]

    def __str__(self) -> str:
        return f"{self.model.name} {self.sha[:12]}"

    @property
    def short_sha(self) -> str:
        return self.sha[:8]
