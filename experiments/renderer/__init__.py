"""The neural renderer: examples, training, systems compared, measures, report."""
