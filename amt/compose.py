"""From what the pipeline knows of a clip to a plan: grid, key, chords, curves, sections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from amt.chords import VOCABULARY_SIZE, Chord, Key, Mode, chord_from_id
from amt.errors import InputError
from amt.features.motion import without_cuts
from amt.model.composer import Composer
from amt.model.expression import Expression
from amt.model.losses import emotion_chords
from amt.model.sampling import SamplingOptions, sample_chords
from amt.model.video import MODALITIES, VideoInput
from amt.mood import MoodSpan, apply_moods, smooth, valence_arousal
from amt.timing import GridOptions, fit_grid, steady_grid
from amt.types import EMOTIONS, ChordSpan, FloatArray, Plan, Section, TimeGrid, VideoFeatures

HOME = {"major": Key(0, "major"), "minor": Key(9, "minor")}
"""The keys in which the composer thinks."""
STRONG_CUT = 0.75
"""Strength from which a cut starts a section."""
MIN_SECTION_S = 6.0
SLOTS_OF_BAR = {1: (1,), 2: (2,), 3: (3,), 4: (2, 2), 5: (3, 2), 6: (3, 3), 7: (4, 3)}
"""How many beats each chord slot of a bar lasts, by metre: half-bars as near as can be."""
MIN_BPM, MAX_BPM = 66.0, 138.0
"""Tempo of the calmest and of the most agitated clip, unless one is asked for."""


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """What the user may decide about a piece."""

    seed: int = 0
    key: Key | None = None
    """None chooses the mode by the clip's valence and the tonic by the seed."""
    bpm: float | None = None
    """Held when given; else chosen from the clip's energy."""
    fit: bool = True
    """Whether tempo and metre are fitted to the cuts."""
    hits_s: tuple[float, ...] = ()
    """Hit points besides the cuts."""
    style: str = "orchestral"
    moods: tuple[MoodSpan, ...] = ()
    mood_blend: float = 1.0
    """How far asked moods replace what the picture says, 0 to 1."""
    mood_sigma_s: float = 3.0
    """How slowly mood may move: standard deviation of the smoothing kernel in seconds."""
    primer: tuple[Chord, ...] = ()
    """The first chords, one a slot, in the piece's key."""
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    colour: float = 0.8
    """How strongly chord qualities follow mood (Video2Music's table of qualities that fit each
    emotion): the log-odds a fitting chord gains over one that does not; 0 is off."""
    chromaticism: float = 0.4
    """0 keeps to the key, 1 takes foreign tones as the corpus does."""
    title: str = ""

    def __post_init__(self) -> None:
        for name, high in (("colour", 20.0), ("mood_blend", 1.0), ("mood_sigma_s", 600.0)):
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise InputError(f"{name} is {value}; expected a number from 0 to {high:g}")


@dataclass(frozen=True, slots=True)
class _Slot:
    """A stretch of music that holds one chord."""

    beat: int
    middle_s: float
    strong: bool
    """It begins a bar."""


def compose(
    features: VideoFeatures,
    options: ComposeOptions,
    composer: Composer,
    expression: Expression,
    progress: Callable[[float], None] | None = None,
) -> Plan:
    """Make a plan for a clip.

    Args:
        features: what is known of the clip.
        options: what the user decided.
        composer: draws the chords.
        expression: predicts loudness and density.
        progress: called with the share that is done, 0 to 1.

    Raises:
        InputError: the primer is longer than the piece.
        GridError: no grid fits the tempo and hit points asked for.
    """
    emotion = smooth(features.emotion, options.mood_sigma_s)
    emotion = apply_moods(emotion, options.moods, options.mood_blend)
    emotion = smooth(emotion, options.mood_sigma_s / 2)
    affect = valence_arousal(emotion)
    energy = energy_curve(features, affect)
    grid = _grid(features, options, energy)
    key = options.key or choose_key(affect, options.seed)
    slots = _slots(grid)
    if len(options.primer) > len(slots):
        raise InputError(
            f"the primer has {len(options.primer)} chords, but the clip has room for {len(slots)}"
        )
    sections = _sections(features, grid, emotion)
    to_home = HOME[key.mode].tonic - key.tonic
    ids = sample_chords(
        composer,
        _video_at(features, emotion, affect, slots),
        minor=key.mode == "minor",
        options=options.sampling,
        generator=torch.Generator().manual_seed(options.seed),
        bias=_chord_bias(slots, HOME[key.mode], options, emotion),
        change_bias=_change_bias(slots, {section.beat for section in sections}),
        primer=[chord.transpose(to_home).id for chord in options.primer],
        progress=progress,
    )
    loudness, density = _curves(features, expression, energy)
    return Plan(
        grid=grid,
        key=key,
        chords=_spans(slots, [chord_from_id(i).transpose(-to_home) for i in ids]),
        loudness=loudness,
        density=density,
        emotion=emotion,
        style=options.style,
        seed=options.seed,
        cuts=features.cuts,
        sections=sections,
        title=options.title,
    )


def energy_curve(features: VideoFeatures, affect: FloatArray) -> FloatArray:
    """How much is going on, [S] in 0-1: motion (log scale, 30 of 255 is full) and arousal."""
    moving = features.motion.copy()
    if len(moving) > 1:
        moving[0] = moving[1]  # second 0 has no frame before it and reads 0
    motion = smooth(np.log1p(without_cuts(moving)) / np.log1p(30.0), 1.0).clip(0, 1)
    return np.asarray(0.5 * motion + 0.25 * (affect[:, 1] + 1))


def choose_key(affect: FloatArray, seed: int) -> Key:
    """Minor for clearly negative mean valence (Hevner 1935); the tonic is drawn with ``seed``."""
    mode: Mode = "minor" if affect[:, 0].mean() < -0.05 else "major"
    return Key(int(np.random.default_rng([seed, 1]).integers(12)), mode)


def _grid(features: VideoFeatures, options: ComposeOptions, energy: FloatArray) -> TimeGrid:
    wanted = MIN_BPM + (MAX_BPM - MIN_BPM) * float(energy.mean())
    if options.fit:
        grid_options = GridOptions(preferred_bpm=wanted, fixed_bpm=options.bpm)
        return fit_grid(
            features.cuts, features.duration_s, options=grid_options, hits=options.hits_s
        )
    if options.hits_s:
        raise InputError("hit points need a fitted grid: leave out --no-fit")
    bpm = options.bpm or wanted
    return steady_grid(features.duration_s, bpm, whole_bars=options.bpm is None)


def _slots(grid: TimeGrid) -> list[_Slot]:
    slots = []
    for downbeat, beats in zip(grid.downbeats, grid.bars, strict=True):
        first = int(downbeat)
        for length in SLOTS_OF_BAR.get(beats, (beats,)):
            ends = grid.seconds_at(np.array([first, first + length], dtype=np.float64))
            slots.append(_Slot(first, float(ends.mean()), first == downbeat))
            first += length
    return slots


def _video_at(
    features: VideoFeatures, emotion: FloatArray, affect: FloatArray, slots: list[_Slot]
) -> VideoInput:
    """The clip read at the middle of every slot, as a batch of one."""
    middles = np.array([slot.middle_s for slot in slots])
    rows = middles.astype(np.int64).clip(0, features.seconds - 1)
    semantic = features.semantic if features.semantic is not None else np.zeros((len(emotion), 768))
    clock = np.stack([middles, features.duration_s - middles], axis=-1)
    known = [name != "semantic" or features.semantic is not None for name in MODALITIES]
    arrays = (
        semantic[rows], emotion[rows], features.motion[rows], features.scene_offset[rows],
        affect[rows], clock, np.array(known),
    )  # fmt: skip
    return VideoInput(*(torch.tensor(array, dtype=torch.float32)[None] for array in arrays))


def _chord_bias(
    slots: list[_Slot], home: Key, options: ComposeOptions, emotion: FloatArray
) -> Tensor:
    """[slots, V] log-bias: music all the time, in mood, mostly in key, ending on a cadence."""
    in_key = set(home.scale) | ({(home.tonic + 11) % 12} if home.mode == "minor" else set())
    foreign = torch.tensor(
        [len(set(chord_from_id(index).pitch_classes) - in_key) for index in range(VOCABULARY_SIZE)],
        dtype=torch.float64,
    )
    rows = [min(int(slot.middle_s), len(emotion) - 1) for slot in slots]
    fits = torch.tensor(emotion[rows]) @ emotion_chords().double()
    bias = options.colour * fits - 3.0 * (1 - options.chromaticism) * foreign
    bias[:, 0] = float("-inf")
    bias[0, home.tonic_chord.id] += 2.0
    last_bar = max(i for i, slot in enumerate(slots) if slot.strong)
    if last_bar > 0:
        bias[last_bar - 1] += _dominant_bias(home)
    bias[last_bar:] = float("-inf")
    bias[last_bar:, home.tonic_chord.id] = 0.0
    return bias


def _dominant_bias(home: Key) -> Tensor:
    """[V] a liking for chords that lead home: V and V7 (authentic), then IV, ii and VII."""
    bias = torch.zeros(VOCABULARY_SIZE, dtype=torch.float64)
    fourth = "maj" if home.mode == "major" else "min"
    for step, quality, weight in (
        (7, "maj", 3.0), (7, "7", 3.0), (5, fourth, 2.0), (2, "min7", 1.0), (10, "maj", 1.0)
    ):  # fmt: skip
        bias[Chord((home.tonic + step) % 12, quality).id] = weight
    bias[home.tonic_chord.id] = -2.0
    return bias


def _change_bias(slots: list[_Slot], section_beats: set[int]) -> Tensor:
    """[slots] log-bias on change: chords move on downbeats, and where a section begins."""
    bias = [2.0 if slot.beat in section_beats else 0.5 if slot.strong else -0.75 for slot in slots]
    return torch.tensor(bias, dtype=torch.float64)


def _spans(slots: list[_Slot], chords: list[Chord]) -> tuple[ChordSpan, ...]:
    """Merge equal neighbours."""
    spans: list[ChordSpan] = []
    for slot, chord in zip(slots, chords, strict=True):
        if not spans or spans[-1].chord != chord:
            spans.append(ChordSpan(slot.beat, chord))
    return tuple(spans)


def _sections(features: VideoFeatures, grid: TimeGrid, emotion: FloatArray) -> tuple[Section, ...]:
    """Sections begin at 0 and at the downbeats nearest to strong cuts, not too close together."""
    starts_s = grid.seconds_at(grid.downbeats.astype(np.float64))
    beats = [0]
    for cut in features.cuts:
        bar = int(np.abs(starts_s - cut.time_s).argmin())
        since = starts_s[bar] - grid.seconds_at(float(beats[-1]))
        left = grid.duration_s - starts_s[bar]
        if cut.strength >= STRONG_CUT and min(since, left) >= MIN_SECTION_S:
            beats.append(int(grid.downbeats[bar]))
    ends_s = grid.seconds_at(np.array([*beats[1:], grid.end_beat], dtype=np.float64))
    sections = []
    for beat, end_s in zip(beats, ends_s, strict=True):
        start_s = float(grid.seconds_at(float(beat)))
        rows = emotion[int(start_s) : max(int(start_s) + 1, int(end_s))]
        sections.append(Section(beat, EMOTIONS[int(rows.mean(axis=0).argmax())]))
    return tuple(sections)


def _curves(
    features: VideoFeatures, expression: Expression, energy: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Loudness [S] 0-1 and density [S] notes a second.

    The regressor sets level and shape; the energy of the picture moves both around it, up to 6 dB
    and a factor of 1.6 to each side, so that what is seen is also heard where the regressor hedges.
    """
    seconds = features.seconds
    every_second = [_Slot(0, s + 0.5, strong=True) for s in range(seconds)]
    affect = valence_arousal(features.emotion)
    video = _video_at(features, features.emotion, affect, every_second)
    known = video.known.clone()
    known[:, MODALITIES.index("affect")] = 0
    with torch.inference_mode():
        mean = expression(video._replace(known=known)).mean
        heard = expression.heard(mean)[0].numpy().astype(np.float64)
    swing = 2 * (energy - energy.mean()).clip(-0.5, 0.5)
    loudness = smooth(heard[:, 0], 1.0) * 10 ** (6 * swing / 20)
    density = smooth(heard[:, 1], 1.0) * 1.6**swing
    return loudness.clip(0.01, 1.0), density.clip(0.5, 40.0)
