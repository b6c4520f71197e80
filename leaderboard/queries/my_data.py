"""All that the site keeps of one person, for that person: what the law calls a copy of the data."""

from typing import Any

import msgspec
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession

from leaderboard.models import (
    ApiToken,
    Audit,
    BakeoffReader,
    Delivery,
    Follow,
    Grade,
    Judging,
    Membership,
    Owner,
    Submission,
    User,
    Webhook,
    WorkloadPart,
    WorkloadVersion,
)
from leaderboard.workloads.packed import items_in


def data_of(user: User) -> dict[str, Any]:
    """As JSON takes it. Secrets are not in it: of tokens and keys the site has only digests, or what it cannot show."""
    owner = Owner.objects.filter(user=user).first()
    return {
        "account": {
            "name": user.username, "email": user.email, "made": user.date_joined, "last_login": user.last_login,
            "mail_when_done": user.mail_when_done,
        },
        "emails": rows(EmailAddress.objects.filter(user=user), "email", "verified", "primary"),
        "elsewhere": rows(SocialAccount.objects.filter(user=user), "provider", "uid", "date_joined", "extra_data"),
        "sessions": rows(UserSession.objects.filter(user=user), "ip", "user_agent", "created_at"),
        "organisations": rows(Membership.objects.filter(user=user), "organisation__name", "role", "created_at"),
        "tokens": rows(
            ApiToken.objects.filter(user=user), "name", "owner__name", "scopes", "created_at", "expires_at",
            "revoked_at", "last_used_at",
        ),
        "submissions": rows(
            Submission.objects.filter(submitter=user), "id", "state", "requested_model", "requested_revision",
            "suite__slug", "settings", "score", "created_at", "finished_at",
        ),
        "follows": rows(
            Follow.objects.filter(made_by=user), "model", "suite__slug", "owner__name", "settings", "submitted_at",
            "created_at",
        ),
        "webhooks": rows(Webhook.objects.filter(owner=owner), "url", "created_at", "disabled_at") if owner else [],
        "messages": rows(Delivery.objects.filter(email=user.email), "submission", "state", "created_at")
        if user.email
        else [],
        "reports": rows(BakeoffReader.objects.filter(user=user), "bakeoff", "created_at"),
        "workloads": [workload(one) for one in versions(owner)] if owner else [],
        "judgings": rows(
            Judging.objects.filter(bakeoff__version__workload__owner=owner), "id", "bakeoff", "form", "rubric",
            "created_at",
        )
        if owner
        else [],
        "grades": rows(Grade.objects.filter(grader=user), "judging", "number", "outcome", "first_left", "said_at"),
        "audit": rows(Audit.objects.filter(actor=user.username), "at", "action", "subject", "reason"),
    }  # fmt: skip


def rows(found: Any, *fields: str) -> list[dict[str, Any]]:
    return list(found.order_by("pk").values(*fields))


def versions(owner: Owner) -> list[WorkloadVersion]:
    found = WorkloadVersion.objects.filter(workload__owner=owner).select_related("workload", "items")
    return list(found.order_by("workload", "number"))


def workload(version: WorkloadVersion) -> dict[str, Any]:
    """A version with its items, as they were taken."""
    parts = WorkloadPart.objects.filter(items=version.items).order_by("first")
    items = [msgspec.to_builtins(item) for part in parts for item in items_in(part.data)]
    told = {"name": version.workload.name, "version": version.number, "scoring": version.scoring}
    return told | {"created_at": version.created_at, "items": items}
