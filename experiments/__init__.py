"""Training, evaluation, baselines and results."""
