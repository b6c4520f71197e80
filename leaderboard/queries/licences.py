"""Under which licence a task's data are, as their publishers say on the data sets' pages; nothing here is guessed."""

from typing import NamedTuple


class Licence(NamedTuple):
    """`dataset` is the data set's name on the Hub."""

    dataset: str
    name: str


MIT, APACHE = "MIT", "Apache-2.0"

BY_TASK = {
    "arc_challenge": Licence("allenai/ai2_arc", "CC BY-SA 4.0"),
    "arc_easy": Licence("allenai/ai2_arc", "CC BY-SA 4.0"),
    "bbh": Licence("SaylorTwift/bbh", MIT),
    "boolq": Licence("aps/super_glue", "CC BY-SA 3.0"),
    "commonsense_qa": Licence("tau/commonsense_qa", MIT),
    "gsm8k": Licence("openai/gsm8k", MIT),
    "hellaswag": Licence("Rowan/hellaswag", MIT),
    "humaneval": Licence("openai/openai_humaneval", MIT),
    "ifeval": Licence("google/IFEval", APACHE),
    "leaderboard_bbh": Licence("SaylorTwift/bbh", MIT),
    "leaderboard_gpqa": Licence("Idavidrein/gpqa", "CC BY 4.0"),
    "leaderboard_ifeval": Licence("google/IFEval", APACHE),
    "leaderboard_mmlu_pro": Licence("TIGER-Lab/MMLU-Pro", MIT),
    "mbpp": Licence("google-research-datasets/mbpp", "CC BY 4.0"),
    "mmlu": Licence("cais/mmlu", MIT),
    "mmlu_pro": Licence("TIGER-Lab/MMLU-Pro", MIT),
    "openbookqa": Licence("allenai/openbookqa", APACHE),
    "truthfulqa_gen": Licence("truthfulqa/truthful_qa", APACHE),
    "truthfulqa_mc1": Licence("truthfulqa/truthful_qa", APACHE),
    "truthfulqa_mc2": Licence("truthfulqa/truthful_qa", APACHE),
    "wikitext": Licence("EleutherAI/wikitext_document_level", "CC BY-SA 3.0"),
}
"""lm-eval's tasks by name. Two data sets are in no mirror of ours, and were read on the Hub alone:
huggingface.co/datasets/Idavidrein/gpqa says "License: cc-by-4.0" (read there in 2026), and
huggingface.co/datasets/TIGER-Lab/MMLU-Pro "License: mit" (read in 2025; before, its copies said Apache-2.0, as its code
has it). A task that merely begins alike (mmlu_redux, mbpp_plus) may have other data."""


def licence_of(task: str) -> Licence | None:
    """The licence of the data of one of lm-eval's tasks; None where it is not known here."""
    return BY_TASK.get(task)
