"""Published corpora and raw videos become training examples."""
