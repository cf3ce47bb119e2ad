"""Train the arranger.

    python -m experiments.arranger.train --config experiments/arranger/arranger.toml --data POP909 \
        --emopia EMOPIA --out RUN

``POP909`` and ``EMOPIA`` are the corpora's folders of songs and of MIDI files; a tenth of the songs
of each is held out, of POP909 for validation. A run that was stopped goes on when the command is
given again. ``RUN/arranger`` holds the weights as ``amt`` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from amt.models.config import ArrangerConfig
from amt.models.notes.network import Arranger
from amt.models.notes.tokenizer import NoteTokenizer
from amt.models.notes.tokens import FIRST_POSITION, POSITION, VOCABULARY
from data_prep.note_song import NoteSong
from experiments.arranger.data import (
    ArrangerBatch,
    ArrangerData,
    ArrangerExamples,
    MoodEstimate,
    validation_batches,
)
from experiments.common.corpora import EMOPIA, POP909, note_corpora
from experiments.common.training import (
    configured,
    device_of,
    moved,
    report_best,
    save_best,
    train,
    training_parser,
)

COLUMNS = ("place", "role", "pitch", "duration", "velocity")
VALIDATION_SONGS = 40


@dataclass(frozen=True)
class ArrangerObjective:
    """Weights of the loss; the ``[loss]`` table of an arranger config."""

    own_weight: float = 0.5
    """Of what the network says without the memory of motifs, which would else spare it learning
    what can be copied, and leave it helpless where a piece has nothing to copy yet."""


class ArrangerTask:
    """The arranger as :class:`experiments.common.training.Task`; loss in nats per word."""

    def __init__(
        self,
        model: Arranger,
        examples: ArrangerExamples,
        validation: Sequence[ArrangerBatch],
        objective: ArrangerObjective,
        batch_size: int,
    ) -> None:
        self.model: nn.Module = model
        self.examples, self.validation = examples, validation
        self.objective, self.batch_size = objective, batch_size

    def loss(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Losses of this process's share of the step's batch."""
        batch = self.examples.batch(step, self.batch_size)
        n_words = (batch.targets[..., POSITION] > 0).sum() / world
        nll, own = (x.sum(dim=(0, 1)) / n_words for x in self._nll(batch, slice(rank, None, world)))
        total = nll.sum() + self.objective.own_weight * own.sum()
        return {"total": total, "own": own.sum(), **dict(zip(COLUMNS, nll, strict=True))}

    def validate(self) -> dict[str, float]:
        """Nats a word, and for each column nats a word that has it."""
        total, own, words, notes = torch.zeros(len(VOCABULARY)), 0.0, 0, 0
        for batch in self.validation:
            nll, alone = self._nll(batch, slice(None))
            total += nll.sum(dim=(0, 1)).cpu()
            own += float(alone.sum())
            words += int((batch.targets[..., POSITION] > 0).sum())
            notes += int((batch.targets[..., POSITION] >= FIRST_POSITION).sum())
        counts = torch.tensor([words] + [notes] * (len(COLUMNS) - 1))
        columns = dict(zip(COLUMNS, (total / counts).tolist(), strict=True))
        return {"loss": float(total.sum() / words), "own": own / words, **columns}

    def _nll(self, batch: ArrangerBatch, mine: slice) -> tuple[Tensor, Tensor]:
        """[B, T, 5] nats of each column in some rows: of the whole model, and without motifs."""
        device = device_of(self.model)
        inputs, plan = moved(batch.inputs, mine, device), moved(batch.plan, mine, device)
        mixed, own = self.model(inputs, plan, batch.targets[mine].to(device))
        return -mixed, -own


def corpora_of(
    pop909: Path, emopia: Path | None, cache: Path | None
) -> tuple[dict[str, list[NoteSong]], list[NoteSong]]:
    """Training pieces by corpus, all with a mood where EMOPIA is there, and POP909's held out."""
    training, held = note_corpora(pop909, emopia, cache)
    if emopia is None:
        return training, held[POP909]
    mood = MoodEstimate(training[EMOPIA])
    training[POP909] = [mood.label(song) for song in training[POP909]]
    return training, [mood.label(song) for song in held[POP909]]


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = training_parser(
        __doc__, Path("experiments/arranger/arranger.toml"), "POP909's folder of songs"
    )
    parser.add_argument("--emopia", type=Path, help="EMOPIA's folder of MIDI files")
    args = parser.parse_args(argv)
    config, settings = configured(
        args, model=ArrangerConfig, data=ArrangerData, loss=ArrangerObjective
    )
    corpora, held = corpora_of(args.data, args.emopia, args.cache)
    reach, length = config["model"].motif_bars, config["data"].length
    torch.manual_seed(settings.seed)
    task = ArrangerTask(
        Arranger(config["model"]),
        ArrangerExamples(corpora, config["data"], reach, settings.seed),
        validation_batches(held[:VALIDATION_SONGS], reach, length),
        config["loss"],
        settings.batch_size,
    )
    best = train(task, settings, args.out)
    save_best(args.out, "arranger", config["model"])
    NoteTokenizer().save_pretrained(args.out / "arranger")
    report_best(best)


if __name__ == "__main__":
    main()
