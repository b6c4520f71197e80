from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from leaderboard.actions.claims import seed_claims, state_claim, withdraw_claim
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.models import Audit, Claim, User

pytestmark = pytest.mark.django_db
TERMS = {"test": "longer_context", "first": {"kind": "open"}, "second": {"kind": "proprietary"}, "at_least": 10,
         "at_most": 5}  # fmt: skip


@pytest.fixture
def staff(person: User) -> User:
    User.objects.filter(pk=person.pk).update(is_staff=True)
    person.refresh_from_db()
    return person


def state(by: User, **changed: object) -> Claim:
    return state_claim(**{"slug": "a", "text": "It is so.", "who": "somebody", "terms": TERMS, "by": by, **changed})  # type: ignore[arg-type]


def test_a_claim_is_stated_withdrawn_and_stated_anew(staff: User) -> None:
    first = state(staff)
    with pytest.raises(Conflict, match="withdraw it before"):
        state(staff)
    withdraw_claim(slug="a", reason="It was misquoted.", by=staff)
    assert state(staff, text="It is otherwise.").pk != first.pk
    assert Claim.objects.get(pk=first.pk).withdrawn_reason == "It was misquoted."
    assert list(Audit.objects.values_list("action", flat=True)) == ["claim stated", "claim withdrawn", "claim stated"]
    with pytest.raises(IntegrityError, match="append-only"):
        Claim.objects.filter(pk=first.pk).update(text="other")


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"slug": "A b"}, "slug"), ({"text": " "}, "text"), ({"who": ""}, "who"), ({"url": "javascript:alert(1)"}, "url"),
     ({"terms": {"test": "magic"}}, "terms"), ({"terms": None}, "terms")],
)  # fmt: skip
def test_what_is_wrong_is_named(staff: User, changed: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        state(staff, **changed)
    assert refusal.value.field == field
    assert not Claim.objects.exists()


def test_only_staff_states_and_withdraws_with_a_reason(person: User) -> None:
    with pytest.raises(Refused, match="staff"):
        state(person)
    with pytest.raises(Refused, match="staff"):
        withdraw_claim(slug="a", reason="x", by=person)


def test_withdrawing_needs_a_claim_and_a_reason(staff: User) -> None:
    with pytest.raises(Refused, match="reason"):
        withdraw_claim(slug="a", reason=" ", by=staff)
    with pytest.raises(NotFound):
        withdraw_claim(slug="a", reason="x", by=staff)


def test_a_site_begins_with_four_and_keeps_what_was_withdrawn(staff: User) -> None:
    assert (seed_claims(), seed_claims()) == (4, 0)
    withdraw_claim(slug="within-2-percent", reason="x", by=staff)
    assert seed_claims() == 0


def test_the_command(staff: User, tmp_path: Path) -> None:
    (tmp_path / "terms.json").write_text(
        '{"test": "longer_context", "first": {}, "second": {}, "at_least": 1, "at_most": 1}'
    )
    (tmp_path / "broken.json").write_text("{")
    said, by = StringIO(), staff.username
    common = ["b", "--text", "So.", "--who", "me", "--by", by]
    call_command("state_claim", *common, "--terms", str(tmp_path / "terms.json"), stdout=said)
    call_command("state_claim", "b", "--by", by, "--withdraw", "No.", stdout=said)
    assert said.getvalue() == "b: stated\nb: withdrawn\n"
    for wrong in (common, [*common, "--terms", str(tmp_path / "broken.json")], ["b", "--by", "nobody"]):
        with pytest.raises(CommandError) as refusal:
            call_command("state_claim", *wrong)
        assert refusal.value.returncode == 2
