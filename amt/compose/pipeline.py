"""The stages of composing in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from amt.chords import Key, implied_key
from amt.compose.asked_themes import with_themes
from amt.compose.chords import piece_chords
from amt.compose.curves import fade_to_end, loudness_and_density
from amt.compose.degrees import HarmonicSetting, returning_slots, slot_plan
from amt.compose.entries import opening_silence, piece_entries
from amt.compose.grid import Slot, chord_slots, final_chord_slot
from amt.compose.harmony import HarmonyContext
from amt.compose.key import choose_key, clip_generator
from amt.compose.missed_hits import report_missed_hits
from amt.compose.mood_target import MoodTarget, mood_target
from amt.compose.options import ComposeOptions
from amt.compose.phrases import piece_phrases
from amt.compose.planned import PlannedChord
from amt.compose.section_keys import slot_keys, with_keys
from amt.compose.sections import piece_sections
from amt.compose.speech import inside, under_speech
from amt.compose.tempo import piece_grid, proposed_tempi, wanted_tempo, with_feels
from amt.compose.video_input import video_at
from amt.errors import InputError
from amt.features.accents import motion_accents
from amt.models.chords.network import Composer
from amt.models.expression import Expression
from amt.models.video import VideoInput
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.timing.held import HeldTempo
from amt.types import EMOTIONS, FloatArray, Phrase, Plan, Section, TimeGrid, VideoFeatures

_FORM_STREAM, _HARMONY_STREAM = 3, 16
"""Second word of the seed of the random numbers that draw phrases, and of those that plan harmony;
the number of the piece's mood is added to the latter, so that moods differ in their chords."""
PLAIN_CHROMATICISM = ComposeOptions().chromaticism
"""Chromaticism at which a piece has as many planned chords from outside the key as its mood asks
for; at 0 it has none."""


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
    wanted_bpm = _wanted_bpm(mood, options)
    grid, feel = piece_grid(features, options, wanted_bpm)
    report_missed_hits(grid, options.hits_s, reporter)
    key = _piece_key(features, mood, options)
    sections = _sections(features, grid, mood, options, key)
    if options.bpm is None:
        sections = with_feels(sections, grid, feel, wanted_bpm)
    slots = chord_slots(grid, sections)
    final_slot = final_chord_slot(slots, grid, options.end_s)
    form = clip_generator(features, options.seed, _FORM_STREAM)
    phrases = piece_phrases(grid, sections, slots[final_slot].beat, form)
    keys = slot_keys(slots, sections, key)
    context = _harmony_context(slots, final_slot, sections, mood, options, key)
    context = replace(context, planned=_planned(context, phrases, keys, features, options))
    returns = returning_slots(phrases, slots, context.planned[:final_slot], keys)
    video = _slot_video(features, mood, slots)
    chords = piece_chords(composer, video, context, keys, returns, options, reporter)
    speech = inside(options.speech, grid.duration_s)
    loudness, density = under_speech(*loudness_and_density(features, expression, mood), speech)
    return Plan(
        grid=grid,
        key=key,
        chords=chords,
        loudness=loudness,
        density=fade_to_end(density, grid, slots[final_slot].beat),
        emotion=mood.emotion,
        style=options.style,
        seed=options.seed,
        cuts=features.cuts,
        sections=sections,
        phrases=phrases,
        accents=motion_accents(features),
        title=options.title,
        speech=speech,
        silences=opening_silence(features, grid, mood.affect[:, 1]),
        entries=piece_entries(sections, phrases, grid, loudness, mood.affect[:, 1]),
    )


def held_proposals(features: VideoFeatures, options: ComposeOptions) -> tuple[HeldTempo, ...]:
    """The tempi that suit the mood of a clip and, held throughout, miss the fewest of its cuts."""
    return proposed_tempi(features, options, _wanted_bpm(mood_target(features, options), options))


def _wanted_bpm(mood: MoodTarget, options: ComposeOptions) -> FloatArray:
    return wanted_tempo(mood.energy, mood.affect[:, 0], options.tempo_range)


def _sections(
    features: VideoFeatures, grid: TimeGrid, mood: MoodTarget, options: ComposeOptions, key: Key
) -> tuple[Section, ...]:
    """The sections with labels and keys."""
    sections = piece_sections(features, grid, mood.emotion, _final_beat(grid, options.end_s))
    if options.themes:
        sections = with_themes(sections, options.themes, grid, mood.emotion)
    return with_keys(sections, grid, key, mood.affect)


def _slot_video(features: VideoFeatures, mood: MoodTarget, slots: Sequence[Slot]) -> VideoInput:
    """The video in the middle of every slot."""
    middles_s = np.array([slot.middle_s for slot in slots])
    return video_at(features, mood.emotion, mood.affect, middles_s)


def _final_beat(grid: TimeGrid, end_s: float | None) -> int:
    """The beat on which the final chord begins."""
    slots = chord_slots(grid)
    return slots[final_chord_slot(slots, grid, end_s)].beat


def _piece_key(features: VideoFeatures, mood: MoodTarget, options: ComposeOptions) -> Key:
    """The key asked for, else that of the primer, else one that suits the mood."""
    drawn = choose_key(features, mood.affect, options.seed)
    return options.key or implied_key(options.primer) or drawn


def _harmony_context(
    slots: tuple[Slot, ...],
    final_slot: int,
    sections: tuple[Section, ...],
    mood: MoodTarget,
    options: ComposeOptions,
    key: Key,
) -> HarmonyContext:
    """What the harmony has to suit; nothing is planned yet.

    Raises:
        InputError: the primer is longer than the piece.
    """
    if len(options.primer) > len(slots):
        raise InputError(
            f"the primer has {len(options.primer)} chords, but the clip has room for {len(slots)}"
        )
    return HarmonyContext(
        slots=slots,
        final_slot=final_slot,
        section_beats=frozenset(section.beat for section in sections),
        mode=key.mode,
        emotion=mood.emotion,
        affect=mood.affect,
        chord_mood_weight=options.chord_mood_weight,
        chromaticism=options.chromaticism,
        seed=options.seed,
    )


def _planned(
    context: HarmonyContext,
    phrases: Sequence[Phrase],
    keys: tuple[Key, ...],
    features: VideoFeatures,
    options: ComposeOptions,
) -> tuple[PlannedChord, ...]:
    """The plan of the harmony of a piece."""
    likeliest = context.at_slots(context.emotion).argmax(axis=1)
    setting = HarmonicSetting(
        keys=keys,
        moods=tuple(EMOTIONS[int(mood)] for mood in likeliest),
        section_beats=context.section_beats,
        chromaticism=float(np.clip(options.chromaticism / PLAIN_CHROMATICISM, 0, 1)),
    )
    stream = _HARMONY_STREAM + int(context.emotion.mean(axis=0).argmax())
    rng = clip_generator(features, options.seed, stream)
    return slot_plan(phrases, context.slots, context.final_slot, setting, rng)
