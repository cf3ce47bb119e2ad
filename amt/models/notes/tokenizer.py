"""The words of :mod:`amt.models.notes.tokens` as a MidiTok tokenizer, for training and exchange.

It is a multi-vocabulary tokenizer as ``CPWord`` and ``Octuple`` are: one compound of *Position* (or
*Bar*), *Program*, *Pitch*, *Duration* and *Velocity* per note, whose ids are exactly the columns of
words. So MIDI files and ``symusic`` scores are encoded to what the network reads and decoded from
what it predicts, and ``tokenizer.json`` beside the weights says how.

Bars carry no time signature, so :meth:`NoteTokenizer.decode` is given the beats of each bar, or
takes bars of four beats and longer ones where a word needs them.

``miditok`` takes half a second to import, so nothing that composes imports this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from miditok import REMI, MusicTokenizer, TokenizerConfig, TokSequence
from symusic import Note, Score, TextMeta, TimeSignature, Track

from amt.errors import InputError
from amt.models.notes.tokens import (
    BAR,
    BEAT_RESOLUTIONS,
    FIRST_POSITION,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    MAX_BEATS,
    N_VELOCITIES,
    POSITION,
    RESOLUTION,
    ROLES,
    bar_of,
    bar_starts,
    snap,
    to_notes,
    to_words,
)
from amt.types import IntArray

DEFAULT_BEATS = 4
"""Beats of a bar where decoding is given none."""
DENOMINATOR = 4
"""Of time signatures: a beat is a quarter."""
END = "end"
"""Text of the marker at the end of the last bar, which may be silent."""


def tokenizer_config() -> TokenizerConfig:
    """The settings that give MidiTok's tokenizers this vocabulary."""
    return TokenizerConfig(
        pitch_range=(LOWEST_PITCH, HIGHEST_PITCH),
        beat_res=BEAT_RESOLUTIONS,
        num_velocities=N_VELOCITIES,
        special_tokens=["PAD"],
        use_programs=True,
        programs=list(ROLES.values()),
        use_time_signatures=True,
        time_signature_range={DENOMINATOR: list(range(1, MAX_BEATS + 1))},
    )


class NoteTokenizer(MusicTokenizer):  # type: ignore[misc]
    """Scores <-> words, with MidiTok's interface.

    >>> tokenizer = NoteTokenizer()
    >>> [len(vocabulary) for vocabulary in tokenizer.vocab]
    [98, 4, 89, 27, 17]
    """

    def __init__(
        self, tokenizer_config: TokenizerConfig | None = None, params: str | Path | None = None
    ) -> None:
        if tokenizer_config is None and params is None:
            tokenizer_config = _config()
        super().__init__(tokenizer_config, params)

    def preprocess_score(self, score: Score) -> Score:
        """The score at the resolution of words; rounding to the vocabulary is that of words."""
        return score.resample(RESOLUTION, min_dur=1)

    def decode(  # type: ignore[no-untyped-def]
        self,
        tokens: TokSequence | Sequence[Sequence[int]] | IntArray,
        programs=None,  # noqa: ANN001
        output_path: str | Path | None = None,
        bars: Sequence[int] | None = None,
    ) -> Score:
        """The score of words.

        Args:
            tokens: words [m, 5], or a sequence of tokens that has them as its ids.
            programs: ignored, as every word has its own.
            output_path: MIDI file to write.
            bars: beats of each bar; by default :data:`DEFAULT_BEATS`, or as many as a word needs.

        Raises:
            InputError: the words are of other bars, or no music.
        """
        words = np.asarray(tokens.ids if isinstance(tokens, TokSequence) else tokens)
        score = _score_of(words, _shortest_bars(words) if bars is None else bars)
        if output_path is not None:
            score.dump_midi(output_path)
        return score

    def _tweak_config_before_creating_voc(self) -> None:
        self.config.one_token_stream_for_programs = True

    def _create_base_vocabulary(self) -> list[list[str]]:
        """Tokens of each column; MidiTok puts ``PAD_None`` before each, which is id 0."""
        positions = [f"Position_{i}" for i in range(RESOLUTION * MAX_BEATS)]
        durations = [f"Duration_{'.'.join(map(str, duration))}" for duration in self.durations]
        return [
            ["Bar_None", *positions],
            [f"Program_{program}" for program in ROLES.values()],
            [f"Pitch_{pitch}" for pitch in range(LOWEST_PITCH, HIGHEST_PITCH + 1)],
            durations,
            [f"Velocity_{velocity}" for velocity in self.velocities],
        ]

    def _score_to_tokens(self, score: Score, _: object = None) -> TokSequence:
        bars = bars_of(score)
        words = to_words(snap(notes_of(score)), bars)
        tokens = [[self[column, int(index)] for column, index in enumerate(word)] for word in words]
        sequence = TokSequence(tokens=tokens)
        self.complete_sequence(sequence)
        return sequence

    def _tokens_to_score(self, tokens: TokSequence, _: object = None) -> Score:
        return self.decode(tokens)

    def _create_token_types_graph(self) -> dict[str, set[str]]:
        return {}

    def _add_time_events(self, events: list[Any], _: object = None) -> list[Any]:
        return events


_config = tokenizer_config


def bars_of(score: Score) -> list[int]:
    """Beats of each bar of a score at :data:`RESOLUTION`.

    Up to a marker :data:`END`, or else as far as notes begin.

    Raises:
        InputError: a time signature is not in quarters, or changes within a bar.
    """
    changes = {signature.time: signature for signature in score.time_signatures}
    last = [*changes, *(note.time for track in score.tracks for note in track.notes)]
    ends = [marker.time for marker in score.markers if marker.text == END]
    end = max([*(time + 1 for time in last), *ends], default=0)
    bars, start, beats = list[int](), 0, DEFAULT_BEATS
    while start < end or not bars:
        if signature := changes.pop(start, None):
            if signature.denominator != DENOMINATOR:
                raise InputError(
                    f"a bar is in {signature.numerator}/{signature.denominator}; expected quarters"
                )
            beats = signature.numerator
        bars.append(beats)
        start += RESOLUTION * beats
        if any(time < start for time in changes):
            raise InputError(f"bar {len(bars)} has a new time signature within it")
    return bars


def notes_of(score: Score) -> IntArray:
    """Notes [n, 5] of a score at :data:`RESOLUTION`.

    Raises:
        InputError: a track has a program that stands for no role.
    """
    roles = {program: role for role, program in enumerate(ROLES.values())}
    rows = []
    for track in score.tracks:
        if track.is_drum or track.program not in roles:
            raise InputError(
                f"a track has program {'drums' if track.is_drum else track.program}; expected "
                f"{', '.join(f'{program} ({role})' for role, program in ROLES.items())}"
            )
        role = roles[track.program]
        rows += [(n.time, role, n.pitch, n.duration, n.velocity) for n in track.notes]
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def _score_of(words: IntArray, bars: Sequence[int]) -> Score:
    score = Score(RESOLUTION)
    notes = to_notes(words, bars)
    for role, (name, program) in enumerate(ROLES.items()):
        track = Track(name=name, program=program)
        for onset, of, pitch, duration, velocity in notes.tolist():
            if of == role:
                track.notes.append(Note(onset, duration, pitch, velocity))
        if len(track.notes):
            score.tracks.append(track)
    score.markers.append(TextMeta(int(bar_starts(bars)[-1]), END))
    before = None
    for start, beats in zip(bar_starts(bars), bars, strict=False):
        if beats != before:
            score.time_signatures.append(TimeSignature(int(start), beats, DENOMINATOR))
        before = beats
    return score


def _shortest_bars(words: IntArray) -> list[int]:
    """Beats of each bar: the default, or more where a word lies beyond."""
    bar = bar_of(words)
    bars = np.full(max(int(bar.max(initial=0)), 1), DEFAULT_BEATS)
    for number, position in zip(bar, words[:, POSITION], strict=True):
        if position >= FIRST_POSITION and 0 <= number < len(bars):
            beat = (int(position) - FIRST_POSITION) // RESOLUTION
            bars[number] = max(bars[number], beat + 1)
    return [int(beats) for beats in bars]


def remi_tokens(words: IntArray, bars: Sequence[int]) -> list[str]:
    """Words as the flat tokens of MidiTok's ``REMI`` with :func:`tokenizer_config`."""
    tokenizer = NoteTokenizer()
    tokens, previous = list[str](), (-1, -1)
    for bar, word in zip(bar_of(words).tolist(), words.tolist(), strict=True):
        if bar >= len(bars):
            break
        if word[POSITION] == BAR:
            tokens += ["Bar_None", f"TimeSig_{bars[bar]}/{DENOMINATOR}"]
            continue
        position, program, pitch, duration, velocity = (
            tokenizer[column, index] for column, index in enumerate(word)
        )
        if (bar, word[POSITION]) != previous:
            tokens.append(position)
        tokens += [program, pitch, velocity, duration]
        previous = (bar, word[POSITION])
    return tokens


def remi() -> REMI:
    """MidiTok's flat tokenizer with the same vocabulary."""
    return REMI(tokenizer_config())
