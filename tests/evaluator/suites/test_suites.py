"""The loader: what it reads, and that every mistake is named with its file, its field and a remedy."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evaluator import suites

RELEASED = {
    "code@1": "ffef3340440d7acb53cecacc8c592adbb1167e0600b52daaef1805c61bbb74d4",
    "frontier@1": "4def0e2d886818b7c44118ecf88732d9d3af7e22bfbf155a70a031b655cc9e7c",
    "long-context@1": "42ff616f77cd5ec33f02c5c81ccdaef07b26b2df3ba73a859d322802f3e8f0a5",
    "open-llm@1": "e9023d3b1f8eeb505be8ea4804ae84f5dfc43df9cadb059b86ae5be0a0a7f6f8",
    "parity-core@1": "00db076e2636aff8af89a2b0e2cfeaa09546a82eb3c613a24a54b077a9c95f54",
    "starter@1": "15d2eabd28a9735eb4e374bd6551e8cda8609553724717361a68f26789e65fb2",
    "vision@1": "b79721496ad170d00e4a76eeb77cd1a9acda5a52ffd916f8cc5e1825feffa8a0",
}
"""SHA-256 of each suite's YAML followed by its bundle. A released suite is never edited: add a version."""

TASK = {
    "task": "toy_colours",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "toy_colours.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "The colour of {{thing}} is",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "{{answer}}",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
SUITE = {
    "name": "toy",
    "version": 1,
    "title": "Toy",
    "files": "toy@1",
    "tasks": [{"task": "toy_colours", "title": "Colours", "metric": "acc", "baseline": 0.5}],
}
ITEM = '{"thing": "snow", "choices": ["white", "red"], "answer": 0}\n'


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A suite of one task with its own files."""
    folder = tmp_path / "toy@1"
    folder.mkdir()
    write(tmp_path / "toy@1.yaml", SUITE)
    write(folder / "toy_colours.yaml", TASK)
    (folder / "toy_colours.jsonl").write_text(ITEM)
    return tmp_path / "toy@1.yaml"


def write(path: Path, value: object) -> None:
    path.write_text(yaml.safe_dump(value, sort_keys=False))


def refusal(path: Path) -> str:
    with pytest.raises(suites.SuiteError) as caught:
        suites.load(path)
    return str(caught.value)


def test_a_suite_with_files(toy: Path) -> None:
    spec, bundle = suites.load(toy)
    assert spec.slug == "toy@1"
    assert spec.tasks[0].baseline == 0.5
    assert bundle is not None
    assert spec.bundle == hashlib.sha256(bundle).hexdigest()


def test_a_suite_without_files(toy: Path) -> None:
    write(toy, {key: value for key, value in SUITE.items() if key != "files"})
    spec, bundle = suites.load(toy)
    assert (spec.bundle, bundle) == (None, None)


@pytest.mark.parametrize("path", suites.built_in(), ids=lambda path: path.stem)
def test_built_in_suites_are_as_released(path: Path) -> None:
    spec, bundle = suites.load(path)
    assert spec.slug == path.stem
    assert (bundle is None) == (spec.bundle is None)
    assert hashlib.sha256(path.read_bytes() + (bundle or b"")).hexdigest() == RELEASED[spec.slug]


def test_the_built_in_suites() -> None:
    assert {path.stem for path in suites.built_in()} == set(RELEASED)
    spec, bundle = suites.find("open-llm@1")
    assert bundle is None
    assert [(task.task, task.num_fewshot, task.metric, task.filter, task.baseline) for task in spec.tasks] == [
        ("arc_challenge", 25, "acc_norm", "none", 0.25),
        ("hellaswag", 10, "acc_norm", "none", 0.25),
        ("mmlu", 5, "acc", "none", 0.25),
        ("truthfulqa_mc2", 0, "acc", "none", 0.0),
        ("winogrande", 5, "acc", "none", 0.5),
        ("gsm8k", 5, "exact_match", "strict-match", 0.0),
    ]


def test_find_takes_a_name_or_a_path(toy: Path) -> None:
    assert suites.find("starter@1")[0].slug == "starter@1"
    assert suites.find(str(toy))[0].slug == "toy@1"
    with pytest.raises(suites.SuiteError, match=r"no suite 'starter'.*starter@1"):
        suites.find("starter")


def test_reading_suites_needs_no_engine() -> None:
    """The site reads suites, and has no torch."""
    program = "import sys; from evaluator import suites; suites.find('starter@1'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "lm_eval", "transformers", "vllm", "django", "datasets"} & set(loaded)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Toy"}, "`name`"),
        ({"name": "toy\n"}, "`name`"),
        ({"version": 0}, "`version`"),
        ({"version": True}, "`version`"),
        ({"version": "1"}, "`version`"),
        ({"titel": "Toy"}, "`titel`"),
        ({"title": ""}, "`title`"),
        ({"tasks": []}, "`tasks`"),
        ({"tasks": [{"task": "toy_colours", "metric": "acc"}]}, "`title`"),
        ({"tasks": [{"task": "toy_colours", "title": "Colours", "metric": "acc", "fewshot": 3}]}, "`fewshot`"),
        ({"tasks": [SUITE["tasks"][0], SUITE["tasks"][0] | {"title": "Again"}]}, "more than once"),
        ({"tasks": [SUITE["tasks"][0] | {"baseline": 1.0}]}, "baseline is 1.0"),
        ({"tasks": [SUITE["tasks"][0] | {"limit": 0}]}, "limit is 0"),
        ({"tasks": [SUITE["tasks"][0] | {"num_fewshot": -1}]}, "num_fewshot is -1"),
        ({"tasks": [SUITE["tasks"][0] | {"metric": ""}]}, "metric"),
        ({"tasks": [SUITE["tasks"][0] | {"task": "../secret.yaml"}]}, "'../secret.yaml' is not a task name"),
        ({"tasks": [SUITE["tasks"][0] | {"task": "other"}]}, "does not list its task toy_colours"),
        ({"files": "../toy@1"}, "files is '../toy@1'"),
        ({"files": "absent"}, "files is 'absent'"),
    ],
)
def test_mistakes_in_a_suite(toy: Path, change: dict[str, object], said: str) -> None:
    write(toy, SUITE | change)
    message = refusal(toy)
    assert message.startswith(("toy@1.yaml", "toy@1/"))
    assert said in message


def test_a_suite_that_is_no_mapping(toy: Path) -> None:
    toy.write_text("- one\n- two\n")
    assert "Expected `object`" in refusal(toy)
    toy.write_text("name: [toy\n")
    assert "not valid YAML" in refusal(toy)
    toy.write_text("[" * 1000)
    assert "not valid YAML" in refusal(toy)
    toy.write_bytes(b"name: \xff\n")
    assert "not valid YAML" in refusal(toy)
    toy.unlink()
    assert "cannot be read" in refusal(toy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"process_docs": "code.py"}, "'process_docs' is not allowed"),
        ({"include": "/etc/task.yaml"}, "'include' is not allowed"),
        ({"class": "x"}, "'class' is not allowed"),
        ({"dataset_path": "openai/gsm8k"}, "dataset_path is 'openai/gsm8k'"),
        ({"dataset_path": None}, "dataset_path is None"),
        ({"dataset_kwargs": None}, "must hold data_files"),
        ({"dataset_kwargs": {"data_files": "toy_colours.jsonl", "trust_remote_code": True}}, "nothing else"),
        ({"dataset_kwargs": {"data_files": "/etc/passwd"}}, "'/etc/passwd'"),
        ({"dataset_kwargs": {"data_files": "../toy@1/toy_colours.jsonl"}}, "'../toy@1/toy_colours.jsonl'"),
        ({"dataset_kwargs": {"data_files": "https://example.org/x.jsonl"}}, "no .jsonl file of this suite"),
        ({"dataset_kwargs": {"data_files": "*.jsonl"}}, "'*.jsonl'"),
        ({"dataset_kwargs": {"data_files": "toy_colours.yaml"}}, "no .jsonl file"),
        ({"dataset_kwargs": {"data_files": {"test": 3}}}, "holds 3"),
        ({"dataset_kwargs": {"data_files": []}}, "is empty"),
        ({"metric_list": [{"metric": "./my_metric"}]}, "'./my_metric'"),
        ({"metric_list": [{"metric": "acc", "hf_evaluate": True}]}, "'acc'"),
        ({"metric_list": None}, "metric_list"),
        ({"task": None}, "None is not a task name"),
    ],
)
def test_mistakes_in_a_task_file(toy: Path, change: dict[str, object], said: str) -> None:
    write(toy.parent / "toy@1" / "toy_colours.yaml", TASK | change)
    message = refusal(toy)
    assert message.startswith("toy_colours.yaml")
    assert said in message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("doc_to_text: !function code.render", "line 2: the tag !function"),
        ("doc_to_text: !!python/name:os.system", "line 2: the tag !!python/name:os.system"),
        ("doc_to_text: !!str plain", "line 2: the tag !!str"),
        ("doc_to_text: [&a x, *a]", "line 2: *a is not allowed"),
    ],
)
def test_yaml_that_says_more_than_it_shows(toy: Path, line: str, said: str) -> None:
    (toy.parent / "toy@1" / "toy_colours.yaml").write_text(f"task: toy_colours\n{line}\n")
    assert said in refusal(toy)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (ITEM + "\n" + ITEM, "line 2: this is not JSON"),
        (ITEM + "[1]\n", "line 2: this is no JSON object"),
        ("[" * 100_000, "line 1: this is not JSON"),
    ],
)
def test_mistakes_in_items(toy: Path, text: str, said: str) -> None:
    (toy.parent / "toy@1" / "toy_colours.jsonl").write_text(text)
    assert f"toy_colours.jsonl{'' if said == 'is empty' else ','}" in refusal(toy)
    assert said in refusal(toy)


def test_stray_files_and_links_are_refused(toy: Path) -> None:
    folder = toy.parent / "toy@1"
    (folder / "code.py").write_text("")
    assert "code.py: only .yaml and .jsonl" in refusal(toy)
    (folder / "code.py").unlink()
    (folder / "more.jsonl").symlink_to(folder / "toy_colours.jsonl")
    assert "more.jsonl: links are not allowed" in refusal(toy)
    (folder / "more.jsonl").unlink()
    shutil.copy(folder / "toy_colours.yaml", folder / "twice.yaml")
    assert "already in toy_colours.yaml" in refusal(toy)
    (folder / "twice.yaml").unlink()
    (folder / "toy_colours.yaml").unlink()
    assert "no task file" in refusal(toy)
