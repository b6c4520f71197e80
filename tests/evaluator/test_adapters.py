"""LoRA adapters are pinned with their base, and refused in words where both do not belong together."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

from evaluator import adapters, hub, run
from evaluator.contract import ModelRef, Settings
from evaluator.planner import plans
from tests.conftest import suite_spec
from tests.evaluator.fake_hub import FakeHub, Repo, dumped, safetensors
from tests.evaluator.lora import ADAPTER, ADAPTER_SHA, BASE, BASE_SHA, QUERY, adapter_files, base_files

OWN_TOKENIZER = {"tokenizer_config.json": dumped({}), "tokenizer.json": dumped({})}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "saved"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()
    with FakeHub() as server:
        server.repos[BASE] = Repo(files=base_files(), revisions={"main": BASE_SHA, "v1": "b1" * 20})
        server.repos[ADAPTER] = Repo(files=adapter_files(), revisions={"main": ADAPTER_SHA})
        yield server
        huggingface_hub.close_session()


def pin(fake: FakeHub, **how: Any) -> hub.PinnedModel:
    return hub.pin(ADAPTER, **{"mirrors": (), "token": None, "endpoint": fake.url, "timeout": 5} | how)


def refusal(fake: FakeHub, **how: Any) -> hub.HubError:
    with pytest.raises(hub.HubError) as caught:
        pin(fake, **how)
    return caught.value


def test_an_adapter_is_what_its_base_is_and_both_are_pinned(fake: FakeHub) -> None:
    fake.repos[ADAPTER].about = {"cardData": {"license": "mit", "base_model": BASE}}
    found = pin(fake)
    assert (found.name, found.sha) == (ADAPTER, ADAPTER_SHA)
    assert found.base is not None and (found.base.name, found.base.sha) == (BASE, BASE_SHA)
    assert (found.architecture, found.parameters, found.context_length) == ("LlamaForCausalLM", 24, 2048)
    assert found.size_bytes == len(base_files()["model.safetensors"]) + len(
        adapter_files()["adapter_model.safetensors"]
    )
    assert (found.licence, found.base_model) == ("mit", BASE)


def test_the_base_has_the_revision_that_the_adapter_names(fake: FakeHub) -> None:
    fake.repos[ADAPTER].files = adapter_files(revision="v1")
    base = pin(fake).base
    assert base is not None and base.sha == "b1" * 20


def test_a_renamed_base_is_known_by_either_name(fake: FakeHub) -> None:
    fake.moved["old/base"] = BASE
    fake.repos[ADAPTER].files = adapter_files(base="old/base")
    for told in ("Old/Base", BASE):
        fake.repos[ADAPTER].about = {"cardData": {"base_model": [told, "org/another"]}}
        assert pin(fake).base_model == BASE


@pytest.mark.parametrize("template", [{}, {"chat_template": "{{ messages }}"}])
def test_the_tokenizer_is_the_adapters_where_it_brings_one(fake: FakeHub, template: dict[str, str]) -> None:
    assert pin(fake).chat_template, "the base's"
    fake.repos[ADAPTER].files |= {**OWN_TOKENIZER, "tokenizer_config.json": dumped(template)}
    assert pin(fake).chat_template is bool(template)


def gated(fake: FakeHub) -> None:
    fake.repos[BASE].gated = True


def absent(fake: FakeHub) -> None:
    del fake.repos[BASE]


def without_that_revision(fake: FakeHub) -> None:
    fake.repos[ADAPTER].files = adapter_files(revision="v9")


def away(fake: FakeHub) -> None:
    fake.fail(f"/api/models/{BASE}/revision/main", 503)


def an_adapter_too(fake: FakeHub) -> None:
    fake.repos[BASE].files = adapter_files(base="org/third")


def itself(fake: FakeHub) -> None:
    fake.repos[ADAPTER].files = adapter_files(base=ADAPTER)


@pytest.mark.parametrize(
    ("arrange", "code", "words"),
    [
        (absent, "base_not_found", f"{ADAPTER} is an adapter on {BASE}. {BASE} is not on the Hub"),
        (without_that_revision, "base_not_found", "has no revision v9"),
        (gated, "base_gated", f"{ADAPTER} is an adapter on {BASE}. {BASE} is gated"),
        (away, "hub_unreachable", "it answered HTTP 503"),
        (an_adapter_too, "base_is_adapter", f"{BASE} is an adapter itself: merge it"),
        (itself, "base_is_adapter", f"{ADAPTER} is an adapter itself: merge it"),
    ],
)
def test_a_base_that_is_not_to_be_had(fake: FakeHub, arrange: Callable[[FakeHub], None], code: str, words: str) -> None:
    arrange(fake)
    error = refusal(fake)
    assert error.code == code
    assert words in error.message


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({"base": None}, "base_unclear", "names as its base nothing"),
        ({"base": "../models/llama"}, "base_unclear", "'../models/llama', which is no name of a model (org/name)"),
        ({"base": "gpt2"}, "base_unclear", "'gpt2', which is no name"),
        ({"revision": "../.."}, "base_unclear", "names a revision of its base that is none"),
        ({"peft_type": "IA3"}, "adapter_kind", "of the kind 'IA3'; the engines here run LORA alone"),
        ({"use_dora": True}, "adapter_kind", "more than a plain LoRA adapter (use_dora)"),
        ({"modules_to_save": ["lm_head"], "bias": "all"}, "adapter_kind", "(modules_to_save, bias)"),
        ({"init_lora_weights": "pissa"}, "adapter_kind", "init_lora_weights pissa"),
        ({"rank": 513}, "adapter_rank", "has the rank 513; the engines here run adapters up to 512"),
        ({"rank_pattern": {"v_proj": 2048}}, "adapter_rank", "has the rank 2,048"),
        ({"r": "many"}, "bad_adapter", "gives ranks (r, rank_pattern) that are none"),
        ({"rank_pattern": [1]}, "bad_adapter", "gives ranks"),
        ({"module": "lm_head"}, "adapter_kind", "changes lm_head, outside of the model's layers"),
        ({"inputs": 7}, "adapter_misfit", f"it changes {QUERY} from 7 numbers to 4, and that has 4 x 6 there"),
        ({"module": "h.0.attn.c_attn"}, "adapter_misfit", "which has none of its layers (h.0.attn.c_attn)"),
    ],
)
def test_an_adapter_that_cannot_be_run_here_is_told_why(
    fake: FakeHub, files: dict[str, Any], code: str, words: str
) -> None:
    fake.repos[ADAPTER].files = adapter_files(**files)
    error = refusal(fake)
    assert error.code == code
    assert words in error.message


def test_a_card_that_names_another_base(fake: FakeHub) -> None:
    fake.repos[ADAPTER].about = {"cardData": {"base_model": "org/another"}}
    error = refusal(fake)
    assert error.code == "base_differs"
    assert f"on {BASE} by its adapter_config.json, and on org/another by its model card" in error.message


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"adapter_model.safetensors": None}, "no_safetensors"),
        ({"adapter_model.safetensors": safetensors({})}, "bad_weights"),
        (
            {"adapter_model.safetensors": safetensors({"base_model.model.lm_head.weight": ("F32", (2, 2))})},
            "adapter_kind",
        ),
        ({"adapter_config.json": b"[]"}, "bad_json"),
    ],
)
def test_broken_files(fake: FakeHub, change: dict[str, bytes | None], code: str) -> None:
    files = {**adapter_files(), **change}
    fake.repos[ADAPTER].files = {name: data for name, data in files.items() if data is not None}
    assert refusal(fake).code == code


def test_layers_are_found_whatever_is_around_them_or_how_they_lie(fake: FakeHub) -> None:
    """Transformers renames what is around a language model that also sees; GPT-2's layers are transposed."""
    fake.repos[ADAPTER].files = adapter_files(module="model.language_model.layers.0.self_attn.q_proj")
    assert pin(fake).base_model == BASE
    fake.repos[ADAPTER].files = adapter_files(inputs=4, outputs=6)
    assert pin(fake).base_model == BASE


def test_a_whole_model_with_an_adapter_beside_it_is_that_model(fake: FakeHub) -> None:
    fake.repos[ADAPTER].files = {**adapter_files(), **base_files()}
    found = pin(fake)
    assert (found.base, found.parameters) == (None, 24)


def test_no_pickle_of_it_is_downloaded(fake: FakeHub, tmp_path: Path) -> None:
    there = hub.download(ADAPTER, ADAPTER_SHA, token=None, target=tmp_path, endpoint=fake.url)
    names = {path.name for path in there.iterdir() if path.is_file() and path.name[0] != "."}
    assert names == {"adapter_config.json", "adapter_model.safetensors"}
    assert hub.downloaded(ADAPTER, ADAPTER_SHA, target=tmp_path) == there


def test_the_engine_makes_room_where_it_is_needed() -> None:
    parts = ("self_attn.q_proj.lora_A", "self_attn.q_proj.lora_B", "mlp.experts.3.up_proj.lora_A")
    tensors = [f"base_model.model.model.layers.{number}.{part}.weight" for number in (0, 1) for part in parts]
    assert adapters.targets(tensors) == ["experts", "q_proj", "up_proj"]
    assert adapters.targets(tensors[:2]) == ["q_proj"]


# --- On this machine


def written(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_mirror_may_have_both(tmp_path: Path) -> None:
    base = written(tmp_path / "models" / BASE, base_files())
    written(tmp_path / "models" / ADAPTER, adapter_files())
    found = hub.pin(ADAPTER, mirrors=[tmp_path], token=None)
    assert found.base is not None and found.base.sha == hub.digest(base)
    assert found.source == "mirror"


@pytest.mark.parametrize(("rank", "room"), [(1, 1), (2, 8), (9, 16), (300, 320), (512, 512)])
def test_the_plan_makes_room_for_its_rank(tmp_path: Path, rank: int, room: int) -> None:
    base = written(tmp_path / "base", base_files())
    adapter = written(tmp_path / "adapter", adapter_files(rank=rank))
    for plan in plans(base, "o/m", Settings(), {}, adapter):
        assert plan.lora_rank == room
    assert plans(base, "o/m", Settings(), {})[0].lora_rank == 0


def test_a_run_uses_the_tokenizer_that_was_described(tmp_path: Path) -> None:
    base = written(tmp_path / "base", base_files())
    bare = written(tmp_path / "bare", adapter_files())
    whole = written(tmp_path / "whole", adapter_files() | OWN_TOKENIZER)

    def tokenizer(adapter: Path | None) -> Path:
        spec = run.RunSpec(
            model=ModelRef(name=ADAPTER, sha=ADAPTER_SHA, base=ModelRef(name=BASE, sha=BASE_SHA)),
            model_path=str(base), adapter_path=str(adapter or ""), suite=suite_spec(), settings=Settings(),
        )  # fmt: skip
        return Path(spec.tokenizer_path)

    assert (tokenizer(None), tokenizer(bare), tokenizer(whole)) == (base, base, whole)
    assert adapters.tokenizer_folder(base, None) == base
