"""Train the composer.

    python -m experiments.train_composer --config experiments/composer.toml --data DIR --out RUN

``DIR`` is MuVi-Sync in its published layout (Zenodo record 10057093); ``--pop909`` and ``--emopia``
add the chords of those corpora. A run that was stopped goes on when the command is given again.
``RUN/composer`` holds the weights as ``amt`` reads them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from amt.model.composer import Composer
from amt.model.config import ComposerConfig
from amt.model.losses import composer_loss
from amt.model.video import VideoInput
from amt.model.weights import save_model
from data_prep.emopia import QUADRANT_VALENCE_AROUSAL, load_clips, split_by_song
from data_prep.muvi_sync import MuviSong, load_split
from data_prep.pop909 import load_tracks
from experiments.composer_data import (
    ComposerData,
    ComposerExamples,
    Labelled,
    collate,
    whole_song,
)
from experiments.training import BEST, TrainSettings, read_config, report_of, train


@dataclasses.dataclass(frozen=True)
class ComposerObjective:
    """Weights of the loss; the ``[loss]`` table of a composer config."""

    next_weight: float = 0.5
    affective_weight: float = 0.02
    smoothing: float = 0.05


class ComposerTask:
    """The composer as :class:`experiments.training.Task`."""

    def __init__(
        self,
        model: Composer,
        examples: ComposerExamples,
        validation: Sequence[MuviSong],
        objective: ComposerObjective,
        batch_size: int,
    ) -> None:
        self.model = model
        self.examples, self.objective, self.batch_size = examples, objective, batch_size
        ordered = sorted(validation, key=lambda song: len(song.chords))
        self.validation = [
            collate([whole_song(song) for song in ordered[i : i + 15]])
            for i in range(0, len(ordered), 15)
        ]

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Losses of this process's share of the step's batch."""
        batch = self.examples.batch(step, self.batch_size)
        mine = slice(rank, None, world)
        device = next(self.model.parameters()).device
        video = VideoInput(*(tensor[mine].to(device) for tensor in batch.video))
        chords = batch.chords[mine].to(device)
        output = self.model(chords, batch.minor[mine].to(device), video)
        losses = composer_loss(
            output,
            chords,
            batch.weight[mine].to(device),
            video.emotion,
            video.known[:, 1],
            slots=batch.weight.sum().to(device) / world,
            **dataclasses.asdict(self.objective),
        )
        return {name: getattr(losses, name) for name in losses.__slots__}

    def validate(self) -> dict[str, float]:
        """NLL and Hits on the validation songs, with their video and without."""
        seen = _score(self.model, self.validation, with_video=True)
        blind = _score(self.model, self.validation, with_video=False)
        return {"loss": seen["nll"], **seen, **{f"blind_{k}": v for k, v in blind.items()}}


def _score(model: torch.nn.Module, batches: Sequence, *, with_video: bool) -> dict[str, float]:
    """Slot-weighted NLL, Hits@1/3/5 and Hits@1 on change."""
    device = next(model.parameters()).device
    sums = torch.zeros(6, dtype=torch.float64)
    changes = 0.0
    for batch in batches:
        video = (batch.video if with_video else batch.video.without_video()).to(device)
        chords = batch.chords.to(device)
        log_probs = model(chords, batch.minor.to(device), video).log_probs.cpu()
        truth = log_probs.gather(-1, batch.chords[..., None])
        rank = (log_probs > truth).sum(dim=-1)
        changed = batch.weight.clone()
        changed[:, 1:] *= batch.chords[:, 1:] != batch.chords[:, :-1]
        changed[:, 0] = 0
        for i, value in enumerate(
            (-truth.squeeze(-1), rank < 1, rank < 3, rank < 5, (rank < 1) * changed)
        ):
            sums[i] += (value * batch.weight).double().sum()
        sums[5] += batch.weight.double().sum()
        changes += float(changed.sum())
    nll, *hits, on_change, slots = sums.tolist()
    names = ("hits@1", "hits@3", "hits@5")
    scores = {name: hit / slots for name, hit in zip(names, hits, strict=True)}
    return {"nll": nll / slots, **scores, "hits@1_on_change": on_change / changes}


def other_corpora(
    pop909: Path | None, emopia: Path | None, cache: Path | None
) -> dict[str, list[Labelled]]:
    """The corpora without a picture that are there."""
    corpora: dict[str, list[Labelled]] = {}
    if pop909 is not None:
        corpora["pop909"] = [(track, None) for track in load_tracks(pop909)]
    if emopia is not None:
        clips, _ = split_by_song(load_clips(emopia, cache=cache))
        corpora["emopia"] = [(c.track, QUADRANT_VALENCE_AROUSAL[c.quadrant]) for c in clips]
    return corpora


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("experiments/composer.toml"))
    parser.add_argument("--data", type=Path, required=True, help="MuVi-Sync, published layout")
    parser.add_argument("--pop909", type=Path, help="POP909's folder of songs")
    parser.add_argument("--emopia", type=Path, help="EMOPIA's folder of MIDI files")
    parser.add_argument("--cache", type=Path, help="folder for compact copies of the corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, help="instead of the config's")
    parser.add_argument("--smoke", action="store_true", help="twenty small steps, under a minute")
    args = parser.parse_args(argv)
    config = read_config(
        args.config, model=ComposerConfig, train=TrainSettings, data=ComposerData,
        loss=ComposerObjective,
    )  # fmt: skip
    settings: TrainSettings = config["train"]
    if args.steps:
        settings = dataclasses.replace(settings, steps=args.steps)
    if args.smoke:
        settings = dataclasses.replace(settings, steps=20, batch_size=4, eval_every=10)
    report = report_of(quiet=False)
    songs = load_split(args.data, "train", on_error="skip", report=report, cache=args.cache)
    validation = load_split(args.data, "val", on_error="skip", report=report, cache=args.cache)
    others = other_corpora(args.pop909, args.emopia, args.cache)
    torch.manual_seed(settings.seed)
    task = ComposerTask(
        Composer(config["model"]),
        ComposerExamples(songs, others, config["data"], settings.seed),
        validation,
        config["loss"],
        settings.batch_size,
    )
    best = train(task, settings, args.out)
    save_model(args.out / "composer", "composer", config["model"], load_file(args.out / BEST))
    report(json.dumps(best, indent=2))


if __name__ == "__main__":
    main()
