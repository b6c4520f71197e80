"""Log-likelihood requests of every kind, for tests that ask one engine in two ways."""

from typing import Any

LONGEST = 512
STORY = (
    "The harbour lay still in the early light. A boat with a torn sail came round the point, and the men on the quay "
    "stopped talking. Nobody had expected it before the end of the month. "
)
Request = tuple[Any, list[int], list[int]]


def requests(model: Any, *, most: int = 150) -> dict[str, list[Request]]:
    """By kind, what lm-eval asks: (key, tokens of the context, tokens of the continuation); `most` choices of one."""

    def pairs(context: str, *choices: str) -> list[Request]:
        return [((context, choice), *model._encode_pair(context, choice)) for choice in choices]

    questions = [STORY + f"Question {number}: what came round the point?\nAnswer:" for number in range(4)]
    numbered = [STORY * 3 + f"The number is {number}.\nAnswer:" for number in range(700, 708)]
    long = " the boat with the torn sail that nobody had expected came slowly" * 4
    words = [f" {word}" for word in sorted(model.tokenizer.get_vocab()) if word.isalpha()][:most]
    return {
        "single tokens": [one for text in questions for one in pairs(text, " A", " B", " C", " D")],
        "longer choices": [
            one for text in questions for one in pairs(text, " a boat", " the men on it", " a torn sail")
        ],
        "a beginning in common": pairs(questions[0], f"{long} in.", f"{long} out.", f"{long} in again."),
        "equal requests": pairs(questions[1], " a boat", " a boat"),
        "many choices": pairs(questions[2], *words),
        "the likeliest": [(None, model.tok_encode(STORY)[:40], model.tok_encode(STORY)[40:44])],
        "rolling": [(None, [model.prefix_token_id], model.tok_encode(STORY * 3)[:120])],
        "too long": pairs(STORY * 16 + "Answer:", " a boat", " the men"),
        "contexts in turn": [one for text in numbered for one in pairs(text, " yes, it is", " no", " I see")],
    }
