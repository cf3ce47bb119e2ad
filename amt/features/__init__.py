"""What the pipeline knows of a clip: :func:`extract_features` and its files and pictures."""

from amt.features.extract import extract_features, load_features, save_features
from amt.features.plot import plot_features

__all__ = ["extract_features", "load_features", "plot_features", "save_features"]
