"""A judge's kin by every name that tells: the model, its release or precision, its lineage, its house, its address."""

import pytest

from leaderboard.models import Model, ProviderOrigin
from leaderboard.queries.kinship import kinship, of_endpoint, of_weights, stem

pytestmark = pytest.mark.django_db
OPENAI, PROXY = "https://api.openai.com", "https://proxy.example.org"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"), ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "qwen2.5-7b-instruct"), ("org/Model-Q4_K_M", "model"),
        ("org/model-GGUF", "model"), ("gemini-latest", "gemini"), ("o3", "o3"), ("org/gpt-4", "gpt-4"),
    ],
)  # fmt: skip
def test_a_models_own_name(name: str, own: str) -> None:
    assert stem(name) == own


@pytest.mark.parametrize(
    ("judge", "judged", "words"),
    [
        ("org/one", "org/one", "would judge itself"), ("ORG/One", "org/one", "would judge itself"),
        ("other/One-GPTQ", "org/one", "would judge itself"), ("org/two", "org/one", "of the same house, org"),
        ("sage/judge", "org/one", ""),
    ],
)  # fmt: skip
def test_weights(judge: str, judged: str, words: str) -> None:
    found = kinship(of_weights(judge), of_weights(judged))
    assert words in found and bool(found) == bool(words)


def test_the_catalogue_knows_who_was_made_from_whom() -> None:
    Model.objects.create(name="a/tuned", base_model="b/middle")
    Model.objects.create(name="b/middle", base_model="c/base")
    Model.objects.create(name="d/other", base_model="c/base")
    assert "made from the same model" in kinship(of_weights("a/tuned"), of_weights("d/other"))
    assert "made from the same model" in kinship(of_weights("c/base"), of_weights("a/tuned"))
    Model.objects.filter(name="c/base").update(base_model="a/tuned")  # a circle, as people state them
    assert kinship(of_weights("a/tuned"), of_weights("x/y")) == ""


def test_endpoints_are_known_by_address_name_and_provider() -> None:
    ProviderOrigin.objects.create(origin=OPENAI, provider="openai", source="its documentation")
    there = of_endpoint(OPENAI, "gpt-4o-2024-08-06")
    assert "would judge itself" in kinship(of_endpoint(OPENAI, "gpt-4o"), there)
    assert "would judge itself" in kinship(of_endpoint(PROXY, "openai/gpt-4o"), there)
    assert "the same address" in kinship(of_endpoint(OPENAI, "o3"), there)
    assert "of the same house, openai" in kinship(of_endpoint(PROXY, "openai/o3"), there)
    assert "would judge itself" in kinship(of_endpoint(PROXY, "org/one"), of_weights("org/one"))
    assert kinship(of_endpoint(PROXY, "o3"), there) == "", "what is behind a proxy, nobody knows"
