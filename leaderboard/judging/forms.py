"""The two ways of judging, and the limits."""

PAIRS, GRADES = "pairs", "grades"
FORMS = {PAIRS: "Which answer is better, asked in either order", GRADES: "A grade from 1 to 5 for each answer alone"}
RUBRIC = 4_000
"""Characters of one."""
TEXT = 16_000
"""Characters of a prompt, a reference or an answer that a judge is shown; the rest is cut, and said to be."""
REPLY_TOKENS = 512
LEAST_ITEMS, USUAL_ITEMS, MOST_ITEMS = 2, 200, 5_000
LOWEST, HIGHEST = 1, 5
USUAL_RUBRIC = (
    "Prefer the answer that does what the request asks: correct first, then complete, then clear. Length is no merit, "
    "nor is tone."
)


def suite_name(bakeoff: int) -> str:
    """Of the private suites in which a bake-off's answers are judged; each judging is a version of it."""
    return f"judging.{bakeoff}"
