r"""Train the composer.

    python -m experiments.composer.train --config experiments/composer/composer.toml \
        --data DIR --out RUN

``DIR`` is MuVi-Sync in its published layout (Zenodo record 10057093); ``--pop909`` and ``--emopia``
add the chords of those corpora. A run that was stopped goes on when the command is given again.
``RUN/composer`` holds the weights as ``amt`` reads them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from amt.models.chords.losses import composer_loss
from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig
from data_prep.corpus import split_by_song
from data_prep.emopia import QUADRANT_VALENCE_AROUSAL, load_clips
from data_prep.muvi_sync import MuviSong, load_split
from data_prep.pop909 import load_tracks
from experiments.common.examples import BATCH, collate, whole_song
from experiments.common.training import (
    configured,
    device_of,
    moved,
    report,
    report_best,
    save_best,
    train,
    training_parser,
)
from experiments.composer.data import ComposerData, ComposerExamples, Labelled
from experiments.composer.metrics import composer_scores


@dataclasses.dataclass(frozen=True)
class ComposerObjective:
    """Weights of the loss; the ``[loss]`` table of a composer config."""

    next_weight: float = 0.5
    affective_weight: float = 0.02
    smoothing: float = 0.05


class ComposerTask:
    """The composer as :class:`experiments.common.training.Task`."""

    def __init__(
        self,
        model: Composer,
        examples: ComposerExamples,
        validation: Sequence[MuviSong],
        objective: ComposerObjective,
        batch_size: int,
    ) -> None:
        self.model: nn.Module = model
        self.examples, self.objective, self.batch_size = examples, objective, batch_size
        ordered = sorted(validation, key=lambda song: len(song.chords))
        self.validation = [
            collate([whole_song(song) for song in ordered[i : i + BATCH]])
            for i in range(0, len(ordered), BATCH)
        ]

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Losses of this process's share of the step's batch."""
        batch = self.examples.batch(step, self.batch_size)
        mine = slice(rank, None, world)
        device = device_of(self.model)
        video = moved(batch.video, mine, device)
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
        seen = composer_scores(self.model, self.validation, with_video=True)
        blind = composer_scores(self.model, self.validation, with_video=False)
        return {"loss": seen["nll"], **seen, **{f"blind_{k}": v for k, v in blind.items()}}


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
    parser = training_parser(__doc__, Path("experiments/composer/composer.toml"))
    parser.add_argument("--pop909", type=Path, help="POP909's folder of songs")
    parser.add_argument("--emopia", type=Path, help="EMOPIA's folder of MIDI files")
    args = parser.parse_args(argv)
    config, settings = configured(
        args, model=ComposerConfig, data=ComposerData, loss=ComposerObjective
    )
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
    save_best(args.out, "composer", config["model"])
    report_best(best)


if __name__ == "__main__":
    main()
