"""Examples for the arranger: stretches of pieces in the home key, and what is asked of them.

What is asked is measured on the music itself, by the code that also measures what is composed:
density and loudness (:mod:`amt.measure`), which roles play in each bar, tempo. Corpora have no
sections, hit points or, EMOPIA aside, moods, so these are estimated:

* A section begins where the four bars after a bar line differ most from the four before it in
  density, loudness and roles: Foote's novelty (2000) with means for kernels.
* A hit is a downbeat clearly louder than the bar before it.
* Mood is a linear regression on tempo, density, loudness, mode and register, fitted to EMOPIA's
  quadrants, so that a piece with a mood need not be one of EMOPIA's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from amt.chords import home_distance
from amt.models.notes.conditioning import NotePlan, beats_to_next
from amt.models.notes.inputs import CONTROLS, PlanInput, WordInput, plan_beats
from amt.models.notes.motifs import N_SIMILARITIES, motif_context
from amt.models.notes.tokens import (
    BAR,
    ONSET,
    PITCH,
    POSITION,
    ROLE,
    ROLES,
    VOCABULARY,
    bar_of,
    bar_starts,
    to_words,
)
from amt.types import FloatArray, IntArray
from data_prep.note_song import NoteSong, transposed

SECTION_BARS = 4
"""Bars on each side that are compared, and the shortest section."""
NOVELTY = 1.2
"""From what a bar line divides sections: a distance in standard deviations of each feature."""
HIT_RISE = 0.06
"""Loudness (0-1) by which a hit is louder than the bar before it; about one bar in ten."""
PLAN_MARGIN = 6
"""Bars of the plan before and after a stretch that the encoder reads."""
_MOOD_CONTROLS = ("valence", "arousal")


@dataclass(frozen=True)
class ArrangerData:
    """How examples are drawn; the ``[data]`` table of an arranger config."""

    length: int = 512
    """Words of an example."""
    emopia_share: float = 0.2
    """Share of examples from EMOPIA, if it is there."""
    drop_control: float = 0.15
    """Share of examples in which a control is not asked, each by itself, the roles together."""
    drop_marks: float = 0.4
    """The same for sections and hits, which are estimates."""
    density_noise: float = 0.1
    """Standard deviation of the logarithm of the factor between the density asked and played."""


def note_plan_of(piece: NoteSong) -> NotePlan:
    """What the notes of a piece answer to; its key is moved home.

    Valence and arousal are known if ``piece.affect`` is.
    """
    piece = at_home(piece)
    starts = bar_starts(piece.bars)
    n_bars = len(piece.bars)
    bar = np.searchsorted(starts, piece.notes[:, ONSET], side="right") - 1
    plays = np.zeros((n_bars, len(ROLES)), dtype=bool)
    plays[bar, piece.notes[:, ROLE]] = True
    sections = section_starts(piece, plays)
    downbeats = np.cumsum([0, *piece.bars[:-1]])
    hits = np.zeros(len(piece.chords), dtype=bool)
    hits[downbeats[1:]] = np.diff(piece.loudness) > HIT_RISE
    controls = np.zeros((len(piece.chords), len(CONTROLS)))
    by_bar = {
        "density": piece.density, "loudness": piece.loudness,
        **{role: plays[:, i] for i, role in enumerate(ROLES)},
    }  # fmt: skip
    for name, values in by_bar.items():
        controls[:, CONTROLS.index(name)] = np.repeat(values, piece.bars)
    controls[downbeats[sections], CONTROLS.index("section")] = 1
    controls[:, CONTROLS.index("to_hit")] = beats_to_next(hits)
    controls[:, CONTROLS.index("tempo")] = piece.tempo_bpm
    known = np.ones(len(CONTROLS), dtype=bool)
    for name, value in zip(_MOOD_CONTROLS, piece.affect or (0.0, 0.0), strict=True):
        controls[:, CONTROLS.index(name)] = value
        known[CONTROLS.index(name)] = piece.affect is not None
    return NotePlan(piece.bars, piece.chords, piece.key.mode == "minor", controls, known)


def at_home(piece: NoteSong) -> NoteSong:
    """The piece in C major or A minor."""
    distance = home_distance(piece.key)
    return transposed(piece, distance) if distance else piece


def section_starts(piece: NoteSong, plays: NDArray[np.bool_]) -> IntArray:
    """Numbers of the bars on which sections begin, the first bar among them.

    Args:
        piece: in any key.
        plays: [bars, roles] which roles play.
    """
    features = np.column_stack([np.log1p(piece.density), 5 * piece.loudness, plays])
    features = features - features.mean(axis=0)
    total = np.concatenate([np.zeros((1, features.shape[1])), np.cumsum(features, axis=0)])
    bars = np.arange(SECTION_BARS, len(features) - SECTION_BARS + 1)
    after = total[bars + SECTION_BARS] - total[bars]
    before = total[bars] - total[bars - SECTION_BARS]
    novelty = np.linalg.norm((after - before) / SECTION_BARS, axis=1)
    starts = [0]
    for i in np.argsort(-novelty, kind="stable"):
        far = all(abs(bars[i] - start) >= SECTION_BARS for start in starts)
        if novelty[i] >= NOVELTY * novelty.std() + novelty.mean() and far:
            starts.append(int(bars[i]))
    return np.sort(np.array(starts, dtype=np.int64))


class MoodEstimate:
    """Valence and arousal of a piece by ridge regression on five plain features.

    Args:
        labelled: pieces with ``affect``, of training songs.
    """

    def __init__(self, labelled: Sequence[NoteSong]) -> None:
        features = np.array([_mood_features(piece) for piece in labelled])
        self._mean, self._scale = features.mean(axis=0), features.std(axis=0) + 1e-6
        affects = np.array([piece.affect for piece in labelled])
        self._ridge = Ridge(1.0).fit((features - self._mean) / self._scale, affects)

    def label(self, piece: NoteSong) -> NoteSong:
        """The piece with an estimated mood, unless it has one."""
        if piece.affect is not None:
            return piece
        features = (_mood_features(piece) - self._mean) / self._scale
        valence, arousal = self._ridge.predict(features[None])[0].clip(-1, 1).tolist()
        return replace(piece, affect=(valence, arousal))


def _mood_features(piece: NoteSong) -> FloatArray:
    tempo = float(np.median(piece.tempo_bpm))
    density = float(np.mean(piece.density)) * tempo / 60
    register = float(piece.notes[:, PITCH].mean())
    minor = float(piece.key.mode == "minor")
    return np.array([np.log(tempo), np.log1p(density), piece.loudness.mean(), minor, register])


@dataclass(frozen=True, slots=True, eq=False)
class ArrangerBatch:
    """Stretches of pieces, padded."""

    inputs: WordInput
    plan: PlanInput
    targets: Tensor
    """[B, T, 5] the word after each input word; all zero for padding."""


class _PackedContext(NamedTuple):
    """A :class:`amt.models.notes.motifs.MotifContext` small enough to keep those of all pieces."""

    words: NDArray[np.uint8]
    """[T, L, 5]"""
    similarity: NDArray[np.float16]
    """[T, L, F]"""


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A piece as words, with its motif context."""

    plan: NotePlan
    words: IntArray
    bar: IntArray
    n_notes: IntArray
    motifs: _PackedContext


def _prepare(piece: NoteSong, reach: int) -> _Prepared:
    piece = at_home(piece)
    plan = note_plan_of(piece)
    words = to_words(piece.notes, piece.bars)
    bar = bar_of(words)
    if reach:
        context = motif_context(words, plan.chart, reach)
        motifs = _PackedContext(
            context.words.astype(np.uint8), context.similarity.astype(np.float16)
        )
    else:
        motifs = _PackedContext(
            np.zeros((len(words), 0, len(VOCABULARY)), np.uint8),
            np.zeros((len(words), 0, N_SIMILARITIES), np.float16),
        )
    first = np.flatnonzero(words[:, POSITION] == BAR)
    return _Prepared(plan, words, bar, np.arange(len(words)) - first[bar], motifs)


class ArrangerExamples:
    """Draws batches; the batch of a step depends on the seed and the step only.

    Args:
        corpora: name -> training pieces; ``emopia`` is drawn from by its share.
        settings: how examples are drawn.
        reach: context window of the motif memory, in bars.
        seed: of every draw.
    """

    def __init__(
        self,
        corpora: Mapping[str, Sequence[NoteSong]],
        settings: ArrangerData,
        reach: int,
        seed: int,
    ) -> None:
        self.corpora = {name: pieces for name, pieces in corpora.items() if pieces}
        self.settings, self.reach, self.seed = settings, reach, seed
        self._prepared: dict[tuple[str, int], _Prepared] = {}
        self._odds = {}
        for name, pieces in self.corpora.items():
            lengths = np.array([len(piece.notes) for piece in pieces], dtype=np.float64)
            self._odds[name] = lengths / lengths.sum()

    def batch(self, step: int, size: int) -> ArrangerBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        return _collate([self._draw(rng) for _ in range(size)])

    def _draw(self, rng: np.random.Generator) -> _Stretch:
        names = [name for name in self.corpora if name != "emopia"]
        from_emopia = rng.random() < self.settings.emopia_share or not names
        name = "emopia" if from_emopia and "emopia" in self.corpora else names[0]
        index = int(rng.choice(len(self._odds[name]), p=self._odds[name]))
        if (name, index) not in self._prepared:
            self._prepared[name, index] = _prepare(self.corpora[name][index], self.reach)
        piece = self._prepared[name, index]
        last_start = max(0, len(piece.words) - 1 - self.settings.length)
        # A stretch begins with a bar: the first one that does after a random word.
        bars = np.flatnonzero(piece.words[:-1, POSITION] == BAR)
        within = bars[: np.searchsorted(bars, last_start, side="right") + 1]
        start = int(within[rng.integers(len(within))])
        return _stretch(piece, start, self.settings.length, self._asked(rng, piece.plan))

    def _asked(self, rng: np.random.Generator, plan: NotePlan) -> NotePlan:
        """The plan with some controls not asked, and the density not quite what is played."""
        settings = self.settings
        odds = np.full(len(CONTROLS), settings.drop_control)
        odds[[CONTROLS.index("section"), CONTROLS.index("to_hit")]] = settings.drop_marks
        uniforms = rng.random(len(CONTROLS))
        roles = [CONTROLS.index(role) for role in ROLES]
        uniforms[roles] = uniforms[roles[0]]
        uniforms[CONTROLS.index("arousal")] = uniforms[CONTROLS.index("valence")]
        controls = plan.controls.copy()
        noise = np.exp(settings.density_noise * rng.standard_normal(len(plan.bars)))
        controls[:, CONTROLS.index("density")] *= np.repeat(noise, plan.bars)
        return replace(plan, controls=controls, known=plan.known & (uniforms >= odds))


def validation_batches(
    pieces: Sequence[NoteSong], reach: int, length: int, size: int = 8
) -> list[ArrangerBatch]:
    """The beginning and the middle of every piece, all controls asked, in batches."""
    stretches = []
    for piece in pieces:
        prepared = _prepare(piece, reach)
        bars = np.flatnonzero(prepared.words[:-1, POSITION] == BAR)
        for start in (bars[0], bars[len(bars) // 2]):
            stretches.append(_stretch(prepared, int(start), length, prepared.plan))
    return [_collate(stretches[i : i + size]) for i in range(0, len(stretches), size)]


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """T words of a piece, the words after them, and its plan from a few bars before to after."""

    words: IntArray
    """[T, 5]"""
    targets: IntArray
    """[T, 5]"""
    bar: IntArray
    """[T] counted from the first bar of ``plan``."""
    n_notes: IntArray
    motifs: _PackedContext
    plan: NotePlan


def _stretch(piece: _Prepared, start: int, length: int, plan: NotePlan) -> _Stretch:
    """The words from ``start`` on, which is a bar word."""
    rows = slice(start, min(start + length, len(piece.words) - 1))
    bars = piece.bar[rows]
    low = max(0, int(bars[0]) - PLAN_MARGIN)
    high = min(len(plan.bars), int(bars[-1]) + 1 + PLAN_MARGIN)
    beats = slice(sum(plan.bars[:low]), sum(plan.bars[:high]))
    return _Stretch(
        piece.words[rows],
        piece.words[rows.start + 1 : rows.stop + 1],
        bars - low,
        piece.n_notes[rows],
        _PackedContext(piece.motifs.words[rows], piece.motifs.similarity[rows]),
        replace(
            plan,
            bars=plan.bars[low:high],
            chords=plan.chords[beats],
            controls=plan.controls[beats],
        ),
    )


def _collate(stretches: Sequence[_Stretch]) -> ArrangerBatch:
    """Pad stretches to the longest."""
    plans = [stretch.plan for stretch in stretches]
    grids = [plan_beats(plan.bars) for plan in plans]
    plan = PlanInput(
        chord=_padded([torch.from_numpy(plan.chords) for plan in plans]),
        beat=_padded([beat for beat, _, _ in grids]),
        beats=_padded([beats for _, beats, _ in grids]),
        bar=_padded([bar for _, _, bar in grids], -1),
        controls=_padded([torch.tensor(plan.controls, dtype=torch.float32) for plan in plans]),
        known=torch.tensor(np.stack([plan.known for plan in plans]), dtype=torch.float32),
        minor=torch.tensor([int(plan.is_minor) for plan in plans]),
    )

    def column(arrays: list[NDArray[Any]], empty: int = 0) -> Tensor:
        return _padded([torch.from_numpy(array) for array in arrays], empty)

    inputs = WordInput(
        words=column([stretch.words for stretch in stretches]),
        bar=column([stretch.bar for stretch in stretches], -1),
        n_notes=column([stretch.n_notes for stretch in stretches]),
        motif_words=column([stretch.motifs.words for stretch in stretches]).long(),
        motif_similarity=column([stretch.motifs.similarity for stretch in stretches]).float(),
    )
    return ArrangerBatch(inputs, plan, column([stretch.targets for stretch in stretches]))


def _padded(rows: list[Tensor], empty: float = 0) -> Tensor:
    return pad_sequence(rows, batch_first=True, padding_value=empty)
