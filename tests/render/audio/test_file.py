"""Written files are read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from render.audio import write_audio
from render.errors import AudioError
from tests.render.audio.sounds import RATE, noise, sine


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_written_files_read_back_and_repeat(tmp_path: Path, suffix: str):
    audio = noise(0.1, 0.5)
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_audio(audio, first)
    write_audio(audio, second)
    samples, rate = soundfile.read(first, dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(samples.T, audio.samples, atol=2**-23)
    assert first.read_bytes() == second.read_bytes()


def test_bad_names_are_named(tmp_path: Path):
    with pytest.raises(AudioError, match=r"name it \.wav or \.flac"):
        write_audio(sine(0.1, 0.1), tmp_path / "song.mp3")
    with pytest.raises(AudioError, match="cannot write"):
        write_audio(sine(0.1, 0.1), tmp_path / "no folder" / "song.wav")


def test_what_is_too_long_for_a_wav_file_becomes_rf64(tmp_path: Path, monkeypatch):
    audio = noise(0.1, 0.5)
    write_audio(audio, tmp_path / "short.wav")
    monkeypatch.setattr("render.audio.file._MAX_WAV_BYTES", 1000)
    write_audio(audio, tmp_path / "long.wav")
    assert soundfile.info(tmp_path / "long.wav").format == "RF64"
    short, long = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("short", "long"))
    np.testing.assert_array_equal(short, long)
