"""The stages of composing in order."""

from __future__ import annotations

import numpy as np

from amt.chords import Key, implied_key
from amt.compose.chords import piece_chords
from amt.compose.curves import fade_to_end, loudness_and_density
from amt.compose.degrees import slot_degrees
from amt.compose.grid import Slot, chord_slots, final_chord_slot
from amt.compose.harmony import HarmonyContext
from amt.compose.key import choose_key, clip_generator
from amt.compose.mood_target import MoodTarget, mood_target
from amt.compose.options import ComposeOptions
from amt.compose.phrases import piece_phrases
from amt.compose.sections import piece_sections
from amt.compose.speech import inside, under_speech
from amt.compose.tempo import piece_grid, wanted_tempo, with_feels
from amt.compose.video_input import video_at
from amt.errors import InputError
from amt.features.accents import motion_accents
from amt.models.chords.network import Composer
from amt.models.expression import Expression
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import Phrase, Plan, Section, TimeGrid, VideoFeatures

_FORM_STREAM = 3
"""Second word of the seed of the random numbers that draw phrases and degrees."""


def compose(
    features: VideoFeatures,
    options: ComposeOptions,
    composer: Composer,
    expression: Expression,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Plan:
    """Make a plan for a clip.

    Args:
        features: what is known of the clip.
        options: what the user decided.
        composer: draws the chords.
        expression: predicts loudness and density.
        reporter: gets the progress.

    Raises:
        InputError: the primer is longer than the piece.
        GridError: no grid fits the tempo and hit points asked for.
    """
    mood = mood_target(features, options)
    wanted_bpm = wanted_tempo(mood.energy, mood.affect[:, 0])
    grid, feel = piece_grid(features, options, wanted_bpm)
    key = (
        options.key
        or implied_key(options.primer)
        or choose_key(features, mood.affect, options.seed)
    )
    sections = piece_sections(features, grid, mood.emotion, _final_beat(grid))
    if options.bpm is None:
        sections = with_feels(sections, grid, feel, wanted_bpm)
    slots = chord_slots(grid, sections)
    final_slot = final_chord_slot(slots, grid)
    form = clip_generator(features, options.seed, _FORM_STREAM)
    phrases = piece_phrases(grid, sections, slots[final_slot].beat, form)
    context = _harmony_context(slots, final_slot, sections, phrases, key, mood, options, form)
    middles_s = np.array([slot.middle_s for slot in context.slots])
    video = video_at(features, mood.emotion, mood.affect, middles_s)
    chords = piece_chords(composer, video, context, key, options, reporter)
    loudness, density = loudness_and_density(features, expression, mood)
    speech = inside(options.speech, grid.duration_s)
    loudness, density = under_speech(loudness, density, speech)
    return Plan(
        grid=grid,
        key=key,
        chords=chords,
        loudness=loudness,
        density=fade_to_end(density, grid, context.slots[context.final_slot].beat),
        emotion=mood.emotion,
        style=options.style,
        seed=options.seed,
        cuts=features.cuts,
        sections=sections,
        phrases=phrases,
        accents=motion_accents(features),
        title=options.title,
        speech=speech,
    )


def _final_beat(grid: TimeGrid) -> int:
    """The beat on which the final chord begins."""
    slots = chord_slots(grid)
    return slots[final_chord_slot(slots, grid)].beat


def _harmony_context(
    slots: tuple[Slot, ...],
    final_slot: int,
    sections: tuple[Section, ...],
    phrases: tuple[Phrase, ...],
    key: Key,
    mood: MoodTarget,
    options: ComposeOptions,
    form: np.random.Generator,
) -> HarmonyContext:
    """What the harmony has to suit.

    Raises:
        InputError: the primer is longer than the piece.
    """
    if len(options.primer) > len(slots):
        raise InputError(
            f"the primer has {len(options.primer)} chords, but the clip has room for {len(slots)}"
        )
    section_beats = frozenset(section.beat for section in sections)
    return HarmonyContext(
        slots=slots,
        final_slot=final_slot,
        section_beats=section_beats,
        degrees=slot_degrees(phrases, section_beats, slots, final_slot, key.mode, form),
        mode=key.mode,
        emotion=mood.emotion,
        affect=mood.affect,
        chord_mood_weight=options.chord_mood_weight,
        chromaticism=options.chromaticism,
        seed=options.seed,
    )
