"""The stages of composing in order."""

from __future__ import annotations

import numpy as np

from amt.chords import Key, implied_key
from amt.compose.chords import piece_chords
from amt.compose.curves import fade_to_end, loudness_and_density
from amt.compose.grid import chord_slots, final_chord_slot, piece_grid
from amt.compose.harmony import HarmonyContext
from amt.compose.key import choose_key
from amt.compose.mood_target import MoodTarget, mood_target
from amt.compose.options import ComposeOptions
from amt.compose.sections import piece_sections
from amt.compose.video_input import video_at
from amt.errors import InputError
from amt.features.accents import motion_accents
from amt.models.chords.network import Composer
from amt.models.expression import Expression
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import Plan, Section, TimeGrid, VideoFeatures


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
    grid = piece_grid(features, options, mood.energy)
    key = (
        options.key
        or implied_key(options.primer)
        or choose_key(features, mood.affect, options.seed)
    )
    sections = piece_sections(features, grid, mood.emotion)
    context = _harmony_context(grid, sections, key, mood, options)
    middles_s = np.array([slot.middle_s for slot in context.slots])
    video = video_at(features, mood.emotion, mood.affect, middles_s)
    chords = piece_chords(composer, video, context, key, options, reporter)
    loudness, density = loudness_and_density(features, expression, mood)
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
        accents=motion_accents(features),
        title=options.title,
    )


def _harmony_context(
    grid: TimeGrid,
    sections: tuple[Section, ...],
    key: Key,
    mood: MoodTarget,
    options: ComposeOptions,
) -> HarmonyContext:
    """What the harmony has to suit.

    Raises:
        InputError: the primer is longer than the piece.
    """
    slots = chord_slots(grid)
    if len(options.primer) > len(slots):
        raise InputError(
            f"the primer has {len(options.primer)} chords, but the clip has room for {len(slots)}"
        )
    return HarmonyContext(
        slots=slots,
        final_slot=final_chord_slot(slots, grid),
        section_beats=frozenset(section.beat for section in sections),
        mode=key.mode,
        emotion=mood.emotion,
        affect=mood.affect,
        chord_mood_weight=options.chord_mood_weight,
        chromaticism=options.chromaticism,
        seed=options.seed,
    )
