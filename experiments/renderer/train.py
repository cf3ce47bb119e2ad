"""Train the networks of the neural renderer, one stage at a time.

    python -m experiments.renderer.train --stage vocoder --data POP909 --emopia EMOPIA \
        --soundfont MuseScore_General.sf3 --out RUN
    python -m experiments.renderer.train --stage diffusion --data POP909 --emopia EMOPIA \
        --soundfont MuseScore_General.sf3 --out RUN

``POP909`` and ``EMOPIA`` are the corpora's folders of songs and of MIDI files; a tenth of the songs
of each is held out. The teacher plays on the soundfont while training goes on; with a GPU, let
several processes play: ``--set data.workers=14``. The stages do not depend on each other. A run
that was stopped goes on when the command is given again. ``RUN/renderer`` holds the weights as
:func:`render.diffusion.weights.load_renderer` reads them; the run of each stage is kept in
``RUN/vocoder`` and ``RUN/diffusion``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from amt.errors import InputError
from experiments.common.corpora import note_corpora
from experiments.common.training import (
    BEST,
    configured,
    device_of,
    report_best,
    train,
    training_parser,
)
from experiments.renderer.data import (
    Feed,
    RendererBatch,
    RendererData,
    RendererExamples,
    Teacher,
)
from experiments.renderer.losses import (
    Critic,
    critic_loss,
    mel_error,
    persuasion_losses,
    stft_error,
)
from render.diffusion.denoiser import Denoiser, DenoiserConfig, flow_loss
from render.diffusion.mel import HOP, MARGIN, log_mel
from render.diffusion.sampler import CONTEXT_FRAMES, TIME_POWER, WINDOW_FRAMES
from render.diffusion.tokens import FrameNotes
from render.diffusion.vocoder import Vocoder, VocoderConfig
from render.diffusion.weights import DENOISER, VOCODER, save_network

STAGES = ("vocoder", "diffusion")
VALIDATION_BATCHES = 6
_VALIDATION_SEED = 1_000_003
_AT_START = 0.35


@dataclass(frozen=True)
class VocoderObjective:
    """Weights of the vocoder's losses; the ``[loss]`` table of its config."""

    crop: int = 128
    """Frames of each window that are vocoded."""
    mel: float = 5.0
    """Of the error of log-mel spectrograms."""
    stft: float = 1.0
    """Of the multi-resolution STFT loss."""
    adversarial: float = 0.1
    """Of the critic's hinge loss; with 0 there is no critic."""
    features: float = 1.0
    """Of feature matching."""
    critic_frames: int = 32
    """Frames of a crop that the critic gets; it costs far more than the vocoder."""
    adversarial_from: int = 4000
    """First step with the critic: before, it would only judge noise."""


@dataclass(frozen=True)
class FlowObjective:
    """How the denoiser is trained; the ``[loss]`` table of its config."""

    drop_notes: float = 0.1
    """Share of windows without notes, for guidance."""
    drop_context: float = 0.2
    """Share of windows without context, which would else be trusted more than the notes."""
    context_noise: float = 0.3
    """Largest deviation of the noise on the context: when drawing, it is never quite right
    (conditioning augmentation, Ho et al. 2021)."""


class Exact:
    """Arguments of a model as they are.

    Fabric rounds every tensor that a model is called with to the precision of training, and in
    bfloat16 sound has a noise floor at -50 dB and a note's age steps of 10 ms. It does not look
    into objects.

    Args:
        values: in the order in which the model reads them.
    """

    def __init__(self, *values: object) -> None:
        self.values: tuple[Any, ...] = values


class VocoderTraining(nn.Module):
    """The vocoder with its critic.

    Args:
        config: of the vocoder.
        objective: weights of the losses.
    """

    def __init__(self, config: VocoderConfig, objective: VocoderObjective) -> None:
        super().__init__()
        self.vocoder = Vocoder(config)
        self.critic = Critic() if objective.adversarial else None
        self.objective = objective

    def forward(self, example: Exact) -> dict[str, Tensor]:
        """Losses for spectrograms [B, N_MELS, T], waves [B, T·HOP], and whether to be judged."""
        mel, wave, judged = example.values
        weights = self.objective
        output = self.vocoder(mel)
        losses = {"mel": mel_error(output, wave), "stft": stft_error(output, wave)}
        losses["total"] = weights.mel * losses["mel"] + weights.stft * losses["stft"]
        # The log has the same columns from the first step on.
        losses |= dict.fromkeys(("hinge", "features", "critic"), output.new_zeros(()))
        if judged and self.critic is not None:
            first = HOP * int(torch.randint(weights.crop - weights.critic_frames + 1, ()))
            judged_part = slice(first, first + HOP * weights.critic_frames)
            ours, played = output[:, judged_part], wave[:, judged_part]
            hinge, features = persuasion_losses(self.critic, ours, played)
            losses |= {"hinge": hinge, "features": features}
            losses["critic"] = critic_loss(self.critic, ours, played)
            losses["total"] = (
                losses["total"]
                + weights.adversarial * hinge
                + weights.features * features
                + losses["critic"]
            )
        return losses


class VocoderTask:
    """The vocoder as :class:`experiments.common.training.Task`, in one process."""

    def __init__(
        self, model: VocoderTraining, feed: Feed, validation: Sequence[RendererBatch]
    ) -> None:
        self.model: nn.Module = model
        self.feed, self.validation = feed, validation
        self.objective = model.objective

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Losses of the step's batch."""
        wave = self.feed.batch(step).wave
        first = int(torch.randint(WINDOW_FRAMES - self.objective.crop + 1, ()))
        judged = step >= self.objective.adversarial_from
        return self._losses(wave, first, judged)

    def validate(self) -> dict[str, float]:
        """Errors of spectrograms; ``loss`` is their weighted sum, without the critic."""
        found = [
            self._losses(batch.wave, i * 20 % (WINDOW_FRAMES - self.objective.crop), False)
            for i, batch in enumerate(self.validation)
        ]
        mel, stft, total = (
            float(torch.stack([f[n] for f in found]).mean()) for n in ("mel", "stft", "total")
        )
        return {"loss": total, "mel": mel, "stft": stft}

    def _losses(self, wave: Tensor, first: int, judged: bool) -> dict[str, Tensor]:
        wave = wave.to(device_of(self.model), non_blocking=True)
        length = self.objective.crop * HOP
        start = first * HOP
        mel = log_mel(wave[:, start : start + length + 2 * MARGIN])
        inner = wave[:, start + MARGIN : start + MARGIN + length]
        losses: dict[str, Tensor] = self.model(Exact(mel, inner, judged))
        return losses


class FlowTraining(nn.Module):
    """The denoiser with its loss.

    Args:
        config: of the denoiser.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.denoiser = Denoiser(config)

    def forward(self, example: Exact) -> Tensor:
        """The flow's error; an example is what :meth:`FlowTask.loss` puts together."""
        mel, notes, context, known, keep, noise, time = example.values
        cond = self.denoiser.condition(notes, context, known, keep)
        return flow_loss(self.denoiser, mel, noise, time, cond)


class FlowTask:
    """The denoiser as :class:`experiments.common.training.Task`, in one process."""

    def __init__(
        self,
        model: FlowTraining,
        feed: Feed,
        validation: Sequence[RendererBatch],
        objective: FlowObjective,
    ) -> None:
        self.model: nn.Module = model
        self.bare = model.denoiser
        self.feed, self.validation, self.objective = feed, validation, objective

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """The flow's error on the step's batch."""
        batch, asked = self.feed.batch(step), self.objective
        rows = len(batch.wave)
        known = torch.zeros(rows, WINDOW_FRAMES)
        known[torch.rand(rows) >= asked.drop_context, :CONTEXT_FRAMES] = 1
        keep = torch.rand(rows) >= asked.drop_notes
        time = _flow_times(torch.rand(rows))
        mel, notes = self._moved(batch)
        blur = asked.context_noise * torch.rand(rows, 1, 1) * torch.randn(mel.shape)
        context = mel + blur.to(mel.device)
        others = (x.to(mel.device) for x in (known, keep, torch.randn(mel.shape), time))
        return {"total": self.model(Exact(mel, notes, context, *others))}

    def validate(self) -> dict[str, float]:
        """The flow's error at the times of training, and that of log-mel after a single step."""
        losses, errors = [], []
        for index, batch in enumerate(self.validation):
            mel, notes = self._moved(batch)
            rows = len(mel)
            generator = torch.Generator().manual_seed(index)
            noise = torch.randn(mel.shape, generator=generator).to(mel.device)
            known = torch.zeros(rows, WINDOW_FRAMES, device=mel.device)
            known[:, :CONTEXT_FRAMES] = 1
            cond = self.bare.condition(notes, mel, known)
            time = _flow_times((torch.arange(rows) + 0.5) / rows).to(mel.device)
            losses.append(flow_loss(self.bare, mel, noise, time, cond))
            at_once = noise + self.bare(noise, torch.zeros_like(time), cond)
            errors.append((at_once - mel)[:, :, CONTEXT_FRAMES:].abs().mean())
        means = (float(torch.stack(x).mean()) for x in (losses, errors))
        return dict(zip(("loss", "one_step"), means, strict=True))

    def _moved(self, batch: RendererBatch) -> tuple[Tensor, FrameNotes]:
        device = device_of(self.model)
        return log_mel(batch.wave.to(device, non_blocking=True)), batch.notes.to(device)


def _flow_times(shares: Tensor) -> Tensor:
    """Times of which as large a share as is given lie below: many at the very start.

    Neighbours in a spectrogram are so alike that at a tenth of the way even strong noise hides
    little, and what the input shows is learned before what the notes say: a network that is trained
    at evenly spread times ignores the notes. Only where there is nothing but noise do they decide.
    """
    return ((shares - _AT_START) / (1 - _AT_START)).clamp(min=0) ** TIME_POWER


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = training_parser(__doc__, Path(), "POP909's folder of songs")
    parser.set_defaults(config=None)
    parser.add_argument("--stage", choices=STAGES, required=True)
    parser.add_argument("--emopia", type=Path, help="EMOPIA's folder of MIDI files")
    parser.add_argument("--soundfont", type=Path, help="what the teacher plays on")
    parser.add_argument("--engine", default="auto", help="what the teacher plays with")
    args = parser.parse_args(argv)
    kinds = (
        {"model": VocoderConfig, "loss": VocoderObjective}
        if args.stage == "vocoder"
        else {"model": DenoiserConfig, "loss": FlowObjective}
    )
    args.config = args.config or Path(f"experiments/renderer/{args.stage}.toml")
    config, settings = configured(args, data=RendererData, **kinds)
    if settings.devices > 1:
        raise InputError(f"{settings.devices} devices are asked for; these networks train on one")
    training, held = note_corpora(args.data, args.emopia, args.cache)
    teacher = Teacher(args.soundfont, args.engine)
    data, size = config["data"], settings.batch_size
    examples = RendererExamples(training, data, teacher, size, settings.seed)
    aside = RendererExamples(held, replace(data, windows=1), teacher, size, _VALIDATION_SEED)
    validation = [aside[i] for i in range(2 if args.smoke else VALIDATION_BATCHES)]
    torch.manual_seed(settings.seed)
    task = _task(args.stage, config, Feed(examples, data.workers, data.repeats), validation)
    out = args.out / args.stage
    best = train(task, settings, out)
    name = VOCODER if args.stage == "vocoder" else DENOISER
    tensors = {
        key.removeprefix(f"{name}."): value
        for key, value in load_file(out / BEST).items()
        if key.startswith(f"{name}.")
    }
    save_network(args.out / "renderer" / name, config["model"], tensors)
    report_best(best)


def _task(
    stage: str, config: dict[str, Any], feed: Feed, validation: Sequence[RendererBatch]
) -> VocoderTask | FlowTask:
    if stage == "vocoder":
        return VocoderTask(VocoderTraining(config["model"], config["loss"]), feed, validation)
    return FlowTask(FlowTraining(config["model"]), feed, validation, config["loss"])


if __name__ == "__main__":
    main()
