"""What was measured here in the formats of others: lm-eval's result and sample files, the Hub's evaluation results."""
