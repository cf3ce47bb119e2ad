"""From what the pipeline knows of a clip to a plan: grid, key, chords, curves, sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from amt.chords import Chord, Key, Mode, chord_from_id, implied_key
from amt.errors import InputError
from amt.features.accents import motion_accents
from amt.features.motion import without_cuts
from amt.harmony import HarmonyBrief, Slot, chord_slots, closing_slot, harmony_bias
from amt.models.chords.decode import SamplingOptions, sample_chords
from amt.models.chords.network import Composer
from amt.models.expression import Expression
from amt.models.video import MODALITIES, VideoInput
from amt.mood import (
    MoodSpan,
    apply_moods,
    asked_share,
    density_level,
    exaggerated,
    loudness_level,
    smooth,
    toned,
    valence_arousal,
)
from amt.timing import GridOptions, fit_grid, steady_grid
from amt.types import EMOTIONS, ChordSpan, FloatArray, Plan, Section, TimeGrid, VideoFeatures

STRONG_CUT = 0.75
"""Strength from which a cut starts a section."""
MIN_SECTION_S = 6.0
MIN_BPM, MAX_BPM = 66.0, 138.0
"""Tempo of the calmest and of the most agitated clip, unless one is asked for."""
EXCERPT_S = 30.0
"""Seconds of film that are taken to lie on either side of the clip when its loudness and density
are read. The songs of MuVi-Sync come out of silence and go back into it over half a minute at each
end; in a short clip nothing else would be heard, and the picture not at all."""
FULL_CONTRAST = 0.15
"""Where motion differs by less inside a clip, loudness and density follow it less."""
VIDEO_DENSITY = 12.0
"""Notes a second that the regressor hears in a common clip."""
FULL_MOOD = SamplingOptions().affect_guidance
"""Affect guidance at which mood moves the music as far as in music that people made."""


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """What the user may decide about a piece.

    Raises:
        InputError: a number is out of its range; the message calls it as the command line does.
    """

    seed: int = 0
    key: Key | None = None
    """None takes the key that the primer implies; without primer, the mode that suits valence on a
    tonic that is drawn (:func:`choose_key`)."""
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
    """Its ``affect_guidance`` is how strongly all music follows mood, the picture's and the asked:
    tempo, loudness, density, mode, harmonic rhythm, chords, register and articulation. At 1.5 they
    follow as in music that people made, below less, at 0 not at all: mood is then neutral."""
    colour: float = 0.8
    """How strongly chord qualities follow mood (Video2Music's table of qualities that fit each
    emotion, and dissonance where it is tense): the log-odds a fitting chord gains over one that
    does not; 0 is off."""
    chromaticism: float = 0.4
    """0 keeps to the key, 1 takes foreign tones as the corpus does."""
    title: str = ""

    def __post_init__(self) -> None:
        GridOptions(fixed_bpm=self.bpm)
        if self.hits_s and not self.fit:
            raise InputError("hit points need a fitted grid: leave out --no-fit")
        for value, high, option, expected in (
            (self.colour, 20.0, "--colour", "a number from 0 (off) to 20"),
            (self.mood_blend, 1.0, "--mood-blend", "a share from 0 (the picture) to 1 (--emotion)"),
            (self.mood_sigma_s, 600.0, "--mood-smoothing", "a number of seconds from 0 to 600"),
        ):
            if not 0 <= value <= high:
                raise InputError(f"{option} is {value:g}; expected {expected}")


@dataclass(frozen=True, slots=True, eq=False)
class _Mood:
    """What the music is to express, as strongly as the user wants it."""

    emotion: FloatArray
    """[S, 6]"""
    affect: FloatArray
    """[S, 2] valence and arousal."""
    energy: FloatArray
    """[S] how much is going on, 0-1."""
    seen: FloatArray
    """[S, 6] the picture's own emotions, neither smooth nor overridden."""


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
    mood = _mood(features, options)
    emotion, affect = mood.emotion, mood.affect
    grid = _grid(features, options, mood.energy)
    key = options.key or implied_key(options.primer) or choose_key(features, affect, options.seed)
    sections = _sections(features, grid, emotion)
    brief = _brief(grid, sections, key, mood, options)
    video = _video_at(features, emotion, affect, brief.slots)
    chords = _drawn_chords(composer, video, brief, key, options, progress)
    loudness, density = _curves(replace(features, emotion=mood.seen), expression, affect)
    density = _settling(density, grid, brief.slots[brief.closing].beat)
    return Plan(
        grid=grid,
        key=key,
        chords=_spans(brief.slots, chords),
        loudness=loudness,
        density=density,
        emotion=emotion,
        style=options.style,
        seed=options.seed,
        cuts=features.cuts,
        sections=sections,
        accents=motion_accents(features),
        title=options.title,
    )


def _mood(features: VideoFeatures, options: ComposeOptions) -> _Mood:
    strength = options.sampling.affect_guidance / FULL_MOOD
    emotion = smooth(features.emotion, options.mood_sigma_s)
    emotion = apply_moods(emotion, options.moods, options.mood_blend)
    emotion = toned(smooth(emotion, options.mood_sigma_s / 2), strength)
    affect = exaggerated(valence_arousal(emotion), strength)
    asked = asked_share(options.moods, features.seconds) * options.mood_blend * min(strength, 1.0)
    energy = energy_curve(features, affect, smooth(asked, options.mood_sigma_s))
    return _Mood(emotion, affect, energy, toned(features.emotion, strength))


def energy_curve(
    features: VideoFeatures, affect: FloatArray, asked: FloatArray | float = 0.0
) -> FloatArray:
    """How much is going on, [S] in 0-1: motion and arousal in equal parts.

    Args:
        features: of the clip.
        affect: [S, 2] valence and arousal.
        asked: [S] share of the mood that the user asked for. It sets the level of energy; the
            picture's motion then only moves around it.
    """
    motion, calm = _motion(features), 0.5 * (affect[:, 1] + 1)
    seen = 0.5 * motion + 0.5 * calm
    wanted = (calm + 0.5 * (motion - motion.mean())).clip(0, 1)
    return np.asarray((1 - asked) * seen + asked * wanted)


def _motion(features: VideoFeatures) -> FloatArray:
    """Motion [S] in 0-1, smooth, on a log scale on which 30 of 255 is full."""
    moving = features.motion.copy()
    if len(moving) > 1:
        moving[0] = moving[1]  # second 0 has no frame before it and reads 0
    return smooth(np.log1p(without_cuts(moving)) / np.log1p(30.0), 1.0).clip(0, 1)


def choose_key(features: VideoFeatures, affect: FloatArray, seed: int) -> Key:
    """Minor for clearly negative mean valence (Hevner 1935), on a tonic drawn for clip and seed.

    The tonic has no meaning of its own, so any of the twelve may come. It is drawn with ``seed``
    and with the clip's length and cuts in milliseconds: clips scored with one seed are not all in
    one key, and a clip keeps its tonic whatever mood, tempo or vision backend is asked for.

    Args:
        features: of the clip.
        affect: [S, 2] valence and arousal that the music is to express.
        seed: from 0.
    """
    mode: Mode = "minor" if affect[:, 0].mean() < -0.05 else "major"
    times_s = [features.duration_s, *(cut.time_s for cut in features.cuts)]
    drawn = np.random.default_rng([seed, 1, *(round(1000 * time_s) for time_s in times_s)])
    return Key(int(drawn.integers(12)), mode)


def _grid(features: VideoFeatures, options: ComposeOptions, energy: FloatArray) -> TimeGrid:
    """Beats and bars; an octave of tempi around the wanted one suits any spacing of cuts."""
    wanted = MIN_BPM + (MAX_BPM - MIN_BPM) * float(energy.mean())
    if options.fit:
        grid_options = GridOptions(preferred_bpm=wanted, fixed_bpm=options.bpm)
        if options.bpm is None and not options.hits_s:
            low, high = wanted / 2**0.5, wanted * 2**0.5
            grid_options = replace(
                grid_options,
                min_bpm=max(grid_options.min_bpm, low),
                max_bpm=min(grid_options.max_bpm, high),
            )
        return fit_grid(
            features.cuts, features.duration_s, options=grid_options, hits=options.hits_s
        )
    bpm = options.bpm or wanted
    return steady_grid(features.duration_s, bpm, whole_bars=options.bpm is None)


def _video_at(
    features: VideoFeatures, emotion: FloatArray, affect: FloatArray, slots: Sequence[Slot]
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


def _brief(
    grid: TimeGrid, sections: tuple[Section, ...], key: Key, mood: _Mood, options: ComposeOptions
) -> HarmonyBrief:
    slots = chord_slots(grid)
    if len(options.primer) > len(slots):
        raise InputError(
            f"the primer has {len(options.primer)} chords, but the clip has room for {len(slots)}"
        )
    return HarmonyBrief(
        slots=slots,
        closing=closing_slot(slots, grid),
        section_beats=frozenset(section.beat for section in sections),
        mode=key.mode,
        emotion=mood.emotion,
        affect=mood.affect,
        colour=options.colour,
        chromaticism=options.chromaticism,
        seed=options.seed,
    )


def _drawn_chords(
    composer: Composer,
    video: VideoInput,
    brief: HarmonyBrief,
    key: Key,
    options: ComposeOptions,
    progress: Callable[[float], None] | None,
) -> list[Chord]:
    """A chord for every slot, in the piece's key."""
    to_home = brief.home.tonic - key.tonic
    bias = harmony_bias(brief)
    ids = sample_chords(
        composer,
        video,
        minor=key.mode == "minor",
        options=options.sampling,
        generator=torch.Generator().manual_seed(options.seed),
        bias=bias.chords,
        change_bias=bias.changes,
        primer=[chord.transpose(to_home).id for chord in options.primer],
        progress=progress,
    )
    return [chord_from_id(i).transpose(-to_home) for i in ids]


def _spans(slots: Sequence[Slot], chords: list[Chord]) -> tuple[ChordSpan, ...]:
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
    features: VideoFeatures, expression: Expression, affect: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Loudness [S] 0-1 and density [S] notes a second.

    Mood sets the level as in music that people made. The regressor hears the clip as an excerpt of
    a music video (:data:`EXCERPT_S`): it shapes the course over time, and half of the level of
    density; how loud a song is as a whole it cannot know. The picture's motion moves both, up to 6
    dB and a factor of 2.4 to each side, so that what is seen is also heard where it hedges.
    """
    seconds = features.seconds
    every_second = [Slot(0, s + 0.5, strong=True) for s in range(seconds)]
    seen = valence_arousal(features.emotion)
    video = _video_at(features, features.emotion, seen, every_second)
    video = video._replace(clock=video.clock + EXCERPT_S)
    known = video.known.clone()
    known[:, MODALITIES.index("affect")] = 0
    with torch.inference_mode():
        mean = expression(video._replace(known=known)).mean
        heard = expression.heard(mean)[0].numpy().astype(np.float64)
    swing = _contrast(_motion(features))
    loudness, density = (smooth(heard[:, i], 1.0).clip(min=1e-6) for i in range(2))
    loudness = loudness / loudness.mean() * loudness_level(affect) * 10 ** (6 * swing / 20)
    thickness = np.sqrt(density.mean() / VIDEO_DENSITY)
    density = density / density.mean() * thickness * density_level(affect) * 2.4**swing
    # A floor that is neared, not hit: what is quieter and thinner still differs above it.
    return np.hypot(loudness, 0.01).clip(0, 1), np.hypot(density, 0.5).clip(0, 40)


def _contrast(motion: FloatArray) -> FloatArray:
    """Motion [S] around its mean, in -1 to 1: the differences inside the clip are what is heard."""
    around = motion - motion.mean()
    return np.asarray((around / max(2 * around.std(), FULL_CONTRAST)).clip(-1, 1))


def _settling(density: FloatArray, grid: TimeGrid, closing_beat: int) -> FloatArray:
    """Density [S] that falls to nothing while the last chord rings."""
    closing_s = float(grid.beats_s[closing_beat])
    middles_s = np.minimum(np.arange(len(density)) + 0.5, grid.duration_s)
    share = np.interp(middles_s, [closing_s, grid.duration_s], [1.0, 0.0])
    return np.asarray(density * (share if closing_s > 0 else 1.0))
