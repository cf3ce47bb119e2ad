"""Training loop and measures that all models share."""
