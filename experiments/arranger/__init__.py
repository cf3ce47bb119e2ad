"""The arranger: examples, training, baselines, measures, report."""
