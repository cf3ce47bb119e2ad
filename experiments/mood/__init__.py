"""Whether the music carries the mood that was asked for: features, classifier, report."""
