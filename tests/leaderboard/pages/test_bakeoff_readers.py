"""A report shared with named people: who may read what of it, until when, and what the audit says."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leaderboard.actions.accounts import create_person
from leaderboard.actions.bakeoff_readers import MOST, add_reader
from leaderboard.actions.delete_workload import delete_workload
from leaderboard.actions.errors import Conflict
from leaderboard.models import Audit, Bakeoff, BakeoffReader, Membership, Owner, User, WorkerToken
from tests.leaderboard import bakeoffs

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


@pytest.fixture
def grace(db: None) -> User:
    return create_person(username="grace", password=None)


@pytest.fixture
def bakeoff(owner: Owner, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch) -> Bakeoff:
    made = bakeoffs.begun(bakeoffs.kept(owner, 60, name="Hers alone"), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, number: str(number + (model == "org/good" or number % 2)))
    return made


def address(made: Bakeoff, name: str, **more: Any) -> str:
    return reverse(name, kwargs={"workload": made.version.workload_id, "pk": made.pk, **more})


def plain(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def test_from_being_let_in_to_being_taken_off(person: User, grace: User, bakeoff: Bakeoff) -> None:
    ada, reader, page = client_of(person), client_of(grace), reverse("bakeoff-read", args=[bakeoff.pk])
    assert reader.get(page).status_code == 404
    assert "Hers alone" not in plain(reader.get("/workloads/"))
    ada.post(address(bakeoff, "bakeoff-readers"), {"username": " Grace "})
    assert "grace reads it since" in plain(ada.get(address(bakeoff, "bakeoff")))

    assert "Shared with you Hers alone" in plain(reader.get("/workloads/"))
    shown = reader.get(page)
    text = plain(shown)
    assert "worse" in text and "no-store" in shown["Cache-Control"]
    assert "What is" not in text and "third" not in text and "Answers" not in text, "numbers alone"
    for name in ("bakeoff", "bakeoff-items", "bakeoff-switch", "bakeoff-csv", "bakeoff-json"):
        assert reader.get(address(bakeoff, name)).status_code == 404, name
    assert reader.post(address(bakeoff, "bakeoff-readers"), {"username": "ada"}).status_code == 404
    assert Client().get(page).status_code == 302, "logged in, or not at all"

    ada.post(address(bakeoff, "bakeoff-reader-remove", person=grace.pk))
    assert reader.get(page).status_code == 404
    told = Audit.objects.filter(subject=f"bake-off {bakeoff.pk}").values_list("actor", "action", "reason")
    assert list(told) == [
        ("ada", "share_bakeoff", "with grace"), ("ada", "unshare_bakeoff", "not with grace any more"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [("", 404, "nobody named"), ("nobody", 404, "nobody named"), ("ada", 409, "ada reads all of it already"),
     ("lin", 409, "lin reads it already"), ("left", 404, "nobody named")],
)  # fmt: skip
def test_whom_it_cannot_be_shared_with(person: User, bakeoff: Bakeoff, name: str, status: int, words: str) -> None:
    lin, left = (create_person(username=one, password=None) for one in ("lin", "left"))
    User.objects.filter(pk=left.pk).update(is_active=False)
    add_reader(owner=person.owner, by=person, bakeoff=bakeoff.pk, username="lin")
    reply = client_of(person).post(address(bakeoff, "bakeoff-readers"), {"username": name})
    assert (reply.status_code, words in plain(reply)) == (status, True)
    assert list(BakeoffReader.objects.values_list("user", flat=True)) == [lin.pk]


def test_who_belongs_to_the_organisation_reads_it_anyway(person: User, grace: User, bakeoff: Bakeoff) -> None:
    house = Owner.objects.create(kind=Owner.Kind.ORGANISATION, name="house")
    Membership.objects.create(organisation=house, user=grace, role=Membership.Role.VIEWER)
    bakeoff.version.workload.owner = house
    bakeoff.version.workload.save()
    with pytest.raises(Conflict, match="reads all of it already"):
        add_reader(owner=house, by=person, bakeoff=bakeoff.pk, username="grace")


def test_not_with_everybody(person: User, bakeoff: Bakeoff) -> None:
    for n in range(MOST + 1):
        create_person(username=f"reader{n}", password=None)
    for n in range(MOST):
        add_reader(owner=person.owner, by=person, bakeoff=bakeoff.pk, username=f"reader{n}")
    with pytest.raises(Conflict, match="At most 50"):
        add_reader(owner=person.owner, by=person, bakeoff=bakeoff.pk, username=f"reader{MOST}")


def test_it_goes_with_the_workload_and_with_the_reader(person: User, grace: User, bakeoff: Bakeoff) -> None:
    add_reader(owner=person.owner, by=person, bakeoff=bakeoff.pk, username="grace")
    page = reverse("bakeoff-read", args=[bakeoff.pk])
    delete_workload(owner=person.owner, workload=bakeoff.version.workload_id)
    assert client_of(grace).get(page).status_code == 404
    assert "Hers alone" not in plain(client_of(grace).get("/workloads/"))
    assert not BakeoffReader.objects.exists()
