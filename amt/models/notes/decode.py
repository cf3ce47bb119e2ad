"""Writing notes with the arranger: word by word, under constraints, as many versions as wanted.

All versions are written side by side, as the rows of a batch, and the best is kept: by
:func:`score`, the model's own opinion of the notes less what they miss of density and loudness.

Time grows linearly with the piece and memory hardly at all: the decoder hears back as far as its
context, and the plan is encoded in pages with margins as wide as the encoder reaches.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from amt.errors import InputError
from amt.models.chords.decode import one_thread
from amt.models.layers import KeyValueCache
from amt.models.notes.conditioning import NotePlan, plan_input
from amt.models.notes.constraints import ConstraintContext, Constraints, DecodingState
from amt.models.notes.motifs import MotifContext, MotifMemory, motif_context
from amt.models.notes.network import (
    CONTROLS,
    Arranger,
    EncodedPlan,
    PlanInput,
    WordInput,
    WordState,
)
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_POSITION,
    PAD,
    PITCH,
    POSITION,
    ROLE,
    VELOCITY,
    VOCABULARY,
    bar_of,
    bar_starts,
    bins,
)
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import BoolArray, FloatArray, IntArray

CHUNK_BARS = 32
"""Bars of the plan that are encoded together."""
PHRASE_BARS = 4
"""Bars of a phrase, by whole ones of which the motif memory rather looks back."""
MIN_INFILL_CANDIDATES = 3
"""Versions of bars that are written anew between given ones, at least."""
DENSITY_PENALTY, LOUDNESS_PENALTY = 1.0, 4.0
"""Nats a word that a version loses for each e-fold of density, and each unit of loudness, by which
its bars miss what was asked, on average."""
_COLUMNS = len(VOCABULARY)
_BAR_WORD = np.array([BAR, 0, 0, 0, 0])


@dataclass(frozen=True, slots=True)
class NoteSamplingOptions:
    """How words are drawn."""

    temperature: float = 0.95
    """Above 0; higher is bolder."""
    top_p: float = 0.97
    """Share of the probability of each column that is in play (Holtzman et al. 2020), 0 to 1."""
    candidates: int = 1
    """Versions that are written, of which the best is kept."""
    constraints: Constraints = field(default_factory=Constraints)

    def __post_init__(self) -> None:
        if not (0 < self.temperature < np.inf and 0 < self.top_p <= 1 and self.candidates >= 1):
            raise InputError(
                f"temperature {self.temperature}, top_p {self.top_p} and {self.candidates} "
                "candidates; expected a temperature above 0, a share above 0 and up to 1, and 1 or "
                "more candidates"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Infill:
    """A piece of which some bars are to be written anew."""

    words: IntArray
    """[m, 5] of the whole piece."""
    anew: range
    """Numbers of those bars, from 0."""


def sample_words(
    arranger: Arranger,
    plan: NotePlan,
    options: NoteSamplingOptions,
    generator: torch.Generator,
    given: Infill | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> IntArray:
    """Write the notes of a plan.

    Args:
        arranger: in evaluation mode.
        plan: of the whole piece.
        options: how words are drawn.
        generator: on the CPU; decides every draw.
        given: bars that stay as they are; None writes all.
        reporter: gets the progress.

    Returns:
        [m, 5] words of the whole piece with the closing one; those of given bars unchanged. The new
        bars know those before them, and of several candidates (:data:`MIN_INFILL_CANDIDATES`) that
        is kept after which the next given bar is likeliest.

    Raises:
        InputError: the given words are of other bars, or the bars to write are not in the piece.
    """
    before, after, bars = _split(plan, given)
    n_versions = options.candidates
    if len(after) > 1:
        n_versions = max(n_versions, MIN_INFILL_CANDIDATES)
    with torch.inference_mode(), one_thread():
        writer = BatchedDecoder(arranger, plan, options, bars, before, n_versions)
        versions = writer.run(generator, reporter)
        if n_versions == 1:
            best = 0
        else:
            scores = score(plan, [np.concatenate([before, v]) for v in versions], bars)
            scores += writer.likelihood()
            if len(after) > 1:
                scores += [_joining(arranger, plan, before, v, after) for v in versions]
            best = int(scores.argmax())
    return np.concatenate([before, versions[best], after])


def score(plan: NotePlan, pieces: list[IntArray], bars: range) -> FloatArray:
    """What versions [n] lose, in nats a word, for missing the density and loudness that was asked.

    Args:
        plan: of the piece.
        pieces: words of each version, up to the last of ``bars`` at least.
        bars: that are judged.
    """
    rows = plan.downbeats[bars.start : bars.stop]
    beats = np.array(plan.bars)[bars.start : bars.stop]
    losses = np.zeros(len(pieces))
    for i, words in enumerate(pieces):
        bar = bar_of(words)
        notes = (words[:, POSITION] >= FIRST_POSITION) & (bar >= bars.start) & (bar < bars.stop)
        count = np.bincount(bar[notes] - bars.start, minlength=len(bars))
        if plan.known[CONTROLS.index("density")]:
            asked = plan.control("density")[rows] * beats
            losses[i] += DENSITY_PENALTY * np.abs(np.log((count + 1) / (asked + 1))).mean()
        if plan.known[CONTROLS.index("loudness")] and count.any():
            struck = bins().velocities[words[notes, VELOCITY] - 1] / 127
            loud = np.bincount(bar[notes] - bars.start, struck, minlength=len(bars))
            asked = plan.control("loudness")[rows]
            off = np.abs(loud / np.maximum(count, 1) - asked)[count > 0]
            losses[i] += LOUDNESS_PENALTY * off.mean()
    return -losses


def _split(plan: NotePlan, given: Infill | None) -> tuple[IntArray, IntArray, range]:
    """Words before the bars to write, words after them, and those bars."""
    empty = np.zeros((0, _COLUMNS), dtype=np.int64)
    everything = range(len(plan.bars))
    bar_starts(plan.bars)  # refuses bars that are too long
    if given is None:
        return empty, _BAR_WORD[None], everything
    bar, anew = bar_of(given.words), given.anew
    if len(given.words) == 0 or bar[-1] != len(plan.bars) or bar[0] != 0:
        raise InputError(f"the given words are not of {len(plan.bars)} bars: the plan has those")
    if not (0 <= anew.start < anew.stop <= len(plan.bars) and anew.step == 1):
        raise InputError(
            f"bars {anew.start + 1} to {anew.stop} are to be written; expected some of 1 to "
            f"{len(plan.bars)}"
        )
    return given.words[bar < anew.start], given.words[bar >= anew.stop], anew


class ChunkedPlanEncoder:
    """A plan, encoded page by page as the bars come."""

    def __init__(self, arranger: Arranger, plan: NotePlan, n_versions: int) -> None:
        self.arranger, self.n_versions = arranger, n_versions
        self.plan = plan_input(plan)
        self._bar_of_beat = self.plan.bar[0].numpy()
        config = arranger.config
        self._reach = config.plan_window * config.encoder_layers
        self._around = range(-config.bars_behind, config.bars_ahead + 1)
        self._bars = range(0)
        self._encoded: EncodedPlan | None = None

    def around(self, first: int, last: int) -> EncodedPlan:
        """The plan encoded as words in bars ``first`` to ``last`` need it."""
        need = range(first + self._around.start, last + self._around.stop)
        n_bars = int(self._bar_of_beat[-1]) + 1
        inside = max(0, need.start) in self._bars and min(n_bars, need.stop) - 1 in self._bars
        encoded = self._encoded
        if encoded is None or not inside:
            self._bars = range(max(0, need.start), min(n_bars, need.stop + CHUNK_BARS))
            self._encoded = encoded = self._encode(self._bars)
        return encoded

    def _encode(self, bars: range) -> EncodedPlan:
        """Encode these bars with everything around them that the encoder reaches."""
        wanted = np.searchsorted(self._bar_of_beat, [bars.start, bars.stop])
        low, high = max(0, wanted[0] - self._reach), wanted[1] + self._reach
        # Pages begin and end with whole bars, as their first beats are looked for.
        low = int(np.searchsorted(self._bar_of_beat, self._bar_of_beat[low]))
        columns = [
            column[:, low:high] if name in _BY_BEAT else column
            for name, column in self.plan._asdict().items()
        ]
        rows = [column.expand(self.n_versions, *column.shape[1:]) for column in columns]
        return self.arranger.encode(PlanInput(*rows), first_beat=low)


_BY_BEAT = frozenset({"chord", "beat", "beats", "bar", "controls"})


class BatchedDecoder:
    """Versions of some bars, written side by side."""

    def __init__(
        self,
        arranger: Arranger,
        plan: NotePlan,
        options: NoteSamplingOptions,
        bars: range,
        before: IntArray,
        n_versions: int,
    ) -> None:
        self.arranger, self.options, self.bars = arranger, options, bars
        self.reach = arranger.config.motif_bars
        chart = ConstraintContext(plan, options.constraints, int(bar_starts(plan.bars)[bars.stop]))
        self.players = [DecodingState(chart) for _ in range(n_versions)]
        self.memories = [MotifMemory(plan.chart, self.reach) for _ in range(n_versions)]
        self.pages = ChunkedPlanEncoder(arranger, plan, n_versions)
        self.caches = [KeyValueCache(arranger.config.context) for _ in arranger.layers]
        self.n_heard = 0
        self.words: list[list[IntArray]] = [[] for _ in range(n_versions)]
        self.log_probs = np.zeros(n_versions)
        self._hear_given(before)

    def run(self, generator: torch.Generator, reporter: Reporter) -> list[IntArray]:
        """Write the bars; the words [n, 5] of each version."""
        heard = [_BAR_WORD] * len(self.players)  # the first bar of all begins
        for version, word in zip(self.words, heard, strict=True):
            version.append(word)
        done = [False] * len(self.players)
        while not all(done):
            ready = self._hear(heard, done)
            heard = self._draw(ready, generator, done)
            for i, word in enumerate(heard):
                ends = word[POSITION] == BAR and self.players[i].bar + 1 >= self.bars.stop
                done[i] = done[i] or ends
                if not done[i]:
                    self.words[i].append(word)
            slowest = min(player.bar for player in self.players) - self.bars.start
            reporter.progress(1.0 if all(done) else max(0, slowest) / len(self.bars))
        return [self._cut(np.stack(v), p) for v, p in zip(self.words, self.players, strict=True)]

    def _cut(self, words: IntArray, player: DecodingState) -> IntArray:
        """Words [n, 5] with the notes ended that later ones did not leave room for."""
        for number, length in player.cuts.items():
            words[number, DURATION] = min(words[number, DURATION], length)
        return words

    def likelihood(self) -> FloatArray:
        """Mean log-probability of the words of each version, before any mask or leaning."""
        return np.asarray(self.log_probs / [len(version) for version in self.words])

    def _hear_given(self, before: IntArray) -> None:
        """Hear the bars before: the players and memories all, the network what is in reach."""
        if not len(before):
            return
        bar = bar_of(before)
        edges = np.flatnonzero(np.diff(bar)) + 1
        recalled = [self.memories[0].update(words) for words in np.split(before, edges)]
        self.memories = [self.memories[0].copy() for _ in self.players]
        for player in self.players:
            for word in before:
                player.update(word)
        first = np.flatnonzero(before[:, POSITION] == BAR)
        n_notes = np.arange(len(before)) - first[bar]
        context = self.arranger.config.context
        # Twice the context: the deeper layers hear farther than one.
        rows = slice(max(0, len(before) - 2 * context), len(before))
        memory = _part(
            MotifContext(
                np.concatenate([r.words for r in recalled]),
                np.concatenate([r.similarity for r in recalled]),
            ),
            rows,
        )
        n = rows.stop - rows.start
        for start in range(0, n, context // 2):
            part = slice(start, min(start + context // 2, n))
            whole = slice(rows.start + part.start, rows.start + part.stop)
            self._decode(before[whole], bar[whole], n_notes[whole], _part(memory, part))

    def _hear(self, words: list[IntArray], done: list[bool]) -> WordState:
        """Let everyone hear one word of each version; those that are done are told the same."""
        recalled = []
        for word, player, memory, version, is_done in zip(
            words, self.players, self.memories, self.words, done, strict=True
        ):
            if not is_done:
                player.update(word, number=len(version) - 1)
            recalled.append(memory.update(word[None]) if not is_done else memory.nothing())
        bars = [min(player.bar, self.bars.stop - 1) for player in self.players]
        heard = WordInput(
            words=torch.from_numpy(np.stack(words))[:, None],
            bar=torch.tensor(bars)[:, None],
            n_notes=torch.tensor([[player.n_notes] for player in self.players]),
            motif_words=torch.from_numpy(np.stack([r.words for r in recalled])),
            motif_similarity=torch.from_numpy(np.stack([r.similarity for r in recalled])),
        )
        encoded = self.pages.around(min(bars), max(bars))
        ready = self.arranger.decode(heard, encoded, self.n_heard, self.caches)
        self.n_heard += 1
        return ready

    def _decode(
        self, words: IntArray, bar: IntArray, n_notes: IntArray, memory: MotifContext
    ) -> None:
        """Hear words [n, 5] that all versions have in common."""
        rows = (words, bar, n_notes, memory.words, memory.similarity)
        n_versions = len(self.players)
        heard = WordInput(
            *(torch.from_numpy(row)[None].expand(n_versions, *row.shape) for row in rows)
        )
        encoded = self.pages.around(int(bar[0]), int(bar[-1]))
        self.arranger.decode(heard, encoded, self.n_heard, self.caches)
        self.n_heard += len(words)

    def _draw(
        self, ready: WordState, generator: torch.Generator, done: list[bool]
    ) -> list[IntArray]:
        """Draw the next word of each version, column by column."""
        lots = torch.rand(_COLUMNS, len(self.players), generator=generator).numpy()
        chosen = np.zeros((len(self.players), _COLUMNS), dtype=np.int64)
        chosen[done] = _BAR_WORD
        for column in range(_COLUMNS):
            writing = [
                i
                for i in range(len(self.players))
                if not done[i] and (column == POSITION or chosen[i, POSITION] != BAR)
            ]
            if not writing:
                break
            recalling = self._recalling(ready, column, chosen)
            told = self.arranger.log_probs(column, recalling, torch.from_numpy(chosen)[:, None])
            log_probs = told[:, 0].double().numpy()
            for i in writing:
                mask = self._mask(column, i, chosen[i], log_probs[i])
                leaning = log_probs[i] + self._leaning(column, i, chosen[i])
                index = self._pick(leaning, mask, float(lots[column, i]))
                self.log_probs[i] += log_probs[i, index]
                chosen[i, column] = index
        return list(chosen)

    def _recalling(self, ready: WordState, column: int, rows: IntArray) -> WordState:
        """The same state with the say of the motif memory that the constraints give it."""
        if ready.motifs is None:
            return ready
        weights, player = ready.motifs.weights, self.players[0]
        lags = torch.arange(1, weights.shape[-1] + 1)
        phrase = self.options.constraints.phrase * (lags % PHRASE_BARS == 0)
        recall = torch.tensor([player.recall(column, int(word[ROLE])) for word in rows])
        say = weights * torch.exp(recall[:, None, None, None] + phrase)
        return replace(ready, motifs=ready.motifs._replace(weights=say))

    def _mask(self, column: int, i: int, chosen: IntArray, log_probs: FloatArray) -> BoolArray:
        """What the constraints leave; what the order of words forbids is -inf already."""
        player, possible = self.players[i], np.isfinite(log_probs)
        if column == POSITION:
            mask = player.places()
        elif column == ROLE:
            mask = player.roles(int(chosen[POSITION]))
        elif column == PITCH:
            least = int(possible.argmax())
            mask = player.pitches(int(chosen[POSITION]), int(chosen[ROLE]), least)
        elif column == VELOCITY:
            mask = possible
        else:
            mask = player.durations(int(chosen[POSITION]), int(chosen[PITCH]))
        mask = mask & possible
        return mask if mask.any() else possible

    def _leaning(self, column: int, i: int, chosen: IntArray) -> FloatArray | float:
        """How the constraints lean, in nats."""
        player = self.players[i]
        if column == POSITION:
            return player.pace()
        if column == PITCH:
            return player.proximity(int(chosen[ROLE]))
        if column == DURATION:
            return player.holding(int(chosen[ROLE]))
        return player.dynamics() if column == VELOCITY else 0.0

    def _pick(self, log_probs: FloatArray, mask: BoolArray, lot: float) -> int:
        """Draw from the nucleus of what is left."""
        ids = np.flatnonzero(mask)
        logits = log_probs[ids] / self.options.temperature
        probs = np.exp(logits - logits.max())
        order = np.argsort(-probs, kind="stable")
        cumulative = np.cumsum(probs[order]) / probs.sum()
        nucleus = int(np.searchsorted(cumulative, self.options.top_p)) + 1
        within = cumulative[:nucleus] / cumulative[min(nucleus, len(ids)) - 1]
        return int(ids[order[min(int(np.searchsorted(within, lot, side="right")), nucleus - 1)]])


def _part(memory: MotifContext, rows: slice) -> MotifContext:
    return MotifContext(memory.words[rows], memory.similarity[rows])


def _joining(
    arranger: Arranger, plan: NotePlan, before: IntArray, new: IntArray, after: IntArray
) -> float:
    """Mean log-probability of the words of the first given bar after a version."""
    next_bar = after[bar_of(after) == 0]
    words = np.concatenate([before, new, next_bar])
    bar = bar_of(words)
    first = np.flatnonzero(words[:, POSITION] == BAR)
    n_notes = np.arange(len(words)) - first[bar]
    memory = motif_context(words, plan.chart, arranger.config.motif_bars)
    rows = slice(max(0, len(words) - arranger.config.context), len(words))
    heard = [words, bar, n_notes, memory.words, memory.similarity]
    encoded = ChunkedPlanEncoder(arranger, plan, 1).around(int(bar[rows][0]), int(bar[-1]))
    ready = arranger.decode(
        WordInput(*(torch.from_numpy(column[rows])[None] for column in heard)), encoded
    )
    targets = torch.from_numpy(words[rows][1:])[None]
    told = _told(arranger, ready, targets)
    return float(told[-len(next_bar) :].mean())


def _told(arranger: Arranger, ready: WordState, targets: Tensor) -> Tensor:
    """Log-probability [T] of words [1, T, 5], the last state having none."""
    padded = torch.cat([targets, targets.new_full((1, 1, _COLUMNS), PAD)], dim=1)
    total = torch.zeros(targets.shape[1])
    is_note = targets[0, :, POSITION] >= FIRST_POSITION
    for column in range(_COLUMNS):
        log_probs = arranger.log_probs(column, ready, padded)[0, :-1]
        told = log_probs.gather(-1, targets[0, :, column, None])[:, 0]
        total += told if column == POSITION else torch.where(is_note, told, 0.0)
    return total
