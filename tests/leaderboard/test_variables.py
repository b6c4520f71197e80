"""A variable that is wrong is named, with the reason and an example; test_commands.py has the exit status."""

import pytest

from leaderboard.environment import ConfigurationError
from leaderboard.variables import Variables, address


def read(monkeypatch: pytest.MonkeyPatch, value: str | None, kind: str, **more: object) -> object:
    monkeypatch.delenv("PARITY_TRIED", raising=False)
    if value is not None:
        monkeypatch.setenv("PARITY_TRIED", value)
    return getattr(Variables(), kind)("PARITY_TRIED", **more)


@pytest.mark.parametrize(
    ("value", "kind", "default", "found"),
    [
        (None, "float", 60.0, 60.0), ("", "float", 60.0, 60.0), ("2.5", "float", 60.0, 2.5), ("0", "int", 7, 0),
        ("", "int", None, None), ("on", "bool", False, True), ("False", "bool", True, False),
        ("a,b", "list", [], ["a", "b"]),
    ],
)  # fmt: skip
def test_what_is_right(
    monkeypatch: pytest.MonkeyPatch, value: str | None, kind: str, default: object, found: object
) -> None:
    assert read(monkeypatch, value, kind, default=default) == found


@pytest.mark.parametrize(
    ("value", "kind", "default", "words"),
    [
        ("soon", "float", 60.0, "a number, 0 or more. Example: PARITY_TRIED=60.0"),
        ("nan", "float", 60.0, "a number, 0 or more"), ("inf", "float", 60.0, "a number, 0 or more"),
        ("-1", "int", 50, "a whole number, 0 or more. Example: PARITY_TRIED=50"),
        ("1.5", "int", None, "a whole number, 0 or more. Example: PARITY_TRIED=60"),
        ("maybe", "bool", False, "true or false. Example: PARITY_TRIED=false"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_an_example(
    monkeypatch: pytest.MonkeyPatch, value: str, kind: str, default: object, words: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read(monkeypatch, value, kind, default=default)
    assert str(refusal.value).startswith(f"PARITY_TRIED={value!r} does not work: it is ")
    assert words in str(refusal.value)


def test_numbers_in_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, "5,300", "list", cast=float, default=[1.0]) == [5.0, 300.0]
    with pytest.raises(ConfigurationError, match="numbers, separated by commas"):
        read(monkeypatch, "5,soon", "list", cast=float, default=[1.0])


@pytest.mark.parametrize(
    "url", ["parity.example.org", "ftp://x.org", "https://", "https://x.org/path", "https://u@x.org"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the address that people open"):
        address("PARITY_URL", url)


def test_an_address() -> None:
    assert address("PARITY_URL", "https://x.org/") == "https://x.org"
    assert address("PARITY_URL", "http://10.77.0.1:8000") == "http://10.77.0.1:8000"
