"""The expression regressor: examples and training."""
