"""Progress, messages and cancelling: :mod:`render.files.reporter`, which both packages use."""

from render.files.reporter import DEFAULT_REPORTER as DEFAULT_REPORTER
from render.files.reporter import SILENT as SILENT
from render.files.reporter import Cancelled as Cancelled
from render.files.reporter import CancelToken as CancelToken
from render.files.reporter import Display as Display
from render.files.reporter import Reporter as Reporter
from render.files.reporter import SilentDisplay as SilentDisplay
from render.files.reporter import callback_reporter as callback_reporter
