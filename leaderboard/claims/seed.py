"""The claims that a site begins with: what is said of open-weights and proprietary models everywhere."""

from typing import NamedTuple

from leaderboard.claims.terms import At, Cheaper, Group, LongerContext, NotBehind, Terms


class Seed(NamedTuple):
    slug: str
    text: str
    who: str
    terms: Terms


OPEN, PROPRIETARY = Group(kind="open"), Group(kind="proprietary")
SEEDS = (
    Seed(
        "9b-matches-70b",
        "A 9B model matches 70B-class reasoning.",
        "said of small models",
        NotBehind(
            Group(kind="open", least_parameters=8e9, most_parameters=10e9),
            Group(kind="open", least_parameters=65e9, most_parameters=80e9),
            (At("parity-core@1", "parity_gsm8k"), At("parity-core@1", "parity_bbh")),
            margin=2.0,
        ),
    ),
    Seed(
        "within-2-percent",
        "The best open-weights models are within 2 % of proprietary ones on MMLU and HumanEval.",
        "said of open-weights models",
        NotBehind(
            OPEN,
            PROPRIETARY,
            (At("parity-core@1", "parity_mmlu"), At("code@1", "humaneval")),
            margin=2.0,
            over="each",
        ),
    ),
    Seed(
        "self-hosting-60-80-percent-cheaper",
        "Self-hosting is 60-80 % cheaper at scale.",
        "said of self-hosting",
        Cheaper(
            "parity-core@1",
            least=60,
            most=80,
            hardware="H100",
            price_low=2.69,
            price_high=6.88,
            requests=10_000_000,
        ),
    ),
    Seed(
        "1m-against-128-256k",
        "Proprietary models read 1M tokens of context, open-weights ones 128-256K.",
        "said of long contexts",
        LongerContext(PROPRIETARY, OPEN, at_least=1_000_000, at_most=262_144),
    ),
)
