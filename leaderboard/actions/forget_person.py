"""Delete an account: what is private goes, what was measured stays, and says no more whose it was."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from leaderboard.actions.cancel import cancel
from leaderboard.actions.delete_workload import delete_workload
from leaderboard.actions.organisations import keep_an_owner
from leaderboard.actions.sessions import end_sessions
from leaderboard.actions.webhooks import end_webhook
from leaderboard.models import (
    ApiToken,
    Audit,
    BakeoffReader,
    Delivery,
    Endpoint,
    Follow,
    Membership,
    Outbox,
    Owner,
    Submission,
    User,
    Webhook,
    Workload,
    WorkloadDraft,
)
from leaderboard.models.submissions import LIVE

GONE = "https://deleted.invalid/"


@transaction.atomic
def forget_person(*, user: User) -> Audit:
    """Delete `user`'s e-mail addresses, ways to log in, sessions, tokens, memberships, webhooks, keys and workloads;
    cancel what is live; the account stays as a name that nobody has, for what it submitted is part of the rankings.

    Raises Conflict for the only owner of an organisation, and while models are asked about a workload.
    """
    row = User.objects.select_for_update().get(pk=user.pk)
    for membership in Membership.objects.filter(user=row, role=Membership.Role.OWNER).select_related("organisation"):
        keep_an_owner(membership.organisation, membership)
    owner = Owner.objects.select_for_update().filter(user=row).first()
    if owner is not None:
        forget_things(owner)
    ApiToken.objects.filter(user=row).delete()
    for model in (Membership, EmailAddress, Authenticator, SocialAccount, BakeoffReader):
        model.objects.filter(user=row).delete()
    end_sessions(user=row)
    name = f"deleted-{row.pk}"
    row.set_unusable_password()
    User.objects.filter(pk=row.pk).update(
        username=name, email="", first_name="", last_name="", password=row.password, is_active=False, is_staff=False,
        is_superuser=False, mail_when_done=False,
    )  # fmt: skip
    Owner.objects.filter(user=row).update(name=name, skeleton=None)
    return Audit.objects.create(
        actor=name, action="forget_person", subject=f"user {row.pk}", reason="asked for by the person"
    )


def forget_things(owner: Owner) -> None:
    """What belongs to the person alone."""
    for submission in Submission.objects.filter(owner=owner, state__in=LIVE).order_by("pk"):
        cancel(submission=submission.pk, owner=owner)
    for webhook in Webhook.objects.filter(owner=owner).order_by("pk"):
        end_webhook(webhook=webhook.pk, reason="Its owner deleted their account.")
    Webhook.objects.filter(owner=owner).update(url=GONE)
    mails = Delivery.objects.filter(submission__owner=owner, webhook=None)
    Outbox.objects.filter(kind=Outbox.Kind.DELIVER, subject__in=list(mails.values_list("pk", flat=True))).delete()
    mails.delete()
    Endpoint.objects.filter(owner=owner).update(sealed_key="")
    WorkloadDraft.objects.filter(owner=owner).delete()
    Follow.objects.filter(owner=owner).delete()
    for workload in Workload.objects.filter(owner=owner).order_by("pk"):
        delete_workload(owner=owner, workload=workload.pk)
