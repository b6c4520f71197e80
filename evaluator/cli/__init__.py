"""The worker's command line: `python -m evaluator run` and `python -m evaluator worker`."""
