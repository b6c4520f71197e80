"""People, owners, tokens and workers. Tokens are kept only as SHA-256 digests: they are 256 random bits."""

from datetime import date

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who logs in. What they own hangs on their Owner row."""

    mail_when_done = models.BooleanField(default=True, help_text="an e-mail at the end of each submission")


class Owner(models.Model):
    """Who a submission belongs to: a person, or an organisation."""

    class Kind(models.TextChoices):
        PERSON = "person"
        ORGANISATION = "organisation"

    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=150, unique=True)
    skeleton = models.CharField(
        max_length=150, unique=True, null=True, blank=True, help_text="the name as it looks; null: older than this rule"
    )
    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.CASCADE, related_name="owner")
    day_cap = models.PositiveIntegerField(null=True, blank=True, help_text="submissions a day; null: the site's")
    month_cap = models.PositiveIntegerField(null=True, blank=True, help_text="submissions a month; null: the site's")
    live_cap = models.PositiveIntegerField(null=True, blank=True, help_text="live at once; null: the site's")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="owner_person_has_user",
                condition=models.Q(kind="person", user__isnull=False)
                | models.Q(kind="organisation", user__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Usage(models.Model):
    """How much of one quota an owner has used: of a day's, of a month's, or of what may be live at once.

    `starts_on` is the first day of the period; for what is live it is always `FOREVER`.
    """

    class Period(models.TextChoices):
        DAY = "day"
        MONTH = "month"
        LIVE = "live"

    FOREVER = date(1970, 1, 1)

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="usage")
    period = models.CharField(max_length=5, choices=Period)
    starts_on = models.DateField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "period", "starts_on"], name="usage_once")]

    def __str__(self) -> str:
        return f"{self.owner}: {self.used} this {self.period}"


class Membership(models.Model):
    """What somebody may do for an organisation: a viewer reads what is its own, a member also acts for it, an owner
    also says who belongs to it and ends its tokens."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MEMBER = "member"
        VIEWER = "viewer"

    organisation = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user.username}, {self.role} of {self.organisation}"


def everything() -> list[str]:
    """The scopes of a token of which nothing else is said."""
    return ["submit", "manage"]


class ApiToken(models.Model):
    """A bearer token of the public API, acting for one owner. Every token reads; `scopes` say what else it does."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="tokens")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=everything)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="as it was counted last; see last_used.py")

    def __str__(self) -> str:
        return f"{self.name} of {self.owner}"


class WorkerToken(models.Model):
    """Lets workers claim jobs. `trusted`: their results are ranked, others wait for a share (`actions.share`)."""

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    trusted = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """A worker as it last described itself."""

    token = models.ForeignKey(WorkerToken, on_delete=models.CASCADE, related_name="workers")
    name = models.CharField(max_length=200)
    queues = models.JSONField(default=list)
    engines = models.JSONField(default=list)
    hardware = models.CharField(max_length=300, blank=True)
    memory_bytes = models.BigIntegerField(null=True, blank=True, help_text="for models; null: it did not say")
    architectures = models.JSONField(default=list, help_text="what it can run; empty: whatever its engines can")
    edition = models.PositiveIntegerField(default=1, help_text="of the contract that it speaks")
    drained_at = models.DateTimeField(null=True, blank=True, help_text="gets no more jobs since; null: it does")
    first_seen_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "name"], name="worker_name_once")]

    def __str__(self) -> str:
        return self.name
