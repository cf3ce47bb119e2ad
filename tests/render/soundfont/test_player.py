"""Long parts: rests that are passed over, notes that are held for an hour."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest

from render.audio.blocks import BLOCK_FRAMES
from render.score import Note, Part
from render.soundfont import midirenderer
from render.soundfont.midirenderer import crossfaded
from render.soundfont.player import MAX_TAIL_S, REST_S, load_player, phrases
from render.soundfont.synthesisers import Engine

RATE = 22050
STRINGS = (0.0, mido.Message("program_change", program=48))


def part_of(*notes: Note, controls: tuple = (STRINGS,)) -> Part:
    return Part("Strings", False, notes, controls)


def long_part(seconds: int, length_s: float = 1.5) -> Part:
    crescendo = [
        (t, mido.Message("control_change", control=11, value=90 + t % 30))
        for t in range(0, seconds, 7)
    ]
    notes = tuple(Note(float(t), t + length_s, 50 + t % 20, 80) for t in range(seconds))
    return part_of(*notes, controls=(STRINGS, *crescendo))


def test_a_part_without_long_rests_is_played_as_it_is():
    part = long_part(100)
    assert list(phrases(part)) == [(part, MAX_TAIL_S)]


def test_phrases_keep_every_note_and_what_is_set():
    crescendo = tuple(
        (9.0 * i, mido.Message("control_change", control=11, value=20 + i)) for i in range(11)
    )
    pedal = (
        (50.0, mido.Message("control_change", control=64, value=127)),
        (60.0, mido.Message("control_change", control=64, value=0)),
    )
    starts = (0.0, 2.0, 30.0, 51.0, 90.0)
    part = part_of(
        *(Note(t, t + 1, 60, 80) for t in starts),
        controls=tuple(sorted((STRINGS, *crescendo, *pedal), key=lambda event: event[0])),
    )
    found = list(phrases(part))
    held = part.sustained(part.end_s)
    assert sum((phrase.notes for phrase, _ in found), ()) == held.notes
    assert [tail for _, tail in found] == [REST_S, MAX_TAIL_S][:1] * (len(found) - 1) + [MAX_TAIL_S]
    assert len(found) == 3
    for (before, tail), (after, _) in pairwise(found):
        assert after.start_s > before.end_s + tail
    for phrase, _ in found:  # what is set at the first note is what the whole part had set
        values = [
            {m.control if m.type == "control_change" else m.type: m.bytes()
             for t, m in p.controls if t <= phrase.start_s} for p in (held, phrase)
        ]  # fmt: skip
        assert values[0] == values[1]


def played(engine: str, tim: Path, part: Part, seconds: int) -> np.ndarray:
    whole = np.zeros((2, RATE * seconds), np.float32)
    for _, start, block in load_player(engine, tim, RATE).stream([part]).blocks:
        whole[:, start : start + block.shape[1]] += block
    return whole


def powers_db(sound: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.square(sound).mean(axis=0).reshape(-1, RATE).mean(axis=1) + 1e-12)


@pytest.mark.parametrize("held", [False, True])
def test_windows_sound_as_the_whole(tim, monkeypatch, held):
    """As far as the engine's own chorus, which runs on, allows; held notes too."""
    part = long_part(16, 0.5)
    if held:
        part = part_of(Note(0.0, 16.0, 48, 90), Note(1.0, 15.0, 60, 90))
    one = played("midirenderer", tim, part, 24)
    for name, seconds in (("WINDOW_S", 6.0), ("LEAD_S", 3.0)):
        monkeypatch.setattr(midirenderer, name, seconds)
    several = played("midirenderer", tim, part, 24)
    assert not np.array_equal(one, several)
    np.testing.assert_allclose(powers_db(one)[:15], powers_db(several)[:15], atol=3.0)


def test_what_gives_way_to_the_like_of_it_does_not_change():
    time = np.arange(4800) / 4800
    tone = np.float32(0.5) * np.stack([np.sin(700 * time), np.cos(500 * time)]).astype(np.float32)
    np.testing.assert_allclose(crossfaded(tone, tone.copy()), tone, atol=1e-6)
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 2, 48000)).astype(np.float32)
    steady = crossfaded(*noise).reshape(2, 10, -1).std(axis=(0, 2))
    np.testing.assert_allclose(steady, 0.1, rtol=0.05)


def test_a_note_of_an_hour_comes_in_blocks(engine: Engine, tim, monkeypatch):
    """Only what is asked for is played, so that the first minute of an hour takes a moment."""
    if not engine.is_installed():
        return
    for name, seconds in (("WINDOW_S", 15.0), ("LEAD_S", 5.0)):
        monkeypatch.setattr(midirenderer, name, seconds)
    part = part_of(Note(0.0, 3600.0, 60, 90))
    sound = load_player(engine.name, tim, RATE).stream([part]).blocks
    done = 0
    for _, start, block in sound:
        assert start == done
        assert block.shape[1] <= 2 * BLOCK_FRAMES
        assert np.abs(block).max() > 1e-4
        done += block.shape[1]
        if done > 40 * RATE:
            break
    sound.close()
