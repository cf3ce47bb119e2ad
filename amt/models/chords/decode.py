"""Sampling chords from the composer.

Pure functions on log-probabilities: constraints are biases, randomness is a generator that is
passed in. Shapes: ``S`` slots, ``V`` = 157 chords, ``R`` rows of a batch for guidance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from amt.models.chords.induction import CopyContext, CopyMemory
from amt.models.chords.inputs import START_ID, ChordHistory
from amt.models.chords.network import Composer, EncodedVideo
from amt.models.layers import KeyValueCache
from amt.models.sampling import nucleus
from amt.models.threads import single_threaded
from amt.models.video import MODALITIES, VideoInput
from amt.options import SamplingOptions
from amt.reporter import DEFAULT_REPORTER, Reporter

DRAFT_SLOTS = 4
"""Slots that are decoded together, on the assumption that the running chord lasts."""


def sample_chord(
    log_probs: Tensor, options: SamplingOptions, generator: torch.Generator, last: int = START_ID
) -> int:
    """One chord drawn from unnormalised log-probabilities [V].

    Whether the chord changes is drawn first and from the whole distribution; temperature and top-p
    shape what it changes to. A nucleus of the joint distribution would exclude every change
    wherever staying alone has a probability of top-p, and the harmony would stand still.

    Args:
        log_probs: [V], -inf where a chord is forbidden.
        options: temperature and top-p.
        generator: source of randomness.
        last: the running chord, or :data:`START_ID`.

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
    indices, kept = nucleus(others.numpy(), options.temperature, options.top_p)
    weights = torch.zeros_like(probs)
    weights[torch.from_numpy(indices)] = torch.from_numpy(kept)
    return int(torch.multinomial(weights, 1, generator=generator))


@dataclass(frozen=True, slots=True, eq=False)
class GuidanceBatch:
    """One clip with different modalities known in each row, and the weights of the rows."""

    video: VideoInput
    """R rows."""
    weights: Tensor
    """[R] weights of the log-probabilities; they sum to 1."""


def guidance_batch(video: VideoInput, options: SamplingOptions) -> GuidanceBatch:
    """Rows for classifier-free guidance of one clip (``video`` has B = 1).

    With log-probabilities ``u`` without video, ``v`` with the video but not the target affect,
    ``a`` with both, and scales ``g`` and ``h``: ``log p = u + g (v - u) + h (a - v)``. Rows of
    weight 0 are left out.
    """
    unconditional = torch.zeros_like(video.known)
    without_affect = video.known.clone()
    without_affect[:, MODALITIES.index("affect")] = 0
    has_affect = bool(video.known[0, MODALITIES.index("affect")])
    g, h = options.guidance, options.affect_guidance if has_affect else 0.0
    candidates = ((1 - g, unconditional), (g - h, without_affect), (h, video.known))
    rows = [(weight, known) for weight, known in candidates if weight != 0]
    known = torch.cat([row for _, row in rows])
    repeated = VideoInput(*(tensor.expand(len(rows), *tensor.shape[1:]) for tensor in video))
    weights = torch.tensor([weight for weight, _ in rows], dtype=torch.float64)
    return GuidanceBatch(repeated._replace(known=known), weights)


@dataclass(slots=True)
class _RunningHistory:
    """The chords so far, in the form of :class:`ChordHistory`."""

    last: int = START_ID
    run: int = 0
    before: int = START_ID
    run_before: int = 0
    memory: CopyMemory | None = None
    """State of the induction heads, for a model that has them."""
    drafted: list[CopyMemory] = field(default_factory=list)
    """Their states after each further slot that the running chord lasts."""

    def append(self, chord: int) -> None:
        """Add the chord of the next slot."""
        if self.memory is not None:
            if chord != self.last:
                self.drafted.clear()
            self.memory = self.drafted.pop(0) if self.drafted else self.memory.update(chord)
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
            self._copy_context(slots),
        )  # fmt: skip

    def _copy_context(self, slots: int) -> CopyContext | None:
        if self.memory is None:
            return None
        while len(self.drafted) < slots - 1:
            latest = self.drafted[-1] if self.drafted else self.memory
            self.drafted.append(latest.update(self.last))
        return CopyContext.join([self.memory, *self.drafted[: slots - 1]])


@dataclass(slots=True)
class _ChordDecoder:
    """The model, its inputs and the chords so far; caches keep the slots that are decoded."""

    model: Composer
    guidance: GuidanceBatch
    encoded: EncodedVideo
    minor: bool
    caches: list[KeyValueCache]
    history: _RunningHistory

    @classmethod
    def start(
        cls, model: Composer, video: VideoInput, minor: bool, options: SamplingOptions
    ) -> _ChordDecoder:
        """Before the first slot of a clip."""
        guidance = guidance_batch(video, options)
        caches = [KeyValueCache(model.config.context) for _ in model.layers]
        memory = CopyMemory.empty(model.n_lags) if model.n_lags else None
        history = _RunningHistory(memory=memory)
        return cls(model, guidance, model.encode(guidance.video), minor, caches, history)

    def log_probs(self, first_slot: int, n_slots: int) -> Tensor:
        """[n, V] guided log-probabilities of the next slots if the running chord lasts."""
        weights = self.guidance.weights
        mode = torch.full((len(weights),), int(self.minor))
        history = self.history.draft(len(weights), n_slots)
        output = self.model.decode(history, mode, self.encoded, first_slot, self.caches)
        return (output.log_probs.double() * weights[:, None, None]).sum(dim=0)

    def drop_last(self, n: int) -> None:
        """Remove the last n decoded slots from the caches."""
        for cache in self.caches:
            cache.drop_last(n)


@torch.inference_mode()
@single_threaded()
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
    """A chord for every slot of a clip, sampled with a key/value cache.

    Several slots are decoded together as if the running chord lasted; at the first change the rest
    is discarded. The result is that of decoding slot by slot: speculative decoding (Leviathan et
    al. 2023) whose draft costs nothing.

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
    decoder = _ChordDecoder.start(model, video, minor, options)
    history, chords = decoder.history, list[int]()
    while (first := len(chords)) < n_slots:
        # Before the first chord there is none that could last.
        n_draft = 1 if history.last == START_ID else min(DRAFT_SLOTS, n_slots - first)
        for slot, log_probs in enumerate(decoder.log_probs(first, n_draft), start=first):
            if slot < len(primer):
                chord = primer[slot]
            else:
                allowed = log_probs if bias is None else log_probs + bias[slot]
                if history.last != START_ID:
                    allowed[history.last] -= _change_bias(history.run, slot, options, change_bias)
                chord = sample_chord(allowed, options, generator, history.last)
            chords.append(chord)
            changed = chord != history.last
            history.append(chord)
            if changed:
                break
        decoder.drop_last(first + n_draft - len(chords))
        reporter.progress(len(chords) / n_slots)
    return chords


def _change_bias(
    run: int, slot: int, options: SamplingOptions, change_bias: Tensor | None
) -> float:
    """Added to the log-odds of a change in a slot, after ``run`` slots of one chord."""
    by_run = max(0.0, run - options.free_run)
    return by_run if change_bias is None else by_run + float(change_bias[slot])
