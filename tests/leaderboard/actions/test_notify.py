"""Who is told, when, and what an e-mail says."""

import threading
from smtplib import SMTPRecipientsRefused, SMTPResponseException

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connections, transaction
from pytest_django import Settings as DjangoSettings

from evaluator.contract import ClaimRequest, Failure
from leaderboard import sealing
from leaderboard.actions import lease, record
from leaderboard.actions.accounts import choose_mail, create_person
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.submit import submit
from leaderboard.actions.transitions import IllegalMove, move_submission
from leaderboard.actions.validate import reject
from leaderboard.actions.webhooks import MOST, add_webhook, disable_webhook, reseal_webhooks
from leaderboard.messages import SEAL
from leaderboard.models import Delivery, Outbox, Owner, Submission, Suite, User, Webhook, WorkerToken
from leaderboard.models.submissions import SUBMISSION_MOVES
from tests.leaderboard.notices import TRIES, Make, end, only, ring_all

pytestmark = pytest.mark.django_db
FINAL = {"succeeded", "rejected", "failed", "cancelled", "quarantined", "retracted"}
URL = "https://hooks.example.org/in"
ADDRESS = "ada@example.org"


@pytest.fixture
def webhook(owner: Owner) -> Webhook:
    return add_webhook(owner=owner, url=URL)[0]


@pytest.fixture
def reader(person: User) -> User:
    User.objects.filter(pk=person.pk).update(email=ADDRESS)
    return person


@pytest.mark.parametrize(("before", "after"), [(b, a) for b, some in SUBMISSION_MOVES.items() for a in sorted(some)])
def test_every_arrival_in_a_final_state_is_announced(
    webhook: Webhook, make_submission: Make, before: str, after: str
) -> None:
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(state=before)
    end(row, after, before)
    assert Delivery.objects.count() == Outbox.objects.filter(kind="deliver").count() == (after in FINAL)
    if after in FINAL:
        assert (only().submission, only().webhook, only().state) == (row, webhook, "waiting")
        assert Outbox.objects.get(kind="deliver").subject == only().pk
        assert Outbox.objects.get(kind="deliver").queue == "notices"


def test_the_real_ways_to_an_end_all_announce(
    webhook: Webhook, owner: Owner, suite: Suite, make_submission: Make, worker_token: WorkerToken
) -> None:
    rejected = submit(owner=owner, submitter=owner.user, suite=suite.slug, model="org/rejected")
    reject(row=rejected, code="too_large", message="It is too large.")
    cancelled = make_submission("org/cancelled")
    cancel(submission=cancelled.pk, owner=owner)
    failed = make_submission("org/failed")
    spec = lease.claim(token=worker_token, request=ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",)))
    assert spec is not None
    told = Failure(attempt=1, kind="model", code="broken", message="No weights.", log="")
    record.record_failure(job=spec.job, token=spec.token, failure=told)
    assert set(Delivery.objects.values_list("submission", flat=True)) == {rejected.pk, cancelled.pk, failed.pk}


def test_a_move_that_fails_or_is_taken_back_announces_nothing(webhook: Webhook, make_submission: Make) -> None:
    row = make_submission()
    with pytest.raises(IllegalMove):
        move_submission(submission=row.pk, before="running", after="failed", actor="test")
    with transaction.atomic():
        end(row)
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    assert not Outbox.objects.exists()


def test_a_second_end_overtakes_the_first_under_a_new_key(webhook: Webhook, make_submission: Make) -> None:
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(state="scoring")
    end(row, "quarantined", "scoring")
    Delivery.objects.update(state="dead", tries=8, last_error="It answered 500.", last_status=500)
    first = only()
    end(row, "succeeded", "quarantined")
    again = only()
    assert (again.pk, again.state, again.tries, again.last_error, again.last_status) == (
        first.pk,
        "waiting",
        0,
        "",
        None,
    )
    assert again.key != first.key
    assert again.created_at > first.created_at


def test_only_active_webhooks_of_the_owner_are_told(owner: Owner, webhook: Webhook, make_submission: Make) -> None:
    other = create_person(username="grace", password=None).owner
    add_webhook(owner=other, url=URL)
    second, _ = add_webhook(owner=owner, url="https://hooks.example.org/second")
    disable_webhook(webhook=webhook.pk, owner=owner)
    end(make_submission())
    assert only().webhook == second


@pytest.mark.parametrize(
    "changes", [{"mail_when_done": False}, {"email": ""}, {"is_active": False}], ids=["does not want", "none", "closed"]
)
def test_who_wants_none_or_has_no_address_gets_no_mail(
    reader: User, make_submission: Make, changes: dict[str, object]
) -> None:
    User.objects.filter(pk=reader.pk).update(**changes)
    end(make_submission())
    assert not Delivery.objects.exists()


def test_nobody_is_written_to_for_a_submitter_who_is_gone(reader: User, make_submission: Make) -> None:
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(submitter=None)
    end(row)
    assert not Delivery.objects.exists()


def test_a_site_without_mail_writes_to_nobody(reader: User, make_submission: Make, settings: DjangoSettings) -> None:
    end(make_submission("org/before"))
    settings.SENDS_MAIL = False
    end(make_submission("org/after"))
    ring_all()
    assert mail.outbox == []
    assert (only().state, only().last_error) == ("dead", "This site sends no e-mail: EMAIL_URL is not set.")


def test_the_mail_says_what_happened(reader: User, make_submission: Make) -> None:
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(state="scoring")
    end(row, "succeeded", "scoring", score=61.254, stderr=1.5)
    ring_all()
    (sent,) = mail.outbox
    assert sent.subject == "[Parity] org/model on tiny@1: succeeded, 61.25 ± 1.50"
    assert (sent.to, sent.cc, sent.bcc) == ([ADDRESS], [], [])
    assert sent.from_email == "parity@127.0.0.1"
    assert sent.body == (
        "The evaluation is finished.\n\n"
        "Model     org/model\n"
        "Suite     tiny@1\n"
        "Score     61.25 ± 1.50\n"
        f"Page      http://127.0.0.1:8000/submissions/{row.pk}\n\n"
        "--\n"
        "You get this because you submitted the model. To get no such e-mail:\n"
        "http://127.0.0.1:8000/settings/notices\n"
    )
    whole = sent.message()
    assert whole["Message-ID"] == f"<msg_{only().key.hex}@127.0.0.1>"
    assert (whole["Auto-Submitted"], whole.get_content_type()) == ("auto-generated", "text/plain")
    assert (only().state, only().tries) == ("delivered", 1)


def test_the_mail_of_a_failure_quotes_the_reason_with_nothing_hidden(reader: User, make_submission: Make) -> None:
    end(
        make_submission(),
        "failed",
        error_code="x",
        error_message="It broke.\r\n\u202eSubject: gone\x1b[2J" + "y" * 9_000,
    )
    ring_all()
    (sent,) = mail.outbox
    assert sent.subject == "[Parity] org/model on tiny@1: failed"
    assert "What was said:\n  It broke.\n  ⟨U+202E⟩Subject: gone⟨U+001B⟩[2J" in sent.body
    assert len(sent.body) < 3_000


@pytest.mark.parametrize("line", ["\n", "\r\n", "\r", "\x0b", "\u2028", "\x85"])
def test_no_header_can_be_injected(reader: User, make_submission: Make, line: str) -> None:
    row = make_submission(f"org/model{line}Bcc: eve@example.org")
    end(row, "failed", error_message=f"a{line}Bcc: eve@example.org")
    ring_all()
    (sent,) = mail.outbox
    head, _, _ = sent.message().as_bytes().partition(b"\n\n")
    assert not [one for one in head.splitlines() if one.lower().startswith(b"bcc")]
    assert sent.recipients() == [ADDRESS]
    User.objects.filter(pk=reader.pk).update(email=f"{ADDRESS}{line}Bcc: eve@example.org")
    other = make_submission("org/other")
    end(other)
    ring_all()
    assert len(mail.outbox) == 1
    refused = Delivery.objects.get(submission=other)
    assert (refused.state, refused.last_error) == ("dead", "This is not an e-mail address.")


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SMTPResponseException(550, b"No such user here"), 550, "The mail server refused it (550)."),
        (SMTPRecipientsRefused({ADDRESS: (550, b"no")}), None, "could not be used (SMTPRecipientsRefused)"),
        (ConnectionRefusedError(111, "secret.mail.internal"), None, "could not be used (ConnectionRefusedError)"),
    ],
)
def test_a_mail_server_that_fails_is_tried_again_and_then_dead(
    reader: User, make_submission: Make, monkeypatch: pytest.MonkeyPatch, error: Exception, status: object, words: str
) -> None:
    def refuse(self: object, messages: object) -> int:
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    end(make_submission())
    ring_all()
    assert (only().state, only().last_status) == ("waiting", status)
    assert words in only().last_error
    assert "internal" not in only().last_error
    ring_all(TRIES)
    assert only().state == "dead"


def test_the_toggle(reader: User) -> None:
    for wanted in (False, True):
        choose_mail(user=reader, wanted=wanted)
        reader.refresh_from_db()
        assert reader.mail_when_done is wanted


def test_a_webhook_is_kept_with_its_secret_sealed(owner: Owner) -> None:
    webhook, secret = add_webhook(owner=owner, url=" HTTPS://Hooks.Example.ORG:443/In?a=b ")
    assert webhook.url == "https://hooks.example.org/In?a=b"
    assert secret.startswith("whsec_") and len(secret) == 50
    assert secret not in webhook.secret
    assert sealing.unseal(webhook.secret, purpose=SEAL) == secret
    assert add_webhook(owner=owner, url=URL)[1] != secret


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://10.0.0.1/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://169.254.169.254/", "private_address"),
        ("https://localhost:8000/", "private_address"),
        ("http://hooks.example.org/", "not_https"),
        ("https://u:p@hooks.example.org/", "userinfo"),
        ("hooks.example.org", "bad_url"),
        ("https://hooks.example.org/" + "x" * 500, "bad_url"),
        ("https://hooks.example.org/\x00", "bad_url"),
        ("https://hooks.example.org/\ud800", "bad_url"),
    ],
)
def test_an_address_that_may_not_be_contacted_is_refused_at_once(owner: Owner, url: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        add_webhook(owner=owner, url=url)
    assert (refusal.value.code, refusal.value.field, refusal.value.status) == (code, "url", 400)
    assert not Webhook.objects.exists()


def test_the_same_address_twice_is_a_conflict_until_it_is_disabled(owner: Owner, webhook: Webhook) -> None:
    with pytest.raises(Conflict):
        add_webhook(owner=owner, url="https://HOOKS.example.org/in")
    disable_webhook(webhook=webhook.pk, owner=owner)
    assert add_webhook(owner=owner, url=URL)[0].pk != webhook.pk


@pytest.mark.django_db(transaction=True)
def test_there_are_at_most_ten_also_when_they_come_at_once(owner: Owner) -> None:
    for number in range(MOST - 1):
        add_webhook(owner=owner, url=f"{URL}/{number}")
    outcomes: list[object] = []
    barrier = threading.Barrier(4)

    def add(number: int) -> None:
        barrier.wait()
        try:
            outcomes.append(add_webhook(owner=owner, url=f"{URL}/more/{number}"))
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=add, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Webhook.objects.filter(disabled_at=None).count() == MOST
    assert outcomes.count("too_many_webhooks") == 3
    disable_webhook(webhook=Webhook.objects.earliest("pk").pk, owner=owner)
    add_webhook(owner=owner, url=f"{URL}/again")


def test_only_its_owner_disables_a_webhook_and_only_once(owner: Owner, webhook: Webhook, make_submission: Make) -> None:
    end(make_submission())
    other = create_person(username="grace", password=None).owner
    with pytest.raises(NotFound):
        disable_webhook(webhook=webhook.pk, owner=other)
    disable_webhook(webhook=webhook.pk, owner=owner)
    assert (only().state, only().last_error) == ("dead", "The webhook was disabled.")
    assert not Outbox.objects.exists()
    with pytest.raises(NotFound):
        disable_webhook(webhook=webhook.pk, owner=owner)


def test_after_a_change_of_the_key_secrets_are_sealed_anew(
    owner: Owner, settings: DjangoSettings, caplog: pytest.LogCaptureFixture
) -> None:
    old = settings.SECRET_KEY
    webhook, secret = add_webhook(owner=owner, url=URL)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, [old]
    assert reseal_webhooks() == 1
    settings.SECRET_KEY_FALLBACKS = []
    webhook.refresh_from_db()
    assert sealing.unseal(webhook.secret, purpose=SEAL) == secret
    settings.SECRET_KEY = "lost" * 20
    assert reseal_webhooks() == 0
    assert "cannot be decrypted" in caplog.text
