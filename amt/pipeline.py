"""The whole way from a clip to a song, one call a stage; every stage can be entered by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from amt.arrange import arrange, load_network, load_style
from amt.compose import ComposeOptions, compose, held_proposals
from amt.errors import InputError
from amt.features import extract_features
from amt.features.speech import is_available, speech_spans
from amt.features.video import clip_end_s
from amt.models.weights import load_composer, load_expression
from amt.mood import MoodSpan, parse_moods
from amt.options import Backend, FitOptions, Speech, SpottingOptions
from amt.plan import DEFAULT_ARRANGER, rounded
from amt.reporter import DEFAULT_REPORTER, SILENT, Reporter
from amt.spotting import CueSheet, Spots, held_sentences, read_spots
from amt.timing.options import check_input
from amt.types import Arrangement, ArrangerName, Plan, Song, TimeSpan, VideoFeatures

if TYPE_CHECKING:
    from amt.features.semantic import ClipVision
    from amt.models.chords.network import Composer
    from amt.models.expression import Expression
    from amt.models.notes.network import Arranger


_NAMED_SPANS = 4
"""Stretches of speech that a message names at most."""


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """What the user may decide about a whole run."""

    compose: ComposeOptions = field(default_factory=ComposeOptions)
    mood: str | None = None
    """What :func:`amt.mood.parse_moods` reads; needs the clip's length, so it is kept as text."""
    backend: Backend = "auto"
    clip_model: str | None = None
    """Folder or Hub name of a CLIP model; None takes the default of :mod:`amt.features`."""
    allow_download: bool = False
    """Whether CLIP's weights may be fetched from the Hub."""
    speech: Speech = "auto"
    """Whether the music makes room for speech in the clip's own sound; ``auto`` does where the
    extra ``speech`` is installed."""
    weights: Path | None = None
    """Folder with ``composer``, ``expression`` and, if it is asked for, ``arranger``; None takes
    the installed weights."""
    arrangement: Arrangement = field(default_factory=partial(Arrangement, DEFAULT_ARRANGER))
    """Who writes the notes, and with which roles."""
    spotting: SpottingOptions = field(default_factory=SpottingOptions)
    """A cue sheet to follow, and how the clip's frames are counted."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What a run made."""

    features: VideoFeatures
    plan: Plan
    song: Song
    sheet: CueSheet | None = None
    """The cue sheet that was followed."""


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """The networks that a run needs; none of them changes by being used."""

    composer: Composer
    expression: Expression
    arranger: Arranger | None
    """None where patterns write the notes."""
    open_clip: Callable[..., ClipVision] | None = None
    """What opens CLIP; None loads it for every clip anew."""


def load_models(arranger: ArrangerName, weights: Path | None = None) -> Models:
    """Load the networks of ``weights``, or those that are installed.

    Args:
        arranger: who writes the notes.
        weights: folder, see :class:`GenerateOptions`.

    Raises:
        WeightsError: they are missing, damaged, or of another model or version.
    """
    return Models(
        composer=load_composer(weights and weights / "composer"),
        expression=load_expression(weights and weights / "expression"),
        arranger=load_network(arranger, weights),
    )


def generate(
    video: str | Path,
    options: GenerateOptions,
    reporter: Reporter = DEFAULT_REPORTER,
    models: Models | None = None,
) -> Generated:
    """Compose a soundtrack for a clip.

    Args:
        video: any file that PyAV decodes.
        options: what the user decided.
        reporter: gets the progress of the stages ``watching``, ``composing`` and ``arranging``, and
            sentences such as which backend was chosen.
        models: the networks, where they are loaded already; None loads those of the options.

    Raises:
        AmtError: the clip, an option, or the weights cannot be used.
    """
    # First of all, as a wrong name should not cost the user a whole extraction.
    style = load_style(options.compose.style)
    spots = read_spots(Path(video), options.spotting, reporter)
    _check_times(Path(video), options, spots)
    loaded = models or load_models(options.arrangement.arranger, options.weights)
    speech = _speech_search(video, options.speech)
    features = extract_features(
        video,
        backend=options.backend,
        clip_model=options.clip_model,
        allow_download=options.allow_download,
        reporter=reporter.stage("watching"),
        open_clip=loaded.open_clip,
    )
    spoken = _reported(speech(), reporter)
    wishes = _wishes(options, spots, features.duration_s, reporter)
    wishes = replace(wishes, speech=(*wishes.speech, *spoken), tempo_range=style.tempo)
    features = spots.applied_to(features)
    plan = compose(
        features, wishes, loaded.composer, loaded.expression, reporter.stage("composing")
    )
    # The plan as its file would hold it, so that arranging the file gives the same bytes.
    hits_s = _asked_hits_s(options, spots, features.duration_s)
    plan = spots.planned(plan)
    plan = rounded(replace(plan, arrangement=options.arrangement, hits_s=hits_s))
    if wishes.tempo_map == "fixed":
        tempi = held_proposals(features, wishes)
        for sentence in held_sentences(plan, wishes.hits_s, spots.clock, tempi):
            reporter.message(sentence)
    arranging = reporter.stage("arranging")
    song = arrange(plan, loaded.arranger, arranging)
    arranging.progress(1.0)
    return Generated(features, plan, song, spots.sheet)


def found_speech(
    video: str | Path, wanted: Speech, reporter: Reporter = DEFAULT_REPORTER
) -> tuple[TimeSpan, ...]:
    """When somebody speaks in a clip's own sound.

    Args:
        video: the clip.
        wanted: ``off`` does not search; ``auto`` does where the extra ``speech`` is installed.
        reporter: gets a message that names the stretches.

    Raises:
        InputError: ``on`` was asked for, and the extra is not installed.
    """
    return _reported(_speech_search(video, wanted)(), reporter)


def _speech_search(video: str | Path, wanted: Speech) -> Callable[[], tuple[TimeSpan, ...]]:
    """Begin to search a clip for speech in a thread; what is returned waits for the result.

    Decoding and the detector leave Python free most of the time, so that the pictures are watched
    meanwhile. What comes through a pipe can be read once only, and is searched when it is there.
    """
    if wanted == "off" or (wanted == "auto" and not is_available()):
        return tuple
    if not is_available():
        raise InputError(
            "speech can't be found without the extra `speech`: install amt-soundtrack[speech], or "
            "take `speech='off'`"
        )
    if not Path(video).is_file():
        return partial(speech_spans, video)
    found: Future[tuple[TimeSpan, ...]] = Future()

    def search() -> None:
        try:
            found.set_result(speech_spans(video))
        except Exception as error:  # raised where the result is asked for
            found.set_exception(error)

    # A daemon, so that a run that fails or is interrupted need not wait for it.
    threading.Thread(target=search, daemon=True).start()
    return found.result


def _reported(spans: tuple[TimeSpan, ...], reporter: Reporter) -> tuple[TimeSpan, ...]:
    """The same spans, named in a message."""
    if spans:
        places = ", ".join(f"{span.start_s:.1f}-{span.end_s:.1f}" for span in spans[:_NAMED_SPANS])
        more = f" and {len(spans) - _NAMED_SPANS} more" if len(spans) > _NAMED_SPANS else ""
        reporter.message(f"the music makes room for speech at {places} s{more}")
    return spans


def _wishes(
    options: GenerateOptions, spots: Spots, duration_s: float, reporter: Reporter
) -> ComposeOptions:
    """What the composer is asked for, moods and cues included."""
    wishes = options.compose
    moods: tuple[MoodSpan, ...] = wishes.moods
    if options.mood is not None:
        moods += parse_moods(options.mood, duration_s, reporter)
    asked = spots.requests(duration_s)
    hits_s = tuple(sorted({*wishes.hits_s, *asked.hits_s}))
    moods += asked.moods
    return replace(
        wishes,
        hits_s=hits_s,
        moods=moods,
        themes=asked.themes,
        end_s=asked.end_s,
        silences_s=asked.silences_s,
    )


def _asked_hits_s(options: GenerateOptions, spots: Spots, duration_s: float) -> tuple[float, ...]:
    """The hit points that were asked for; starts of themes are none."""
    cues = spots.requests(duration_s).stressed
    return tuple(sorted({*options.compose.hits_s, *(cue.time_s for cue in cues)}))


def _check_times(video: Path, options: GenerateOptions, spots: Spots) -> None:
    """Refuse moments beyond the clip's end before the clip is watched.

    Raises:
        InputError: a mood, a hit point or a cue lies there, or cues contradict each other.
    """
    hits_s = options.compose.hits_s
    if options.mood is None and not hits_s and spots.sheet is None:
        return
    end_s = clip_end_s(video)
    if end_s is not None:
        check_input((), end_s, hits_s)
        FitOptions(fit=options.compose.fit, hits=spots.requests(end_s).hits_s)
        if options.mood is not None:
            parse_moods(options.mood, end_s, SILENT)
