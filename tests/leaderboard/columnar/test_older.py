"""Rankings that an older version stored, which lack the columns that came since."""

import pyarrow as pa
import pytest

from leaderboard.columnar import export, stored
from leaderboard.columnar.table import SINCE, Columns
from tests.leaderboard.columnar.made import table_of


@pytest.fixture
def old() -> pa.Table:
    return table_of([{"rank": 1}, {"rank": 2}]).drop_columns(list(SINCE))


@pytest.mark.parametrize("name", sorted(SINCE))
def test_they_are_read_as_if_nobody_had_such_a_thing(old: pa.Table, name: str) -> None:
    data = Columns(old)
    assert data.choice(name).codes.tolist() == [-1, -1]
    assert data.choice(name).code("org/base") is None
    assert data.order(name, descending=True).tolist() == [0, 1]
    assert name not in dict(export.names(data, data.tasks))
    assert [part.num_rows for part in export.batches(data, data.order("rank", descending=False), data.tasks)] == [2]


def test_a_newer_row_brings_its_columns(old: pa.Table) -> None:
    data = Columns(stored.joined(old, [0], table_of([{"adapter_on": "org/base"}])))
    choice = data.choice("adapter_on")
    assert [choice.values[code] if code >= 0 else "" for code in choice.codes] == ["", "org/base"]
    assert dict(export.names(data, data.tasks))["adapter_on"] == "adapter_on"
