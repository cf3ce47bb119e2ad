"""An HTML page that shows how music follows its clip, measured by :mod:`amt.measure`."""

from amt.report.clip import check_embeddable
from amt.report.page import ReportOptions, write_report
from amt.report.sound import Sound, SoundSource, encode_mp3

__all__ = [
    "ReportOptions",
    "Sound",
    "SoundSource",
    "check_embeddable",
    "encode_mp3",
    "write_report",
]
