"""E-mail addresses, phone numbers and keys in texts: found, and masked where asked.

By patterns, so that names, addresses and much else go unnoticed: whoever uploads is told so.
"""

import re

from leaderboard.workloads.records import Item, Message

PATTERNS = {
    "key": re.compile(
        r"\b(?:sk|rk|pk)[-_](?:[a-z0-9]+[-_])*[A-Za-z0-9_-]{20,200}"
        r"|\b(?:gh[pousr]_|github_pat_|glpat-|hf_|xox[abprs]-|npm_|pypi-|parity_|whsec_)[A-Za-z0-9_-]{16,200}"
        r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}"
        r"|\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{5,4000}\.[A-Za-z0-9_-]{5,1000}"
        r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    ),
    "e-mail": re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}\.[A-Za-z]{2,24}\b"),
    "phone": re.compile(
        r"(?<![\w.+-])(?:\+[1-9]|00[1-9])(?:[ ./()-]{0,2}[0-9]){7,13}(?![0-9])"
        r"|(?<![\w.+-])(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}(?![\w-])"
    ),
}
"""In the order in which they are masked: a key may hold what looks like a number."""
HINTS = {
    "key": re.compile(r"[a-z]_|[srp]k-|pat-|xox|AKIA|AIza|eyJ|KEY-|pypi-"),
    "e-mail": re.compile("@"),
    "phone": re.compile(r"\+[1-9]|00[1-9]|[0-9]{3}[ .-][0-9]{4}"),
}
"""What a text has to hold for a pattern to be worth a try: most texts hold none of it, and there are many."""


def found(text: str) -> list[str]:
    """The kinds of personal data in a text."""
    return [kind for kind, pattern in PATTERNS.items() if HINTS[kind].search(text) and pattern.search(text)]


def masked(text: str) -> str:
    """The text with each of them replaced by its kind: "[e-mail]"."""
    for kind, pattern in PATTERNS.items():
        if HINTS[kind].search(text):
            text = pattern.sub(f"[{kind}]", text)
    return text


def texts_of(item: Item) -> list[tuple[str, str]]:
    """Every text of an item, with the field that it stands in."""
    texts = [("prompt", one.content) for one in item.messages]
    texts += [("reference", one) for one in item.references] + [("choices", one) for one in item.choices]
    texts += [("production", item.production)] if item.production else []
    return texts + [("tags", one) for one in item.tags] + [("id", item.key)]


def without(item: Item) -> Item:
    """The item, masked."""
    return Item(
        line=item.line, key=masked(item.key), messages=tuple(Message(m.role, masked(m.content)) for m in item.messages),
        references=tuple(map(masked, item.references)), tags=tuple(map(masked, item.tags)),
        production=None if item.production is None else masked(item.production),
        choices=tuple(map(masked, item.choices)), settings=item.settings,
    )  # fmt: skip
