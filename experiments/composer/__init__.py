"""The composer: examples, training, baselines, ablations."""
