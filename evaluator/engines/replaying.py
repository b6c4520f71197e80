"""Stored responses in a model's place: what was measured before is scored anew, and no engine is loaded.

A document's responses count again where its requests say and allow exactly what they did (`Sample.asked`). lm-eval's
own `evaluate()` does the rest. What is not there is counted by task and never guessed: the run ends with it.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from msgspec.structs import replace

from evaluator import run
from evaluator.contract import Sample, decode_sample
from evaluator.engines.reporting import Report, spoken
from evaluator.records import RawSample, Told, asked_of

T = TypeVar("T")
Document = tuple[str, int]
"""A leaf task's name and the document's number in it."""

ABSENT = "no stored sample"
UNKNOWN = "a sample that does not tell what was asked"
CHANGED = "other prompts, or another room for the answer, than before"
UNREADABLE = "responses that cannot be read back"


def load(spec: run.RunSpec, report: Report) -> "Replayed":
    """The stored samples of the run's folder `replies`, ready to answer."""
    return Replayed(samples_in(Path(str(spec.replies))), spec, report)


def samples_in(folder: Path) -> Iterator[Sample]:
    """All samples of the chunks in a folder, in order."""
    for path in sorted(folder.iterdir()):
        with gzip.open(path) as lines:
            yield from map(decode_sample, lines)


class Replayed(LM):
    """lm-eval's view of what was answered before. `lacking`: by task, how many documents have no response, and why."""

    tokenizer_name = "messages"
    journal = None
    current_pass = 1

    def __init__(self, samples: Iterable[Sample], spec: run.RunSpec, report: Report) -> None:
        super().__init__()
        self.max_length = spec.plan.max_length
        self._report, self._done = report, 0
        chat = spec.settings.apply_chat_template  # only then the new prompts are not the old ones, letter by letter
        self._stored: dict[Document, Sample] = {
            (one.task, one.doc_id): one if chat else replace(one, prompts=()) for one in samples
        }
        self.asked, self.replayed = 0, 0
        self.lacking: dict[str, Counter[str]] = {}

    def path_facts(self) -> dict[str, Any]:
        """Nothing was computed."""
        return {}

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """What the messages say, without a template: that is in the stored prompts."""
        return spoken(chat_history, add_generation_prompt)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        return self._answered(requests, likelihood, (0.0, False))

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        return self._answered(requests, float, 0.0)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return self._answered(requests, str, "")

    def told(self, sample: RawSample, task: str) -> Told:
        """What is known of a document's requests: as it was when they were asked."""
        stored = self._stored[task, sample["doc_id"]]
        return Told(stored.tokens_in, stored.tokens_out, stored.finish, stored.thinking, stored.prompts)

    def check(self, missing: Mapping[str, str], slug: str) -> None:
        """Raise run.Unusable unless every response that suite `slug` needs was there; `missing`: the tasks that could
        not be built here, with the reason."""
        known = {one.counts_for for one in self._stored.values()}
        unbuilt = [f"{task}: {reason}" for task, reason in missing.items() if task in known]
        lost = [f"{task}: {count:,} documents with {why}" for task, found in self.lacking.items()
                for why, count in found.items()]  # fmt: skip
        if unbuilt:
            raise run.Unusable("cannot_rebuild", f"Tasks could not be built to score them anew. {' '.join(unbuilt)}")
        if lost:
            message = f"Not every response that {slug} needs is stored. {'; '.join(lost)}. Submit the model to {slug}: "
            raise run.Unusable("responses_missing", f"{message}a worker then asks what its own journal does not hold.")

    def _answered(self, requests: Sequence[Instance], read: Callable[[str], T], nothing: T) -> list[T]:
        """The responses in the order of the requests, of which lm-eval repeats those that are asked several times."""
        documents: dict[Document, dict[int, Instance]] = {}
        for request in requests:
            documents.setdefault(document_of(request), {})[id(request)] = request
        found: dict[int, Iterator[T]] = {}
        for document, instances in documents.items():
            unique = sorted(instances.values(), key=lambda one: one.idx)
            answers, repeats = self._of(document, unique, read), unique[0].repeats
            for place, one in enumerate(unique):
                end = repeats * (place + 1)
                found[id(one)] = iter(answers[end - repeats : end] if answers else [nothing] * repeats)
        self._done += len(documents)
        self._report(self._done)
        return [next(found[id(request)]) for request in requests]

    def _of(self, document: Document, unique: Sequence[Instance], read: Callable[[str], T]) -> list[T]:
        """All responses of a document, request by request; none, which is noted, where they do not count."""
        stored = self._stored.get(document)
        why = why_not(stored, unique)
        if stored is not None and not why:
            try:
                answers = [read(text) for text in stored.responses]
            except ValueError:
                why = UNREADABLE
            else:
                self.replayed += len(answers)
                return answers
        self.lacking.setdefault(document[0], Counter())[why] += 1
        return []


def why_not(stored: Sample | None, requests: Sequence[Instance]) -> str:
    """Why a sample's responses do not answer these requests of its document, or ""."""
    if stored is None:
        return ABSENT
    if not stored.asked:
        return UNKNOWN
    same = stored.asked == asked_of([one.args for one in requests])
    return "" if same and len(stored.responses) == len(requests) * requests[0].repeats else CHANGED


def document_of(request: Instance) -> Document:
    return str(request.task_name), int(request.doc_id or 0)


def likelihood(text: str) -> tuple[float, bool]:
    """ "(-1.5, True)" as the pair that it was; raises ValueError for anything else."""
    number, _, greedy = text.removeprefix("(").removesuffix(")").partition(", ")
    if greedy not in ("True", "False"):
        raise ValueError(f"{text[:40]!r} is no log-likelihood")
    return float(number), greedy == "True"
