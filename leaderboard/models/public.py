"""Managers of rows that may be somebody's own: whoever asks without saying so sees only what everybody may see."""

from typing import Any, Generic, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


class Public(models.Manager[Row], Generic[Row]):
    """Rows that anybody may see: `where` holds for them.

    `objects` of suites, submissions, jobs, results, models and revisions is one, so that a listing that knows nothing
    of workloads shows none. Actions and an owner's own pages say `everything`, which is also what Django follows from
    row to row (`default_manager_name`).
    """

    def __init__(self, **where: Any) -> None:
        super().__init__()
        self._where = where

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().filter(**self._where)
