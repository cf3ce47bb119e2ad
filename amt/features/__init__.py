"""Features of a clip (:class:`amt.types.VideoFeatures`): extraction, NPZ files and plots."""

from amt.features.extract import extract_features
from amt.features.files import load_features, save_features
from amt.features.plot import plot_features

__all__ = ["extract_features", "load_features", "plot_features", "save_features"]
