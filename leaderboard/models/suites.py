"""Suites: immutable, versioned lists of tasks."""

from typing import ClassVar

from django.db import models

from leaderboard.models.accounts import Owner
from leaderboard.models.public import Public


class Bundle(models.Model):
    """The archive with a suite's own task files, named by its SHA-256 (hex)."""

    digest = models.CharField(max_length=64, primary_key=True)
    data = models.BinaryField()

    def __str__(self) -> str:
        return self.digest


class Suite(models.Model):
    """A released suite `name@version`; `definition` is its whole `SuiteSpec` as JSON.

    `imported`: its results were measured elsewhere; nobody evaluates it here. `owner`: of a workload's suite, which is
    nobody else's to see.
    """

    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    slug = models.CharField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    normalise = models.BooleanField(default=False)
    imported = models.BooleanField(default=False)
    definition = models.JSONField()
    bundle = models.ForeignKey(Bundle, null=True, blank=True, on_delete=models.PROTECT)
    owner = models.ForeignKey(Owner, null=True, blank=True, on_delete=models.PROTECT, related_name="suites")
    released_at = models.DateTimeField(auto_now_add=True)

    everything = models.Manager()
    objects: ClassVar[models.Manager["Suite"]] = Public(owner=None)

    class Meta:
        default_manager_name = "everything"
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="suite_version_once")]

    def __str__(self) -> str:
        return self.slug


class SuiteTask(models.Model):
    """One task of a suite and the number that is its score: (task, metric, filter, higher_is_better)."""

    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="tasks")
    position = models.PositiveSmallIntegerField()
    task = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    metric = models.CharField(max_length=60)
    filter = models.CharField(max_length=60)
    num_fewshot = models.PositiveSmallIntegerField(null=True, blank=True)
    limit = models.PositiveIntegerField(null=True, blank=True)
    higher_is_better = models.BooleanField(default=True)
    baseline = models.FloatField(default=0.0)

    everything = models.Manager()
    objects: ClassVar[models.Manager["SuiteTask"]] = Public(suite__owner=None)

    class Meta:
        default_manager_name = "everything"
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["suite", "task"], name="suite_task_once")]

    def __str__(self) -> str:
        return self.task
