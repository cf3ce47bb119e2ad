"""Drawing chords from the composer.

Pure functions on log-probabilities; constraints are biases, randomness is a generator that was
handed in. Shapes: ``S`` slots, ``V`` = 157 chords, ``R`` rows of a guided batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from amt.errors import InputError
from amt.models.chords.induction import CopyContext, CopyMemory
from amt.models.chords.network import START_ID, ChordHistory, Composer
from amt.models.layers import KeyValueCache
from amt.models.video import MODALITIES, VideoInput
from amt.reporter import DEFAULT_REPORTER, Reporter

DRAFT_SLOTS = 4
"""How many slots are decoded at once on the bet that the chord lasts."""


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How freely chords are drawn."""

    temperature: float = 1.0
    """Above 0; 1 is the model's own distribution, lower is safer."""
    top_p: float = 0.98
    """Share of probability that stays in play (Holtzman et al. 2020), in (0, 1]."""
    guidance: float = 1.5
    """Strength of the picture (Ho & Salimans 2022): 0 ignores it, 1 is the model's own answer."""
    affect_guidance: float = 1.5
    """Strength of the asked valence and arousal, likewise."""
    patience: float = 4.0
    """Slots that a chord may last before every slot more multiplies its odds to change by e: in the
    corpus an introduction may rest on one chord for half a minute, in a short clip it may not."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("temperature", 0.01, 5.0), ("top_p", 1e-6, 1.0),
            ("guidance", 0.0, 20.0), ("affect_guidance", 0.0, 20.0),
            ("patience", 0.0, 1e9),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} is {value}; expected a number from {low:g} to {high:g}")


def top_p_filter(log_probs: Tensor, top_p: float) -> Tensor:
    """Keep the likeliest entries that together reach ``top_p``, [..., V] -> [..., V].

    At least one entry stays; the others become -inf.
    """
    ordered, order = log_probs.sort(dim=-1, descending=True)
    before = ordered.exp().cumsum(dim=-1) - ordered.exp()
    ordered = ordered.masked_fill(before >= top_p, float("-inf"))
    return torch.full_like(log_probs, float("-inf")).scatter(-1, order, ordered)


def draw(
    log_probs: Tensor, options: SamplingOptions, generator: torch.Generator, last: int = START_ID
) -> int:
    """Draw one chord from unnormalised log-probabilities [V].

    Whether the chord changes is drawn first and from the whole distribution; temperature and top-p
    shape what it changes to. Cutting the joint distribution at top-p would forbid every change
    wherever staying alone has that much probability, and the harmony would freeze.

    Args:
        log_probs: [V], -inf where a chord is forbidden.
        options: temperature and top-p.
        generator: source of randomness.
        last: the running chord.

    Raises:
        ValueError: every entry is -inf.
    """
    probs = log_probs.double().softmax(dim=-1)
    if probs.isnan().any():
        raise ValueError("no chord is allowed in this slot")
    others = log_probs.double().clone()
    if last != START_ID:
        stays = torch.rand((), generator=generator, dtype=torch.float64) < probs[last]
        if stays or probs[last] == 1:
            return last
        others[last] = float("-inf")
    kept = top_p_filter((others / options.temperature).log_softmax(dim=-1), options.top_p)
    return int(torch.multinomial(kept.exp(), 1, generator=generator))


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """The same clip seen several ways, and how their answers are blended."""

    video: VideoInput
    """R rows."""
    weights: Tensor
    """[R] sum to 1."""


def make_guide(video: VideoInput, options: SamplingOptions) -> Guide:
    """Rows for classifier-free guidance of one clip (``video`` has B = 1).

    With ``b`` blind, ``v`` the picture without the asked affect, ``a`` both, and
    strengths ``g`` and ``h``: ``log p = b + g (v - b) + h (a - v)``. Rows of weight 0 are left out.
    """
    blind = torch.zeros_like(video.known)
    seen = video.known.clone()
    seen[:, MODALITIES.index("affect")] = 0
    has_affect = bool(video.known[0, MODALITIES.index("affect")])
    g, h = options.guidance, options.affect_guidance if has_affect else 0.0
    rows = [(w, k) for w, k in ((1 - g, blind), (g - h, seen), (h, video.known)) if w != 0]
    known = torch.cat([row for _, row in rows])
    repeated = VideoInput(*(tensor.expand(len(rows), *tensor.shape[1:]) for tensor in video))
    weights = torch.tensor([weight for weight, _ in rows], dtype=torch.float64)
    return Guide(repeated._replace(known=known), weights)


@dataclass(slots=True)
class _Running:
    """The history of the piece so far, in the form of :class:`ChordHistory`."""

    last: int = START_ID
    run: int = 0
    before: int = START_ID
    run_before: int = 0
    memory: CopyMemory | None = None
    """What the piece remembers, for a model that asks."""
    expected: list[CopyMemory] = field(default_factory=list)
    """What it will remember after each slot more that the running chord lasts."""

    def push(self, chord: int) -> None:
        if self.memory is not None:
            if chord != self.last:
                self.expected.clear()
            self.memory = self.expected.pop(0) if self.expected else self.memory.update(chord)
        if chord == self.last:
            self.run += 1
        else:
            self.before, self.run_before = self.last, self.run
            self.last, self.run = chord, 1

    def draft(self, rows: int, slots: int) -> ChordHistory:
        """The histories of the next slots if the running chord lasts through them."""
        last, before, run_before = (
            torch.full((rows, slots), value) for value in (self.last, self.before, self.run_before)
        )
        return ChordHistory(
            last, self.run + torch.arange(slots).expand(rows, -1), before, run_before,
            self._recollection(slots),
        )  # fmt: skip

    def _recollection(self, slots: int) -> CopyContext | None:
        if self.memory is None:
            return None
        while len(self.expected) < slots - 1:
            latest = self.expected[-1] if self.expected else self.memory
            self.expected.append(latest.update(self.last))
        return CopyContext.join([self.memory, *self.expected[: slots - 1]])


@contextmanager
def one_thread() -> Iterator[None]:
    """Decoding slot by slot is many small products, which threads only slow down."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
@one_thread()
def sample_chords(
    model: Composer,
    video: VideoInput,
    *,
    minor: bool,
    options: SamplingOptions,
    generator: torch.Generator,
    bias: Tensor | None = None,
    change_bias: Tensor | None = None,
    primer: Sequence[int] = (),
    reporter: Reporter = DEFAULT_REPORTER,
) -> list[int]:
    """Compose a chord for every slot of a clip, with a key/value cache.

    Several slots are decoded at once on the bet that the running chord lasts; at the first change
    the rest is taken back. What is drawn is the same as slot by slot (speculative decoding,
    Leviathan et al. 2023, with a draft that costs nothing).

    Args:
        model: in evaluation mode.
        video: one clip (B = 1) of S slots.
        minor: A minor rather than C major.
        options: temperature, top-p and guidance.
        generator: source of randomness.
        bias: [S, V] added to the log-probabilities; -inf forbids.
        change_bias: [S] added to the log-odds that the chord changes.
        primer: chord ids of the first slots.
        reporter: gets the progress.

    Returns:
        S chord ids.

    Raises:
        ValueError: ``bias`` forbids every chord of a slot.
    """
    n_slots = video.motion.shape[1]
    guide = make_guide(video, options)
    rows = len(guide.weights)
    encoded = model.encode(guide.video)
    caches = [KeyValueCache(model.config.context) for _ in model.layers]
    mode = torch.full((rows,), int(minor))
    memory = CopyMemory.empty(model.reach) if model.reach else None
    running, chords = _Running(memory=memory), list[int]()
    while (first := len(chords)) < n_slots:
        # Before the first chord there is nothing to bet on.
        n_draft = 1 if running.last == START_ID else min(DRAFT_SLOTS, n_slots - first)
        output = model.decode(running.draft(rows, n_draft), mode, encoded, first, caches)
        blended = (output.log_probs.double() * guide.weights[:, None, None]).sum(dim=0)
        for slot, log_probs in enumerate(blended, start=first):
            if slot < len(primer):
                chord = primer[slot]
            else:
                if bias is not None:
                    log_probs = log_probs + bias[slot]
                if running.last != START_ID:
                    urge = max(0.0, running.run - options.patience)
                    if change_bias is not None:
                        urge += float(change_bias[slot])
                    log_probs[running.last] -= urge
                chord = draw(log_probs, options, generator, running.last)
            chords.append(chord)
            lasted = chord == running.last
            running.push(chord)
            if not lasted:
                break
        for cache in caches:
            cache.forget(first + n_draft - len(chords))
        reporter.progress(len(chords) / n_slots)
    return chords
