"""Which items of public data sets `parity-core` asks, how, and how their answers are read.

The items of a task are chosen by their content alone: of each stratum (MMLU's subject, BBH's subset) those whose
SHA-256 is lowest, in the order of the hash's own hash. Whoever has the same data set gets the same items in the same
order, so that the first n are a sample too. `FIXED` says what has to come out; with other data there is no task.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import datasets
from lm_eval.api.filter import Filter

from evaluator import answers
from evaluator.contract import canonical_json

Doc = dict[str, Any]


class Docs(list[Doc]):
    """Documents as lm-eval takes a split: a list that names its columns.

    A `datasets.Dataset` would give every dictionary in them the keys of all others.
    """

    @property
    def features(self) -> dict[str, None]:
        """The columns' names, as keys."""
        return dict.fromkeys(self[0])


Split = dict[str, Docs]

GSM8K, MMLU, IFEVAL, BBH = "openai/gsm8k", "cais/mmlu", "google/IFEval", "SaylorTwift/bbh"
FIXED = {
    GSM8K: (250, "892772cd00c4a5d485d6e66399f7c404cddcb53269dd54079c7fd8d0132939a5"),
    MMLU: (285, "b6675c4de88c8a16eba81cf284006bd0b137ec5ff8548c3312c1d0891517b5c8"),
    IFEVAL: (250, "dfc5dcdb0c3a0c72ed7c04efc48a5b8a3d954a528d4fafc1f1e57decc8f6eec7"),
    BBH: (270, "d7a5eb8ecb2a870ccbe718e79a211b4411b895c91b6c47301020a6d6188818b5"),
}
"""How many items, and the SHA-256 over their own, one a line, in their order."""
LETTERS = "ABCD"
UNREADABLE = "[none]"
"""In the place of an answer that could not be read."""

NEEDS_NLTK = frozenset({"length_constraints:number_sentences", "change_case:capital_word_frequency"})
"""Instructions that lm-eval checks with nltk's punkt_tab, which it downloads. Prompts that have one are not asked."""

CHOICE = "the letter of the right option"
FORMS = {
    "boolean_expressions": "True or False",
    "causal_judgement": "Yes or No",
    "dyck_languages": "the brackets that are missing, with a space between them",
    "formal_fallacies": "valid or invalid",
    "multistep_arithmetic_two": "a number",
    "navigate": "Yes or No",
    "object_counting": "a number",
    "sports_understanding": "Yes or No",
    "web_of_lies": "Yes or No",
    "word_sorting": "the sorted words, with a space between them",
}
"""What an answer of a subset of BBH looks like; all others ask for the letter of an option."""
SUBSETS = (
    *FORMS, "date_understanding", "disambiguation_qa", "geometric_shapes", "hyperbaton",
    "logical_deduction_five_objects", "logical_deduction_seven_objects", "logical_deduction_three_objects",
    "movie_recommendation", "penguins_in_a_table", "reasoning_about_colored_objects", "ruin_names",
    "salient_translation_error_detection", "snarks", "temporal_sequences", "tracking_shuffled_objects_five_objects",
    "tracking_shuffled_objects_seven_objects", "tracking_shuffled_objects_three_objects",
)  # fmt: skip
OPTION = re.compile(r"^\(([A-Z])\) (.*)$", re.MULTILINE)


class OtherData(ValueError):
    """A data set is not the one that the suite was released with."""


def gsm8k(**_: Any) -> Split:
    """250 of the 1,319 test problems. `target` is in plain digits."""
    rows = datasets.load_dataset(GSM8K, "main", split="test")
    docs = [
        {"question": row["question"], "target": answers.plain(row["answer"].rpartition("#### ")[2].strip())}
        for row in rows
    ]
    return fixed(GSM8K, chosen(docs, 250))


def mmlu(**_: Any) -> Split:
    """5 questions of each of the 57 subjects' tests."""
    rows = datasets.load_dataset(MMLU, "all", split="test")
    docs = [
        {
            "subject": row["subject"],
            "question": row["question"].strip(),
            "choices": list(row["choices"]),
            "target": LETTERS[row["answer"]],
        }
        for row in rows
    ]
    return fixed(MMLU, chosen(docs, 5, stratum="subject"))


def ifeval(**_: Any) -> Split:
    """250 of the 477 prompts whose instructions need nothing from the network to be checked."""
    docs = [
        {
            "key": row["key"],
            "prompt": row["prompt"],
            "instruction_id_list": list(row["instruction_id_list"]),
            "kwargs": [{name: value for name, value in one.items() if value is not None} for one in row["kwargs"]],
        }
        for row in datasets.load_dataset(IFEVAL, split="train")
        if not NEEDS_NLTK & set(row["instruction_id_list"])
    ]
    return fixed(IFEVAL, chosen(docs, 250))


def bbh(**_: Any) -> Split:
    """10 problems of each of the 27 subsets; three whose target is no option of theirs are left out."""
    docs = [
        {"subset": subset, "input": row["input"].strip(), "target": wanted}
        for subset in SUBSETS
        for row in datasets.load_dataset(BBH, subset, split="test")
        if (wanted := target_of(subset, row)) is not None
    ]
    return fixed(BBH, chosen(docs, 10, stratum="subset"))


def target_of(subset: str, row: Mapping[str, str]) -> str | None:
    """BBH's target as answers are read: "(B)" as "B", words in lower case."""
    target = row["target"].strip()
    if subset in FORMS:
        return answers.plain(target) if FORMS[subset] == "a number" else target.casefold()
    letter = target.strip("()")
    return letter if letter in options_of(row["input"]) else None


def options_of(text: str) -> dict[str, str]:
    """The options that a problem of BBH lists, by letter."""
    return {letter: option.strip() for letter, option in OPTION.findall(text)}


def chosen(docs: Iterable[Doc], each: int, *, stratum: str = "") -> list[Doc]:
    """`each` documents of every stratum (all together without one), picked and ordered by their hashes."""
    strata: dict[str, dict[str, Doc]] = {}
    for doc in docs:
        strata.setdefault(str(doc.get(stratum, "")), {})[hash_of(doc)] = doc
    picked = {key: found[key] for found in strata.values() for key in sorted(found)[:each]}
    return [picked[key] for key in sorted(picked, key=lambda key: hashlib.sha256(key.encode()).digest())]


def hash_of(doc: Doc) -> str:
    """SHA-256 (hex) of a document, the same whatever the spaces between its words are: copies differ in those."""
    return hashlib.sha256(canonical_json(spaced(doc))).hexdigest()


def spaced(value: Any) -> Any:
    """A JSON value with one space between words, and with whole numbers as such."""
    if isinstance(value, dict):
        return {key: spaced(one) for key, one in value.items()}
    if isinstance(value, list):
        return [spaced(one) for one in value]
    if isinstance(value, str):
        return " ".join(value.split())
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digest_of(docs: Iterable[Doc]) -> str:
    """SHA-256 (hex) over the hashes of documents, one a line."""
    return hashlib.sha256("\n".join(hash_of(doc) for doc in docs).encode()).hexdigest()


def fixed(source: str, docs: list[Doc]) -> Split:
    """The documents as lm-eval takes them; raises OtherData unless they are exactly those of the release."""
    found = (len(docs), digest_of(docs))
    if found != FIXED[source]:
        raise OtherData(
            f"{source} does not hold the items that parity-core was released with ({found[0]} found with digest "
            f"{found[1][:12]}, {FIXED[source][0]} with {FIXED[source][1][:12]} expected). Get the data set anew."
        )
    return {"test": Docs(docs)}


def mmlu_text(doc: Doc) -> str:
    """A question as it is asked."""
    options = "\n".join(f"{letter}) {choice}" for letter, choice in zip(LETTERS, doc["choices"], strict=True))
    form = 'Give the answer on the last line, as "Answer: " and one of the letters A, B, C and D.'
    return f"{doc['question']}\n\n{options}\n\nThink step by step, briefly. {form}"


def bbh_text(doc: Doc) -> str:
    """A problem as it is asked."""
    form = FORMS.get(doc["subset"], CHOICE)
    return f'{doc["input"]}\n\nThink step by step. Give the answer on the last line, as "Answer: " and {form}.'


def read_number(text: str, _: Doc) -> str | None:
    return answers.number(text)


def read_mmlu(text: str, doc: Doc) -> str | None:
    return answers.letter(text, dict(zip(LETTERS, doc["choices"], strict=True)))


def read_bbh(text: str, doc: Doc) -> str | None:
    """The answer in the subset's own form."""
    form = FORMS.get(doc["subset"])
    if form is None:
        return answers.letter(text, options_of(doc["input"]))
    if form == "a number":
        return answers.number(text)
    if doc["subset"] == "word_sorting":
        return answers.words(text)
    if doc["subset"] == "dyck_languages":
        return answers.brackets(text)
    return answers.word(text, form.split(" or "))


class Reading(Filter):
    """A filter that puts the answer that was read in the place of the text, or `UNREADABLE`."""

    read: Callable[[str, Doc], str | None]

    def apply(self, resps: Iterable[list[str]], docs: Iterable[Doc]) -> list[str]:
        read = type(self).read
        return [read(texts[0], doc) or UNREADABLE for texts, doc in zip(resps, docs, strict=True)]


class Number(Reading):
    """For GSM8K."""

    read = staticmethod(read_number)


class Letter(Reading):
    """For MMLU."""

    read = staticmethod(read_mmlu)


class Various(Reading):
    """For BBH."""

    read = staticmethod(read_bbh)


def judged(doc: Doc, results: list[str]) -> dict[str, float]:
    """Whether the answer is right, and whether there was one: the site shows unreadable ones apart from wrong ones."""
    return {"exact_match": float(results[0] == doc["target"]), "extracted": float(results[0] != UNREADABLE)}
