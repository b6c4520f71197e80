"""How a model is run: one file an engine. Only here and in `evaluator.harness` may torch, vLLM or lm-eval be imported."""
