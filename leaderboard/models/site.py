"""What the staff says to everybody, and whether anything may be changed."""

from django.db import models


class SiteState(models.Model):
    """The one row of it; none means that nothing is said and everything works."""

    ONLY = 1

    banner = models.CharField(max_length=300, blank=True, help_text="stands on every page; empty: nothing does")
    read_only = models.BooleanField(default=False, help_text="people and programs change nothing; workers go on")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(name="site_state_once", condition=models.Q(pk=1))]

    def __str__(self) -> str:
        return "read-only" if self.read_only else "open"
