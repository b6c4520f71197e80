"""What is kept of each answer to a workload's prompt, in one byte, so that reports of many need not read them again."""

EXTRACTED = 1
"""There is an answer in the form asked for."""
REFUSED = 2
"""It reads like a refusal (`evaluator.scoring.refusals`)."""
CUT = 4
"""It ended at its limit of tokens."""
EMPTY = 8
"""Nothing came back: also what an endpoint would not answer."""
