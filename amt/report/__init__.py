"""A page that shows how music follows its picture; :mod:`amt.report.measure` is its ruler."""

from amt.report.page import write_report
from amt.report.sound import Sound

__all__ = ["Sound", "write_report"]
