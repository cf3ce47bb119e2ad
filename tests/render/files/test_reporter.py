"""Progress is a share of the right part, messages are logged, and a token cancels a run."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from render.files.reporter import (
    DEFAULT_REPORTER,
    SILENT,
    Cancelled,
    CancelToken,
    Reporter,
    callback_reporter,
)


def test_parts_of_parts_are_shares_of_the_stage():
    seen = []
    reporter = callback_reporter(progress=lambda stage, share: seen.append((stage, share)))
    half = reporter.stage("arranging").part(0.5, 1.0)
    half.progress(0.0)
    half.part(0.5, 1.0).progress(0.5)
    half.stage("rendering").progress(0.25)
    assert seen == [("arranging", 0.5), ("arranging", 0.875), ("rendering", 0.25)]


def test_messages_are_logged_unless_somebody_takes_them(caplog):
    said = []
    with caplog.at_level(logging.INFO, logger="amt"):
        DEFAULT_REPORTER.message("100 % of it")
        callback_reporter(message=said.append).stage("x").message("taken")
        SILENT.message("dropped")
        SILENT.progress(0.5)
    assert caplog.messages == ["100 % of it"]
    assert said == ["taken"]


def test_a_token_cancels_at_the_next_progress_report():
    token = CancelToken()
    reporter = Reporter(cancel_token=token).stage("watching").part(0.0, 0.5)
    reporter.progress(0.1)
    token.cancel()
    token.cancel()
    reporter.message("messages still arrive")
    with pytest.raises(Cancelled):
        reporter.progress(0.2)
    assert token.is_cancelled
    assert not issubclass(Cancelled, Exception)


def test_threads_may_report_at_once():
    shares = []
    reporter = callback_reporter(progress=lambda _, share: shares.append(share))
    parts = [reporter.part(i / 8, (i + 1) / 8) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda part: [part.progress(k / 100) for k in range(100)], parts))
    assert len(set(shares)) == 800
