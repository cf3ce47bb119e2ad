"""The neural renderer as an engine among others, with networks that have learned nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from render.diffusion import synthesize
from render.diffusion.engine import SOUNDFONT_GAINS
from render.engine import render_to_disk
from render.errors import EngineError, MidiFileError, WeightsError
from render.files.reporter import callback_reporter
from render.options import NeuralOptions, RenderOptions
from render.soundfont.player import load_player
from tests.render.events import band, control, named, note, program
from tests.render.networks import save_tiny_renderer
from tests.render.rendering import render_midi, render_stems

RATE = 44100
TUNED = [control(0, number, value, channel=3) for number, value in ((101, 0), (100, 1), (6, 70))]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_renderer(tmp_path_factory.mktemp("networks"))


@pytest.fixture
def options(networks: Path, tim: Path):
    """What a test asks, on tiny networks."""

    def make(engine: str = "diffusion", **neural) -> dict:
        asked = {"steps": 1, "networks": networks} | neural
        return {"engine": engine, "soundfont": tim, "neural": NeuralOptions(**asked)}

    return make


def test_equal_seeds_give_equal_sound_at_the_rate_that_was_asked(options, write_midi):
    path = write_midi(*band())
    shares: list[float] = []
    first = render_midi(
        path, **options(), reporter=callback_reporter(lambda _, share: shares.append(share))
    )
    again, other = (render_midi(path, **options(seed=seed)) for seed in (0, 1))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert not np.array_equal(first.samples, other.samples)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    for rate in (24000, 48000):
        audio = render_midi(path, **options(), sample_rate=rate)
        assert audio.sample_rate == rate
        assert audio.duration_s == pytest.approx(first.duration_s, abs=0.2)
    assert np.abs(first.samples).max() <= 10 ** (-1 / 20) + 1e-6


def test_the_number_of_threads_changes_no_sample(options, write_midi):
    path, n_threads = write_midi(*band()), torch.get_num_threads()
    takes = []
    for n in (1, 3):
        torch.set_num_threads(n)
        takes.append(render_midi(path, **options()).samples)
        assert torch.get_num_threads() == n
    torch.set_num_threads(n_threads)
    np.testing.assert_array_equal(*takes)


def test_buses_and_what_a_soundfont_plays_are_stems_of_the_master(options, write_midi):
    path = write_midi(*band(), [named("Pipes"), program(109, 2), *note(960, 480, 72, channel=2)])
    choices = options() | {"loudness_lufs": -30.0}
    master = render_midi(path, **choices)
    stems = render_stems(path, **choices)
    assert list(stems) == ["01_piano.wav", "02_strings.wav", "03_drums.wav", "04_pipes.wav"]
    total = sum(stem.samples for stem in stems.values())
    np.testing.assert_allclose(total, master.samples, atol=1e-5)
    pipes = np.abs(stems["04_pipes.wav"].samples).max(axis=0)
    assert np.flatnonzero(pipes > 0.1 * pipes.max())[0] / RATE == pytest.approx(1.0, abs=0.05)


def test_a_soundfont_plays_at_the_level_that_was_learned(options, write_midi, tim):
    path = write_midi([program(109), *note(0, 960, 72)])
    mixed = render_midi(path, **options(), normalise=False)
    alone = render_midi(path, soundfont=tim, normalise=False)
    engine = load_player("auto", tim, RATE).engine
    gain = np.abs(mixed.samples).max() / np.abs(alone.samples).max()
    assert gain == pytest.approx(SOUNDFONT_GAINS[engine], rel=1e-3)


UNSUPPORTED = {
    "a program": ([program(109, 3), *note(0, 480, channel=3)], r"program 109 \(Bagpipe\) in Lead"),
    "tuning": ([*TUNED, *note(0, 480, channel=3)], "tuning in Lead"),
    "a drum key": (note(0, 100, 20, channel=9), "drum key 20 in Lead"),
    "a low note": (
        [program(73, 3), *note(0, 480, 30, channel=3)],
        "woodwind outside MIDI pitches 34",
    ),
}


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_unsupported_notes_are_named_and_played_or_refused(options, write_midi, kind):
    events, message = UNSUPPORTED[kind]
    path = write_midi(*band(), [named("Lead"), *events])
    messages: list[str] = []
    stems = render_stems(path, **options(), reporter=callback_reporter(message=messages.append))
    assert len(messages) == 1
    with pytest.raises(EngineError, match=f"does not support {message}.* let a soundfont play"):
        render_midi(path, **options(unsupported="refuse"))
    assert stems["04_lead.wav"].samples.any()


def test_many_tracks_are_counted(options, write_midi):
    tracks = [[named(f"T{i}"), program(109), *note(0, 48)] for i in range(6)]
    messages: list[str] = []
    render_midi(
        write_midi(*tracks), **options(), reporter=callback_reporter(message=messages.append)
    )
    assert "in T0, T1, T2 and 3 more tracks, which" in messages[0]


def test_supported_notes_need_no_soundfont(options, write_midi, tmp_path):
    messages: list[str] = []
    choices = options() | {"soundfont": tmp_path / "none.sf2"}
    assert render_midi(
        write_midi(*band()), **choices, reporter=callback_reporter(message=messages.append)
    ).samples.any()
    assert messages == []


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"steps": 0}, EngineError, "steps` is 0; expected a whole number from 1 to 20"),
        ({"steps": 21}, EngineError, "steps` is 21; expected a whole number from 1 to 20"),
        ({"networks": Path("nowhere")}, WeightsError, "no predictor at nowhere"),
    ],
)
def test_bad_requests_are_named(options, write_midi, choices, error, message):
    with pytest.raises(error, match=message):
        render_midi(write_midi(*band()), **options(**choices))


def test_odd_files_are_played_or_named(options, write_midi):
    with pytest.raises(MidiFileError, match="holds no notes"):
        render_midi(write_midi([named("Nothing"), program(0)]), **options())
    assert render_midi(write_midi(note(0, 0)), **options()).samples.any()
    forty = [[program(i), *note(240 * i, 200, 60 + i % 12)] for i in range(40)]
    assert render_midi(write_midi(*forty), **options()).duration_s > 9.5
    pedal = [control(0, 64, 127), *note(0, 240), control(3840, 64, 0)]
    dry = render_midi(write_midi(note(0, 240)), **options()).duration_s
    assert render_midi(write_midi(pedal), **options()).duration_s > dry + 1.5


def test_hours_of_rests_cost_nothing(options, write_midi, tmp_path, monkeypatch):
    calls = []
    sample = synthesize.sample
    monkeypatch.setattr(synthesize, "sample", lambda *args: calls.append(1) or sample(*args))
    hour = 3600 * 960
    path = write_midi(note(0, 480), note(hour - 960, 480, 67), [program(109), *note(hour, 480)])
    asked = RenderOptions(sample_rate=8000, **options())
    with render_to_disk(path, asked, folder=tmp_path) as rendering:
        assert len(calls) < 12
        assert len(rendering.master.buffer._positions) < 6
        rendering.master.write(tmp_path / "hour.flac")
    assert soundfile.info(tmp_path / "hour.flac").duration > 3600
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".flac", ".mid")] == []
