"""The parts of `evaluator.sandbox`: what builds the walls (`walls`), and what runs behind them (`inside`)."""
