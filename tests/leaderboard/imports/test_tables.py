from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from leaderboard.imports import tables
from leaderboard.imports.evaluations import SourceError

COLUMNS: dict[str, tables.Cell] = {"name": tables.text, "score": tables.number, "flag": tables.flag, "on": tables.day}


def read(path: Path) -> list[dict[str, Any]]:
    return list(tables.read(path, COLUMNS))


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def test_cells_have_the_types_that_were_asked_for_whatever_else_there_is(csv: Path) -> None:
    written(csv, "other,on,flag,score,name\nx,2024-08-05,True,0.1,a\ny,,,,\n")
    assert read(csv) == [
        {"name": "a", "score": 0.1, "flag": True, "on": date(2024, 8, 5)},
        {"name": "", "score": None, "flag": None, "on": None},
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(csv: Path) -> None:
    assert len(read(written(csv, b"\xef\xbb\xbfname,score,flag,on\na,1,False,\n"))) == 1


def test_quotes_commas_and_line_ends_inside_a_cell(csv: Path) -> None:
    assert read(written(csv, 'name,score,flag,on\r\n"a, ""b""\r\nc",1,False,\r\n'))[0]["name"] == 'a, "b"\r\nc'


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "-Infinity", "1e999"])
def test_what_is_not_finite_is_unknown(csv: Path, cell: str) -> None:
    assert read(written(csv, f"name,score,flag,on\na,{cell},,\n"))[0]["score"] is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a,high,True,", "column 'score': 'high' is not a number"),
        ("a,1_000,True,", "is not a number"),
        ("a,１,True,", "is not a number"),
        ("a,0x1,True,", "is not a number"),
        ("a,=1+1,True,", "'=1+1' is not a number"),
        ("a,1,yes,", "column 'flag': 'yes' is not True or False"),
        ("a,1,True,05.08.2024", "column 'on': '05.08.2024' is not a date such as"),
        ("a,1,True", "line 2: 3 cells where the header has 4"),
        ("a,1,True,,", "line 2: 5 cells where the header has 4"),
        ('"a"b,1,True,', "line 2: not a CSV table"),
        ('"a,1,True,\n', "not a CSV table"),
        ("a" * 10_000_000 + ",1,True,", "line 2: not a CSV table: field larger than field limit"),
    ],
)
def test_a_broken_line_is_named_with_what_is_wrong(csv: Path, line: str, said: str) -> None:
    with pytest.raises(SourceError) as refusal:
        read(written(csv, f"name,score,flag,on\n{line}"))
    assert said in str(refusal.value)
    assert "t.csv" in str(refusal.value)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,score,on\n", "the column 'flag' is missing. Columns: name, score, on."),
        ("name,score,flag,flag,on\n", "the column 'flag' is there more than once"),
        ("", "the column 'name' is missing. Columns: none."),
        (b"name,score,flag,on\n\xff,1,True,\n", "not UTF-8 (byte 19)"),
    ],
)
def test_another_table_is_refused(csv: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(SourceError) as refusal:
        read(written(csv, content))
    assert said in str(refusal.value)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_file_that_is_not_there_is_said_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path / name)


def test_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    columns = {
        "on": [datetime(2024, 8, 5, 12), None],
        "name": ["a", None],
        "score": [0.1, float("nan")],
        "flag": [True, None],
    }
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet") == [
        {"name": "a", "score": 0.1, "flag": True, "on": date(2024, 8, 5)},
        {"name": "", "score": None, "flag": None, "on": None},
    ]


def test_parquet_of_other_types_is_refused(tmp_path: Path) -> None:
    right: dict[str, list[Any]] = {"name": ["a"], "score": [1], "flag": [True], "on": ["2024-08-05"]}
    for column, value in {"name": 1, "score": True, "flag": 1, "on": 1}.items():
        parquet.write_table(pa.table(right | {column: [value]}), tmp_path / "t.parquet")
        with pytest.raises(SourceError, match=rf"t\.parquet, row 1, column '{column}'"):
            read(tmp_path / "t.parquet")


def test_what_is_not_parquet_or_lacks_a_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a Parquet table"):
        read(written(tmp_path / "t.parquet", "name,score\n"))
    parquet.write_table(pa.table({"name": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="the column 'score' is missing"):
        read(tmp_path / "t.parquet")
