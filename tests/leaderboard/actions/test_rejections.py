"""A rejection quotes the repository; what it quotes must not keep the rejection from being written."""

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings as DjangoSettings

from leaderboard.actions.submit import submit
from leaderboard.actions.validate import validate
from leaderboard.models import Owner, Suite, User
from tests.evaluator.fake_hub import safetensors

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("odd", ["a\x00b", "a\ud800b", "x" * 100_000], ids=["NUL", "lone surrogate", "long"])
@pytest.mark.parametrize("where", ["architecture", "runnable architecture", "weights", "licence", "dtype"])
def test_a_repository_with_odd_texts_is_queued_or_rejected(
    owner: Owner, person: User, suite: Suite, tmp_path: Path, settings: DjangoSettings, where: str, odd: str
) -> None:
    settings.HUB_MIRRORS = (tmp_path,)
    made = submit(owner=owner, submitter=person, suite=suite.slug, model="org/model")
    folder = tmp_path / "models/org/model"
    folder.mkdir(parents=True)
    config: dict[str, Any] = {"architectures": ["LlamaForCausalLM"]}
    if where == "weights":
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": odd}}))
    else:
        (folder / "model.safetensors").write_bytes(safetensors({"w": ("F32", (16, 8))}))
    if where == "architecture":
        config["architectures"] = [odd]
    elif where == "runnable architecture":
        config["architectures"] = [f"{odd}ForCausalLM"]
    elif where == "dtype":
        config["dtype"] = odd
    elif where == "licence":
        (folder / "README.md").write_text(f"---\nlicense: {json.dumps(odd)}\n---\n")
    (folder / "config.json").write_text(json.dumps(config))
    validate(submission=made.pk)
    made.refresh_from_db()
    assert made.state in {"queued", "rejected"}
    assert len(made.error_message) <= 20_000
