"""OpenCV, or one sentence on how to have it; every module of ours takes it from here."""

from __future__ import annotations

from amt.libraries import explained

try:
    import cv2

    if not hasattr(cv2, "cvtColor"):
        # opencv-python and opencv-python-headless share a folder: who removes one, harms the other.
        raise ImportError("its files are gone", name="cv2")
except ImportError as error:
    raise explained(error) or error from error

__all__ = ["cv2"]
