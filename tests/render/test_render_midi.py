from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from render.audio import Audio, measure_loudness, write_audio
from render.engine import render_to_disk
from render.errors import EngineError, MidiFileError, SoundfontError
from render.files.reporter import callback_reporter
from render.options import RenderOptions
from render.score import Note, Part
from render.soundfont.player import MAX_TAIL_S, load_player
from render.soundfont.synthesisers import ENGINES, Engine, choose_engine
from tests.render.events import band, control, named, note, program
from tests.render.rendering import render_midi, render_stems

RATE = 44100
STRINGS, FLUTE, ORGAN = 48, 73, 19


@pytest.fixture
def render(engine: Engine, tim: Path):
    """Render on an engine; where it is not installed, only the error it gives can be seen."""
    if not engine.is_installed():
        with pytest.raises(EngineError, match=f"engine {engine.name} .*or choose another engine"):
            choose_engine(engine.name)
        return None

    def call(path: Path, **options) -> Audio:
        return render_midi(path, engine=engine.name, soundfont=tim, **options)

    return call


def level_db(audio: Audio, start_s: float, end_s: float) -> float:
    a, b = round(start_s * audio.sample_rate), round(end_s * audio.sample_rate)
    return float(10 * np.log10(np.square(audio.samples[:, a:b]).mean() + 1e-12))


def pitch_hz(audio: Audio, start_s: float, end_s: float) -> float:
    a, b = round(start_s * audio.sample_rate), round(end_s * audio.sample_rate)
    wave = audio.samples.mean(axis=0)[a:b]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size), 8 * wave.size))
    return float(spectrum.argmax() * audio.sample_rate / (8 * wave.size))


def test_a_band_is_loud_clean_and_rings_out(render, write_midi):
    if render is None:
        return
    seen: list[float] = []
    audio = render(
        write_midi(*band()), reporter=callback_reporter(lambda _, share: seen.append(share))
    )
    loudness = measure_loudness(audio.blocks(), audio.sample_rate)
    assert loudness.integrated_lufs == pytest.approx(-14.0, abs=0.5)
    assert np.abs(audio.samples).max() <= 10 ** (-1 / 20) + 1e-6
    assert np.isfinite(audio.samples).all()
    windows = np.arange(0, audio.duration_s - 0.05, 0.05)
    assert np.mean([level_db(audio, t, t + 0.05) < -60 for t in windows]) < 0.2
    assert 8.05 < audio.duration_s < 8.0 + MAX_TAIL_S
    assert level_db(audio, audio.duration_s - 0.01, audio.duration_s) < -60
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_equal_files_give_equal_bytes(render, write_midi, tmp_path):
    if render is None:
        return
    path = write_midi(*band())
    for name in ("a.wav", "b.wav"):
        write_audio(render(path), tmp_path / name)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize("number", [7, 11])
def test_volume_and_expression_follow_general_midi(render, write_midi, number):
    if render is None:
        return
    events = [program(STRINGS), *note(0, 5760)]
    values = {0: 32, 1920: 64, 3840: 127}
    events += [control(tick, number, value) for tick, value in values.items()]
    audio = render(write_midi(events), normalise=False)
    soft, middle, loud = (level_db(audio, t + 0.8, t + 1.9) for t in (0, 2, 4))
    assert middle - soft == pytest.approx(40 * np.log10(64 / 32), abs=2.5)
    assert loud - middle == pytest.approx(40 * np.log10(127 / 64), abs=2.5)


def test_a_crescendo_grows(render, write_midi):
    if render is None:
        return
    crescendo = [control(tick, 11, 20 + tick * 107 // 3840) for tick in range(0, 3840, 30)]
    audio = render(write_midi([program(STRINGS), *crescendo, *note(0, 3840)]))
    levels = [level_db(audio, t, t + 0.8) for t in (0.2, 1.2, 2.2, 3.2)]
    assert all(later > earlier + 2 for earlier, later in pairwise(levels))


def test_the_pedal_holds_and_lets_go(render, write_midi):
    if render is None:
        return
    pedal = [control(0, 64, 127), control(3840, 64, 0)]
    held = render(write_midi([program(ORGAN), *pedal, *note(0, 480)]), normalise=False)
    dry = render(write_midi([program(ORGAN), *note(0, 480)]), normalise=False)
    assert level_db(held, 3.0, 3.9) > level_db(held, 0.2, 0.5) - 6
    assert dry.duration_s < 3.0
    assert 4.0 < held.duration_s < 6.0


def test_pan_bend_programs_and_drums(render, write_midi):
    if render is None:
        return
    left = [program(FLUTE), control(0, 10, 0), *note(0, 1920, 69)]
    bent = [(960, mido.Message("pitchwheel", pitch=8191))]
    audio = render(write_midi([*left, *bent]), normalise=False)
    assert level_db(Audio(audio.samples[:1], RATE), 0.2, 0.9) > 10 + level_db(
        Audio(audio.samples[1:], RATE), 0.2, 0.9
    )
    semitones = 12 * np.log2(pitch_hz(audio, 1.2, 1.9) / pitch_hz(audio, 0.2, 0.9))
    assert semitones == pytest.approx(2.0, abs=0.2)
    kick = render(write_midi(note(0, 240, 36, channel=9)), normalise=False)
    tone = render(write_midi(note(0, 240, 36)), normalise=False)
    assert kick.samples.any()
    assert kick.samples.shape != tone.samples.shape


def test_forty_tracks_on_sixteen_channels(render, write_midi):
    if render is None:
        return
    tracks = [[program(i, i % 9), *note(480 * i, 480, 40 + i, channel=i % 9)] for i in range(40)]
    audio = render(write_midi(*tracks), normalise=False)
    alone = render(write_midi(tracks[22]), normalise=False)
    window = (11.05, 11.45)
    assert pitch_hz(audio, *window) == pytest.approx(pitch_hz(alone, *window), rel=0.02)
    assert all(level_db(audio, t, t + 0.4) > -80 for t in np.arange(0.05, 20, 0.5))


def test_fortissimo_does_not_clip_inside_the_engine(render, write_midi):
    if render is None:
        return
    chord = [e for pitch in range(30, 90) for e in note(0, 960, pitch, 127)]
    single = [e for pitch in range(30, 90, 2) for e in note(0, 960, pitch, 127)]
    events = [program(61), control(0, 7, 127)]
    full = render(write_midi([*events, *chord]), normalise=False)
    half = render(write_midi([*events, *single]), normalise=False)
    assert level_db(full, 0.2, 0.9) - level_db(half, 0.2, 0.9) > 2.0
    crest = np.abs(full.samples).max() / np.sqrt(np.square(full.samples[:, :RATE]).mean())
    assert crest > 3.0


def test_stems_add_up_to_the_master(engine: Engine, write_midi, tim):
    if not engine.is_installed():
        return
    options = {"engine": engine.name, "soundfont": tim, "loudness_lufs": -30.0}
    path = write_midi(*band(), [named("Piano"), *note(960, 480, 84)])
    master = render_midi(path, **options)
    stems = render_stems(path, **options)
    assert list(stems) == ["01_piano.wav", "02_strings.wav", "03_drums.wav", "04_piano.wav"]
    assert {stem.samples.shape for stem in stems.values()} == {master.samples.shape}
    total = sum(stem.samples for stem in stems.values())
    np.testing.assert_allclose(total, master.samples, atol=1e-6)


def test_stem_names_are_safe(write_midi, tim):
    names = ["Ænima/../Violín №1", "...", "CON", "x" * 300]
    tracks = [[named(n.encode("latin-1", "ignore").decode("latin-1")), *note(0, 10)] for n in names]
    stems = render_stems(write_midi(*tracks), engine="midirenderer", soundfont=tim)
    assert list(stems)[:3] == ["01_nima_violin_1.wav", "02_track.wav", "03_con.wav"]
    assert len(list(stems)[3]) == 47


@pytest.mark.parametrize("seconds", [0.5, 5.0, 30.0])
def test_master_and_stems_fit_a_length(write_midi, tim, seconds):
    path = write_midi(*band())
    options = {"engine": "midirenderer", "soundfont": tim, "duration_s": seconds}
    stems = render_stems(path, **options, sample_rate=22050).values()
    for audio in (render_midi(path, **options, sample_rate=22050), *stems):
        assert audio.samples.shape == (2, round(22050 * seconds))
        assert np.abs(audio.samples[:, -5:]).max() < 1e-3


def test_all_engines_play_at_the_same_time(write_midi, tim):
    """Onsets agree within 10 ms, also after a tempo change and far from the start."""
    tempos = [(960, mido.MetaMessage("set_tempo", tempo=1_000_000))]
    path = write_midi(tempos, note(9600, 480, 38, channel=9))
    for engine in ENGINES:
        if engine.is_installed():
            audio = render_midi(path, engine=engine.name, soundfont=tim, normalise=False)
            peaks = np.abs(audio.samples).max(axis=0)
            onset_s = np.argmax(peaks > 0.1 * peaks.max()) / RATE
            assert onset_s == pytest.approx(19.0, abs=0.01)


def test_silence_stays_silent(write_midi, tim):
    path = write_midi([control(0, 7, 0), *note(0, 480)])
    audio = render_midi(path, engine="midirenderer", soundfont=tim)
    assert not audio.samples.any()


def test_auto_takes_the_best_engine():
    installed = [engine for engine in ENGINES if engine.is_installed()]
    assert choose_engine("auto") is installed[0]


def test_bad_requests_are_named(write_midi, tmp_path, tim):
    path = write_midi(*band())
    with pytest.raises(EngineError, match="choose one of auto, fluidsynth, midirenderer"):
        render_midi(path, engine="timidity")
    with pytest.raises(EngineError, match="tinysoundfont is no longer supported"):
        render_midi(path, engine="tinysoundfont")
    with pytest.raises(EngineError, match="expected 8000 to 96000"):
        render_midi(path, sample_rate=0)
    with pytest.raises(SoundfontError, match="cannot read the soundfont"):
        render_midi(path, soundfont=tmp_path / "none.sf2")
    with pytest.raises(MidiFileError, match="is not a MIDI file"):
        render_midi(tim)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_stems_as_written_are_the_mix_before_its_limiter(write_midi, tim, tmp_path, suffix):
    """One gain for all, so that no stem passes full scale however far the limiter has to go."""
    kick = [event for i in range(8) for event in note(480 * i, 60, 36, 127, channel=9)]
    piano = [event for i in range(8) for event in note(480 * i, 400, 60 + i, 30)]
    path = write_midi([named("Kick"), *kick], [named("Piano"), *piano])
    asked = RenderOptions("midirenderer", tim, loudness_lufs=-5.0)
    messages: list[str] = []
    with render_to_disk(
        path, asked, stems=True, reporter=callback_reporter(message=messages.append)
    ) as rendering:
        mix = replace(rendering.master, ceiling_db=None).audio().samples
        assert np.abs(mix).max() > 1
        stems = []
        for name, stem in rendering.stems.items():
            file = (tmp_path / name).with_suffix(suffix)
            stem.write(file)
            stems.append(soundfile.read(file, dtype="float64", always_2d=True)[0].T)
        gain = rendering.stems_gain
    assert max(np.abs(stem).max() for stem in stems) == pytest.approx(1.0, abs=1e-6)
    assert [sentence for sentence in messages if "stems" in sentence] == [
        f"stems are {-20 * np.log10(gain):.1f} dB below the mix, so that none clips"
    ]
    np.testing.assert_allclose(sum(stems), gain * mix, atol=len(stems) * 2**-23)


def test_what_plays_is_named(engine: Engine, write_midi, tim):
    if not engine.is_installed():
        return
    with render_to_disk(write_midi(*band()), RenderOptions(engine.name, tim)) as rendering:
        instrument = rendering.instrument
    assert instrument.engine == engine.name
    assert instrument.version[0].isdigit()
    assert (instrument.soundfont, instrument.soundfont_name) == (tim, "TimGM6mb")


def test_drums_on_any_channel_are_drums(engine: Engine, tim):
    """A part that is drums plays the kit of its program, whatever bank XG or GS had named."""
    if not engine.is_installed():
        return
    kick = (Note(0.0, 0.3, 38, 100),)

    def played(kit: int, *banks: int) -> np.ndarray:
        controls = [(0.0, mido.Message("control_change", control=0, value=b)) for b in banks]
        controls.append((0.0, mido.Message("program_change", program=kit)))
        player = load_player(engine.name, tim, 22050)  # anew, as its chorus runs on
        return player.play(Part("Kit", True, kick, tuple(controls)), 11025)

    np.testing.assert_array_equal(played(0), played(0, 127))
    np.testing.assert_array_equal(played(25), played(25, 120))
    assert not np.array_equal(played(0), played(25))
