"""Composes an editable soundtrack that follows a video: the symbolic pipeline."""
