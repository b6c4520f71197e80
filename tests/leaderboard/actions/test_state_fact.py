from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.import_catalogue import import_catalogue
from leaderboard.actions.import_evaluations import ensure_imported_suite, import_evaluations
from leaderboard.actions.state_fact import state_fact, withdraw_fact
from leaderboard.imports.open_llm_leaderboard import SUITE, read
from leaderboard.imports.proprietary import Listed, Tariff
from leaderboard.models import Audit, Fact, Model, User
from tests.leaderboard.imports.made import row, table

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 1)


@pytest.fixture
def staff(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


def state(staff: User, field: str, value: str, *, model: str = "org/model") -> Model:
    state_fact(model=model, field=field, value=value, source="the model card", as_of=DAY, by=staff)
    return Model.objects.get(name=model)


def load(path: Path, **changes: str) -> None:
    source = read(table(path / "t.csv", row(**changes)))
    import_evaluations(source=source, suite=ensure_imported_suite(spec=SUITE))


def catalogue(price: str, context: int = 1000) -> None:
    tariff = Tariff(None, Decimal(price), Decimal("9"), {"input_mtok": price, "output_mtok": "9"})
    import_catalogue(listed=[Listed("lab/closed", {"context_length": context}, [tariff], "")], source="a package")


def test_the_staff_wins_and_survives_every_later_import(tmp_path: Path, staff: User) -> None:
    load(tmp_path)
    model = state(staff, "licence", "gpl-3.0")
    assert (model.licence, model.licence_family) == ("gpl-3.0", "copyleft")
    load(tmp_path, **{"Hub License": "gemma", "Hub ❤️": "7"})
    model.refresh_from_db()
    assert (model.licence, model.licence_family, model.likes) == ("gpl-3.0", "copyleft", 7)


def test_a_statement_taken_back_leaves_what_the_newest_import_says(tmp_path: Path, staff: User) -> None:
    load(tmp_path)
    state(staff, "licence", "gpl-3.0")
    load(tmp_path, **{"Hub License": "gemma"})
    state(staff, "licence", "apache-2.0")
    withdraw_fact(model="org/model", field="licence", reason="a mistake", by=staff)
    model = Model.objects.get()
    assert (model.licence, model.licence_family) == ("gemma", "community")
    assert [audit.action for audit in Audit.objects.all()] == ["fact stated", "fact stated", "fact withdrawn"]
    with pytest.raises(NotFound):
        withdraw_fact(model="org/model", field="licence", reason="again", by=staff)


def test_the_staff_wins_over_the_catalogue_and_gives_way_to_it_again(staff: User) -> None:
    catalogue("2.5")
    assert state(staff, "input_price", "2", model="lab/closed").input_price == Decimal("2")
    catalogue("3.5", context=2000)
    model = Model.objects.get()
    assert (model.kind, model.input_price, model.output_price, model.context_length) == ("proprietary", 2, 9, 2000)
    withdraw_fact(model="lab/closed", field="input_price", reason="it was a discount", by=staff)
    model.refresh_from_db()
    assert model.input_price == Decimal("3.5")


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("kind", "proprietary", "proprietary"), ("official", "Yes", True), ("merged", "false", False),
        ("context_length", " 8192 ", 8192), ("released_on", "2026-01-02", date(2026, 1, 2)),
        ("modalities", "text, image", ["text", "image"]), ("output_price", "0.0375", Decimal("0.0375")),
        ("training", "chat", "chat"), ("base_model", "org/other", "org/other"),
    ],
)  # fmt: skip
def test_a_value_is_read_by_the_type_of_its_field(staff: User, field: str, value: str, kept: object) -> None:
    Model.objects.create(name="org/model")
    assert getattr(state(staff, field, value), field) == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "closed"), ("official", "maybe"), ("context_length", "many"), ("released_on", "yesterday"),
        ("input_price", "NaN"), ("input_price", "1e30"), ("training", "hard"), ("licence", "x" * 101),
        ("name", "other/name"), ("likes", "5"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(staff: User, field: str, value: str) -> None:
    Model.objects.create(name="org/model")
    with pytest.raises(Refused):
        state(staff, field, value)


def test_only_staff_states_and_only_with_a_source(staff: User, person: User) -> None:
    Model.objects.create(name="org/model")
    with pytest.raises(Refused, match="Only this site's staff"):
        state(person, "licence", "mit")
    with pytest.raises(Refused, match="needs its source"):
        state_fact(model="org/model", field="licence", value="mit", source=" ", as_of=DAY, by=staff)
    with pytest.raises(NotFound):
        state(staff, "licence", "mit", model="org/none")


def test_the_command_states_and_withdraws(staff: User, person: User) -> None:
    Model.objects.create(name="org/model")
    common = ("state_fact", "org/model", "licence")
    out = StringIO()
    call_command(*common, "mit", "--source", "the model card", "--by", "root", stdout=out)
    fact = Fact.objects.get()
    assert (fact.value, fact.source, fact.as_of, fact.stated_by) == (
        "mit",
        "the model card",
        timezone.now().date(),
        staff,
    )
    call_command(*common, "--withdraw", "--source", "a mistake", "--by", "root", stdout=out)
    assert Model.objects.get().licence == ""
    for wrong in (("mit", "--by", "ada"), ("mit", "--by", "nobody"), ("--by", "root")):
        with pytest.raises(CommandError):
            call_command(*common, *wrong, "--source", "x", stdout=out)
