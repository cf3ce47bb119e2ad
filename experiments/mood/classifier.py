"""A plain judge of mood: valence and arousal of a piece, high or low, from its notes.

It learns from EMOPIA (Hung et al. 2021), piano clips that people placed in the quadrants of the
circumplex. Songs are split before anything is learned, so that no song stands on two sides; the
kind of classifier is chosen by cross-validation on the training songs, and the held-out songs are
looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from amt.errors import MidiError
from amt.midi import read_midi
from amt.types import FloatArray
from data_prep.corpus import CorpusError
from data_prep.emopia import QUADRANT_VALENCE_AROUSAL
from experiments.common.bootstrap import share_interval
from experiments.mood.features import features_of

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

AXES = ("valence", "arousal")
HELD_OUT_SHARE = 0.25
FOLDS = 5
_NAME = re.compile(r"Q([1-4])_(.+)_\d+")


@dataclass(frozen=True, slots=True, eq=False)
class MoodCorpus:
    """The features and labels of N clips."""

    names: tuple[str, ...]
    """[F] of the features."""
    features: FloatArray
    """[N, F]"""
    quadrants: IntArray
    """[N] 1 to 4."""
    songs: NDArray[np.str_]
    """[N] the song that each clip is of; clips of a song must not be split."""

    def high(self, axis: str) -> BoolArray:
        """[N] whether valence or arousal is high."""
        place = np.array([QUADRANT_VALENCE_AROUSAL[q] for q in self.quadrants.tolist()])
        return np.asarray(place[:, AXES.index(axis)] > 0)

    def take(self, rows: IntArray) -> MoodCorpus:
        """Some of the clips."""
        return MoodCorpus(self.names, self.features[rows], self.quadrants[rows], self.songs[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A classifier for valence and one for arousal."""

    models: dict[str, ClassifierMixin]
    """Axis -> a fitted classifier."""
    kinds: dict[str, str]
    """Axis -> which of :func:`candidates` it is."""
    accuracies: dict[str, dict[str, float]]
    """Axis -> cross-validated accuracy of every candidate that was tried."""

    def chance_of_high(self, axis: str, features: FloatArray) -> FloatArray:
        """[N] probability that the axis is high for features [N, F]."""
        return np.asarray(self.models[axis].predict_proba(features)[:, 1])


def read_corpus(root: Path, report: Callable[[str], None] | None = None) -> MoodCorpus:
    """Measure every clip of EMOPIA.

    Args:
        root: the folder of ``Q1_…_0.mid`` and so on.
        report: called with one sentence for every clip that is left out.

    Raises:
        CorpusError: there is no readable clip.
    """
    rows: list[dict[str, float]] = []
    labels: list[tuple[int, str]] = []
    for path in sorted(root.glob("Q*.mid")):
        label = _NAME.fullmatch(path.stem)
        try:
            found = None if label is None else features_of(read_midi(path))
        except MidiError as error:
            found = None
            if report is not None:
                report(f"left out: {error}")
        if label is not None and found is not None:
            rows.append(found)
            labels.append((int(label[1]), label[2]))
    if not rows:
        raise CorpusError(f"no readable clip of EMOPIA under {root}: expected Q1_SONG_0.mid, …")
    return MoodCorpus(
        names=tuple(rows[0]),
        features=np.array([list(row.values()) for row in rows]),
        quadrants=np.array([quadrant for quadrant, _ in labels]),
        songs=np.array([song for _, song in labels]),
    )


def split(corpus: MoodCorpus, seed: int = 0) -> tuple[MoodCorpus, MoodCorpus]:
    """Training and held-out clips; no song has clips in both."""
    splitter = GroupShuffleSplit(1, test_size=HELD_OUT_SHARE, random_state=seed)
    train, held_out = next(splitter.split(corpus.features, groups=corpus.songs))
    return corpus.take(train), corpus.take(held_out)


def candidates(seed: int = 0) -> dict[str, ClassifierMixin]:
    """The classifiers to choose from."""
    logistic = {
        f"logistic regression, C={c:g}": make_pipeline(
            StandardScaler(), LogisticRegression(C=c, max_iter=2000)
        )
        for c in (0.01, 0.1, 1.0)
    }
    return logistic | {
        "random forest": RandomForestClassifier(300, min_samples_leaf=5, random_state=seed),
        "gradient boosting": HistGradientBoostingClassifier(
            max_depth=3, learning_rate=0.05, max_iter=150, random_state=seed
        ),
    }


def train_judge(corpus: MoodCorpus, seed: int = 0, kind: str | None = None) -> Judge:
    """Choose a classifier for each axis by cross-validation over songs, and fit it.

    Args:
        corpus: training clips.
        seed: of the folds and of the classifiers.
        kind: one of :func:`candidates`, to be taken without a choice.
    """
    models, kinds = {}, {}
    accuracies: dict[str, dict[str, float]] = {}
    for axis in AXES:
        high = corpus.high(axis)
        tried = candidates(seed) if kind is None else {}
        accuracies[axis] = {
            name: _cross_validated(model, corpus, high, seed) for name, model in tried.items()
        }
        kinds[axis] = kind or max(accuracies[axis], key=lambda name: accuracies[axis][name])
        models[axis] = candidates(seed)[kinds[axis]].fit(corpus.features, high)
    return Judge(models, kinds, accuracies)


def _cross_validated(
    model: ClassifierMixin, corpus: MoodCorpus, high: BoolArray, seed: int
) -> float:
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    guessed = cross_val_predict(model, corpus.features, high, groups=corpus.songs, cv=folds)
    return float((guessed == high).mean())


def verdicts(
    judge: Judge,
    features: FloatArray,
    asked: dict[str, BoolArray],
    groups: Sequence[object],
    seed: int = 0,
    n_resamples: int = 1000,
) -> dict[str, dict[str, float | tuple[float, float]]]:
    """How often the judge is right about what was meant, with 95 % bootstrap intervals over groups.

    Args:
        judge: trained on other songs.
        features: [N, F] of the pieces.
        asked: axis -> [N] whether it is meant to be high.
        groups: [N] what is drawn anew together: the songs of a corpus, or the clips composed for.
        seed: of the bootstrap.
        n_resamples: of the bootstrap.

    Returns:
        For ``valence`` and ``arousal`` the share that is right at a probability of .5 (``share``),
        its ``interval`` and the area under the ROC curve (``auc``), which no shift of level
        changes; for ``quadrant`` the share with both right, and its interval.
    """
    chances = {axis: judge.chance_of_high(axis, features) for axis in AXES}
    right = {axis: (chances[axis] > 0.5) == asked[axis] for axis in AXES}
    right["quadrant"] = right["valence"] & right["arousal"]
    found: dict[str, dict[str, float | tuple[float, float]]] = {}
    for name, hits in right.items():
        found[name] = {
            "share": float(hits.mean()),
            "interval": share_interval(hits, groups, seed, n_resamples),
        }
        if name in chances:
            found[name]["auc"] = float(roc_auc_score(asked[name], chances[name]))
    return found
