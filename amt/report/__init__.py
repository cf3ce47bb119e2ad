"""A page that shows how music follows its picture; :mod:`amt.measure` is its ruler."""

from amt.report.clip import check_embeddable
from amt.report.page import ReportOptions, write_report
from amt.report.sound import Sound, SoundSource

__all__ = ["ReportOptions", "Sound", "SoundSource", "check_embeddable", "write_report"]
