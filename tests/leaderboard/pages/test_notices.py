import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings
from pytest_django.asserts import assertRedirects

from leaderboard import sealing
from leaderboard.actions.webhooks import MOST, add_webhook
from leaderboard.messages import SEAL
from leaderboard.models import Delivery, Outbox, Owner, User, Webhook
from tests.leaderboard.notices import Make, end
from tests.leaderboard.pages.html import Element, tree
from tests.leaderboard.pages.test_submit import errors

pytestmark = pytest.mark.django_db
PAGE, URL = "/settings/notices", "https://hooks.example.org/in?key=1"


@pytest.fixture
def webhook(owner: Owner) -> Webhook:
    return add_webhook(owner=owner, url=URL)[0]


@pytest.fixture
def dead(webhook: Webhook, make_submission: Make) -> Delivery:
    end(make_submission("org/dead"))
    Delivery.objects.update(state="dead", tries=8, last_error="It answered 500.\u202e", last_status=500)
    end(make_submission("org/waiting"))
    Outbox.objects.all().delete()
    return Delivery.objects.get(state="dead")


def section(page: Element, title: str) -> Element:
    return next(one for one in page.all("section") if one.one("h2").text.startswith(title))


def test_without_an_account_one_is_sent_to_log_in(client: Client) -> None:
    assertRedirects(client.get(PAGE), f"/login?next={PAGE}")
    for path in (PAGE, f"{PAGE}/mail", f"{PAGE}/webhooks/1/disable", f"{PAGE}/deliveries/1/again"):
        assert client.post(path).status_code == 302


def test_the_header_leads_there(member: Client, client: Client) -> None:
    settings = tree(member.get("/")).one("header").links()["Settings"]
    assert tree(member.get(settings)).one("nav", "settings").links()["Notices"] == PAGE
    assert "Settings" not in tree(client.get("/")).one("header").links()
    page = tree(member.get(PAGE))
    assert page.one("header").one("a", aria_current="page").text == "Settings"
    assert page.one("nav", "settings").one("a", aria_current="page").text == "Notices"


def test_a_webhook_is_added_and_its_secret_shown_on_that_reply_alone(member: Client) -> None:
    reply = member.post(PAGE, {"url": URL})
    webhook = Webhook.objects.get()
    secret = sealing.unseal(webhook.secret, purpose=SEAL)
    assert reply.status_code == 200
    assert "no-store" in reply["Cache-Control"]
    assert tree(reply).one("code", id="secret").text == secret
    assert section(tree(reply), "Webhooks").one("span", "place").text == URL
    for later in (member.get(PAGE), member.get("/"), member.get(f"/submissions/{webhook.pk}")):
        assert secret not in later.content.decode() and webhook.secret not in later.content.decode()


@pytest.mark.parametrize(
    ("url", "words", "status"),
    [
        ("https://10.0.0.1/", "10.0.0.1 is refused: its address is private.", 400),
        ("http://hooks.example.org/", "hooks.example.org is only contacted over https://.", 400),
        ("https://a\u202eb.org/", "a character that cannot be seen", 400),
        ("", "This field is required.", 400),
        (URL, "You have a webhook with this address already.", 409),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    member: Client, webhook: Webhook, url: str, words: str, status: int
) -> None:
    reply = member.post(PAGE, {"url": url})
    assert reply.status_code == status
    assert words in errors(tree(reply))["url"]
    assert tree(reply).one("input", name="url").get("value") == (url or None)
    assert Webhook.objects.count() == 1


def test_the_eleventh_is_refused_in_words(member: Client, owner: Owner) -> None:
    for number in range(MOST):
        add_webhook(owner=owner, url=f"{URL}{number}")
    reply = member.post(PAGE, {"url": URL})
    assert reply.status_code == 409
    assert f"You have {MOST} webhooks" in errors(tree(reply))[""]


def test_the_button_disables(member: Client, webhook: Webhook) -> None:
    form = section(tree(member.get(PAGE)), "Webhooks").one("form")
    assert form.one("button")["aria-label"] == f"Disable {URL}"
    assertRedirects(member.post(form["action"]), PAGE)
    webhook.refresh_from_db()
    assert webhook.disabled_at is not None
    page = tree(member.get(PAGE))
    assert "None yet" in section(page, "Webhooks").text


def test_what_did_not_arrive_says_why_and_is_sent_again(member: Client, dead: Delivery) -> None:
    page = tree(member.get(PAGE))
    (line,) = section(page, "Not delivered").all("li")
    assert line.links() == {f"Submission {dead.submission_id} org/dead": f"/submissions/{dead.submission_id}"}
    for words in (URL, "Dead", "It answered 500.⟨U+202E⟩", "8 tries"):
        assert words in line.text
    assert [one.text for one in section(page, "Sent lately").all("span", "state")] == ["Waiting"]
    reply = member.post(line.one("form")["action"], follow=True)
    assert "It is being sent again." in tree(reply).one("p", "notice").text
    dead.refresh_from_db()
    assert (dead.state, dead.tries) == ("waiting", 0)
    assert Outbox.objects.get().subject == dead.pk


def test_nothing_can_be_sent_again_to_a_disabled_webhook(member: Client, dead: Delivery) -> None:
    member.post(f"{PAGE}/webhooks/{dead.webhook_id}/disable")
    assert not section(tree(member.get(PAGE)), "Not delivered").all("form")
    assert member.post(f"{PAGE}/deliveries/{dead.pk}/again").status_code == 409


def test_others_see_and_change_nothing(stranger: Client, dead: Delivery) -> None:
    assert URL not in stranger.get(PAGE).content.decode()
    assert stranger.post(f"{PAGE}/webhooks/{dead.webhook_id}/disable").status_code == 404
    assert stranger.post(f"{PAGE}/deliveries/{dead.pk}/again").status_code == 404
    assert Webhook.objects.get().disabled_at is None


def test_the_mail_toggle(member: Client, person: User, settings: DjangoSettings) -> None:
    assert "no e-mail address" in section(tree(member.get(PAGE)), "E-mail").text
    User.objects.update(email="ada@example.org")
    for sent, wanted in (({}, False), ({"mail": "on"}, True)):
        assertRedirects(member.post(f"{PAGE}/mail", sent), PAGE)
        person.refresh_from_db()
        assert person.mail_when_done is wanted
        box = section(tree(member.get(PAGE)), "E-mail").one("input", name="mail")
        assert ("checked" in box.attributes) is wanted
    settings.SENDS_MAIL = False
    assert section(tree(member.get(PAGE)), "E-mail").text == "E-mail This site sends no e-mail."


def test_a_form_of_another_site_is_refused(person: User, webhook: Webhook) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    for path in (PAGE, f"{PAGE}/mail", f"{PAGE}/webhooks/{webhook.pk}/disable", f"{PAGE}/deliveries/1/again"):
        assert client.post(path, {"url": "https://evil.example.org/"}).status_code == 403
    assert Webhook.objects.get() == webhook
    assert webhook.disabled_at is None


def test_an_account_that_owns_nothing_yet_can_read_and_add(client: Client) -> None:
    client.force_login(User.objects.create_user(username="root"))
    assert client.get(PAGE).status_code == 200
    assert not Owner.objects.exists()
    assert client.post(PAGE, {"url": URL}).status_code == 200
    assert Webhook.objects.get().owner.name == "root"
