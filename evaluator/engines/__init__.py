"""How a model is run: one file an engine. Only here and in `evaluator.harness` are torch, vLLM and lm-eval imported."""
