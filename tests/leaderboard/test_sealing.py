import pytest
from pytest_django import Settings as DjangoSettings

from leaderboard.sealing import SealError, renewed, seal, unseal

SECRET = "whsec_c2VjcmV0IMO8bmTDrGNvZGU="


def test_what_is_sealed_can_be_read_again_and_shows_nothing() -> None:
    sealed = seal(SECRET, purpose="webhook secret")
    assert SECRET not in sealed
    assert sealed != seal(SECRET, purpose="webhook secret")
    assert unseal(sealed, purpose="webhook secret") == SECRET
    assert unseal(seal("ü€\n", purpose="x"), purpose="x") == "ü€\n"


def test_an_old_key_opens_as_a_fallback_until_it_is_renewed(settings: DjangoSettings) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old" * 20, []
    sealed = seal(SECRET, purpose="webhook secret")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["older" * 20, "old" * 20]
    assert unseal(sealed, purpose="webhook secret") == SECRET
    again = renewed(sealed, purpose="webhook secret")
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal(again, purpose="webhook secret") == SECRET
    for use in (unseal, renewed):
        with pytest.raises(SealError, match="sealed with another PARITY_SECRET_KEY") as refusal:
            use(sealed, purpose="webhook secret")
        assert SECRET not in str(refusal.value)


def test_what_was_changed_or_sealed_for_something_else_does_not_open() -> None:
    sealed = seal(SECRET, purpose="webhook secret")
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    for text, purpose in ((changed, "webhook secret"), (sealed, "API key"), ("", "API key"), ("ü", "API key")):
        with pytest.raises(SealError, match=f"The stored {purpose} cannot be decrypted"):
            unseal(text, purpose=purpose)
