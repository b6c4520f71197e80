"""`make guards` would notice; this says it at once, and to whoever changes a guard."""

from collections import Counter

from tests.environment import ROOT
from tests.guards.registry import GUARDS


def test_every_guard_is_where_the_registry_says() -> None:
    moved = [guard.name for guard in GUARDS if guard.file and (ROOT / guard.file).read_text().count(guard.old) != 1]
    assert moved == []


def test_every_guard_has_a_name_of_its_own_and_tests_that_are_there() -> None:
    assert [name for name, count in Counter(guard.name for guard in GUARDS).items() if count > 1] == []
    assert [guard.name for guard in GUARDS if not guard.tests] == []
    assert [test for guard in GUARDS for test in guard.tests if not (ROOT / test).is_file()] == []
