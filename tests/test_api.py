"""What a Python program meets: ``import amt``."""

from __future__ import annotations

import html
import inspect
import io
import logging
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import get_type_hints

import mido
import pretty_midi
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import amt
import amt.errors
import render.errors
from amt import api
from amt.errors import AmtError, InputError
from amt.features import load_features, save_features
from amt.midi import read_midi, write_midi
from amt.models.weights import PACKAGED
from amt.options import Request, parse_primer
from amt.pipeline import GenerateOptions
from amt.pipeline import generate as run_pipeline
from amt.plan import read_plan, write_plan
from amt.reporter import Cancelled, CancelToken, callback_reporter
from amt.types import Arrangement, ArrangerName, Track
from amt.words import Words, generate_options, request_from
from render.files.options import option_fields
from tests.features.clips import shots, write_clip

ROOT = Path(__file__).parents[1]
SECONDS = 4
FAST = {"backend": "analytic", "arranger": "patterns"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "two shots.mp4", shots([50, 50]))


@pytest.fixture(scope="module")
def piece(clip: Path) -> amt.Soundtrack:
    return amt.generate(str(clip), seed=3, style="piano", **FAST)


@pytest.fixture(autouse=True)
def _small_soundfont(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on every machine, and quickly loaded."""
    monkeypatch.setenv("AMT_SOUNDFONT", str(Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")))


def midi_of(soundtrack: amt.Soundtrack) -> bytes:
    stream = io.BytesIO()
    soundtrack.write_midi(stream)
    return stream.getvalue()


def run_python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip


@pytest.mark.parametrize("module", [amt.errors, render.errors])
def test_all_errors_are_of_one_tree(module: object) -> None:
    errors = [
        found
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Exception)
    ]
    assert len(errors) > 5
    assert all(issubclass(error, AmtError) for error in errors)
    assert amt.AmtError is AmtError


def test_importing_costs_next_to_nothing() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import amt; t = time.perf_counter() - t; "
        "heavy = {'torch', 'numpy', 'av', 'mido', 'render'} & set(sys.modules); "
        "print(t < 0.2, sorted(heavy), {'generate', '__version__'} <= set(dir(amt)))"
    )
    assert run_python(code).stdout.split("\n")[0] == "True [] True"


def test_the_version_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert declared

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)  # a source tree that nobody installed
    monkeypatch.delattr(amt, "__version__", raising=False)
    assert amt.__version__ == declared[1]
    monkeypatch.undo()
    monkeypatch.delattr(amt, "__version__", raising=False)
    assert re.fullmatch(r"\d+(\.\d+)+.*", amt.__version__)


def test_what_there_is_not_is_said() -> None:
    with pytest.raises(AttributeError, match="'amt' has no attribute 'genrate'"):
        amt.genrate  # noqa: B018


def test_nothing_is_printed_without_a_terminal(clip: Path) -> None:
    code = (
        f"import amt; s = amt.generate({str(clip)!r}, backend='analytic', arranger='patterns'); "
        "import io; s.write_midi(io.BytesIO())"
    )
    done = run_python(code, "-W", "ignore")
    assert (done.stdout, done.stderr) == ("", "")


def test_messages_are_logged_or_handed_over(clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    messages: list[str] = []
    stages: set[str] = set()
    with caplog.at_level(logging.INFO, logger="amt"):
        amt.generate(clip, arranger="patterns")
        logged = [r.getMessage() for r in caplog.records if r.name == "amt"]
        caplog.clear()
        amt.generate(
            clip,
            arranger="patterns",
            say=messages.append,
            progress=lambda name, _: stages.add(name),
        )
    assert logged
    assert messages == logged
    assert not caplog.records
    assert stages == {"watching", "composing", "arranging"}


def test_a_token_cancels_a_run_at_its_next_report(clip: Path) -> None:
    token = CancelToken()
    stages: list[str] = []

    def cancel_in_composing(stage: str, _: float) -> None:
        stages.append(stage)
        if stage == "composing":
            token.cancel()

    reporter = callback_reporter(cancel_in_composing, cancel_token=token)
    with pytest.raises(Cancelled):
        amt.generate(clip, reporter=reporter, **FAST)
    assert stages[-1] == "composing"


def test_the_notes_are_those_of_the_pipeline(clip: Path, piece: amt.Soundtrack) -> None:
    options = generate_options(
        request_from({"seed": 3, "style": Path("piano"), **FAST}), "two shots"
    )
    made = run_pipeline(clip, options)
    assert (made.song, piece.plan.arrangement) == (piece.song, Arrangement("patterns"))
    assert midi_of(amt.generate(clip, seed=3, style="piano", **FAST)) == midi_of(piece)


def test_models_are_loaded_once_until_their_files_change(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path | None] = []

    def load(arranger: ArrangerName, weights: Path | None) -> object:
        loaded.append(weights)
        return api_load(arranger, weights)

    api_load = api.load_models
    monkeypatch.setattr(api, "load_models", load)
    api._kept_models.cache_clear()
    own = tmp_path / "own"
    for kind in ("composer", "expression"):
        shutil.copytree(PACKAGED / kind, own / kind)
    words = {"seed": 1, **FAST}
    songs = [amt.generate(clip, weights=own, **words).song for _ in range(2)]
    assert songs[0] == songs[1]
    assert loaded == [own]
    (own / "composer" / "config.json").touch()
    amt.generate(clip, weights=str(own), **words)
    assert loaded == [own, own]
    (own / "composer" / "config.json").write_text("{}")
    with pytest.raises(AmtError, match="config"):
        amt.generate(clip, weights=own, **words)
    api._kept_models.cache_clear()


def test_paths_are_text_or_paths(piece: amt.Soundtrack, tmp_path: Path) -> None:
    piece.write_midi(tmp_path / "song.mid")
    piece.write_midi(str(tmp_path / "song.mid"))  # replaces the one before
    piece.write_plan(str(tmp_path / "song.plan.json"))
    piece.render(str(tmp_path / "song.flac"))
    piece.mux(str(tmp_path / "film.mp4"))
    piece.write_report(str(tmp_path / "page.html"), embed_clip=True)
    names = ["film.mp4", "page.html", "song.flac", "song.mid", "song.plan.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / "song.mid").read_bytes() == midi_of(piece)
    assert "TimGM6mb" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(read_midi(tmp_path / "song.mid").tracks) == len(piece.song.tracks)
    assert read_plan(tmp_path / "song.plan.json").chords == piece.plan.chords
    assert read_plan(tmp_path / "song.plan.json").arrangement == piece.plan.arrangement


def test_streams_take_midi_and_sound(piece: amt.Soundtrack) -> None:
    assert mido.MidiFile(file=io.BytesIO(midi_of(piece))).length == pytest.approx(SECONDS, abs=0.01)
    for name in ("wav", "flac"):
        stream = io.BytesIO()
        piece.render(stream, format=name)
        stream.seek(0)
        with soundfile.SoundFile(stream) as sound:
            assert sound.format == name.upper()
            assert sound.frames / sound.samplerate > SECONDS - 1
    plan = io.BytesIO()
    piece.write_plan(plan)
    assert plan.getvalue().startswith(b"{")


def test_a_path_that_cannot_be_written_is_refused_before_the_work(
    clip: Path, piece: amt.Soundtrack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("rendered all the same")

    monkeypatch.setattr(amt.Soundtrack, "_recorded", never)
    for write, path in (
        (piece.render, tmp_path / "song.mp3"),
        (piece.render, tmp_path / "absent" / "song.wav"),
        (piece.mux, tmp_path / "film.avi"),
        (piece.mux, clip),
        (piece.write_report, tmp_path / "page.pdf"),
    ):
        with pytest.raises(AmtError):
            write(path)
    with pytest.raises(InputError, match="expected wav or flac"):
        piece.render(io.BytesIO(), format="mp3")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"seed": -1}, "`seed` is -1"),
        ({"seed": 1.5}, "`seed` is 1.5"),
        ({"seed": "one"}, "`seed` is 'one'"),
        ({"style": "pianoo"}, "did you mean 'piano'"),
        ({"key": "H dur"}, "unknown key 'H dur'"),
        ({"bpm": "fast"}, "`bpm` is 'fast'"),
        ({"bpm": 1000}, "60 to 160"),
        ({"bpm": float("nan")}, "`bpm` is nan"),
        ({"emotion": "hapy"}, "unknown mood 'hapy'"),
        ({"primer": ["Am", "Hx"]}, "unknown chord 'Hx'"),
        ({"hits": ["1:99"]}, "'1:99' is no time"),
        ({"backend": "clp"}, "`backend` is 'clp'"),
        ({"arranger": "me"}, "`arranger` is 'me'"),
        ({"candidates": 0}, "`candidates` is 0"),
        ({"candidates": 2, "arranger": "patterns"}, "`candidates` was given"),
        ({"drums": True, "style": "piano"}, "`drums` was given"),
        ({"chord_mood": -1}, "`chord_mood` is -1; expected a number from 0 to 20"),
        ({"colour": -1}, "`chord_mood` is -1"),
        ({"colour": 1, "chord_mood": 1}, "its old name colour are given"),
        ({"hits": [1], "fit": False}, "leave out `fit=False`"),
        ({"temperature": 0}, "`temperature` is 0; expected a number from 0.01 to 5"),
    ],
)
def test_a_word_without_a_meaning_is_one_sentence(
    clip: Path, words: dict[str, object], message: str
) -> None:
    with pytest.raises(AmtError, match=re.escape(message)) as raised:
        amt.generate(clip, **words)
    assert "\n" not in str(raised.value)


def test_an_unknown_word_is_no_option(clip: Path, piece: amt.Soundtrack) -> None:
    with pytest.raises(TypeError, match=r"'sed'; did you mean 'seed'\?"):
        amt.generate(clip, sed=1)
    with pytest.raises(TypeError, match=r"'soundfnt'; did you mean 'soundfont'\?"):
        piece.render(io.BytesIO(), soundfnt="x.sf2")


def test_nothing_asked_is_the_default() -> None:
    assert generate_options(request_from({})) == GenerateOptions()
    nothing = dict.fromkeys(("key", "bpm", "emotion", "primer", "arranger", "weights", "drums"))
    assert generate_options(request_from(nothing)) == GenerateOptions()


def test_the_words_are_the_fields_of_the_options() -> None:
    hints = get_type_hints(Request)
    fields = {field.name for kind in hints.values() for field in option_fields(kind)}
    assert Words.__annotations__.keys() == fields | {"colour"}


def test_former_words_are_taken() -> None:
    assert request_from({"colour": 0.5}) == request_from({"chord_mood": 0.5})


CHORDS = st.sampled_from(["C", "Am", "F#m7b5", "Bbmaj7", "N", "A:min7"])


@given(st.lists(CHORDS, max_size=8), st.sampled_from([" ", ", ", ","]))
def test_a_primer_is_text_or_chords(names: list[str], separator: str) -> None:
    chords = parse_primer(names)
    assert parse_primer(separator.join(names)) == chords == parse_primer(chords)


@given(st.text(max_size=300))
@settings(max_examples=30)
def test_a_long_name_is_shown_on_one_short_line(name: str) -> None:
    shown = repr(Track(name, 0, ()))
    assert "\n" not in shown
    assert len(shown) < 500


def test_everything_shows_itself_in_a_line(piece: amt.Soundtrack) -> None:
    for thing in (
        piece, piece.song, piece.plan, piece.features, piece.plan.grid, *piece.song.tracks,
    ):  # fmt: skip
        assert re.fullmatch(r"<\w+( .*)?: .+>", repr(thing))
        assert len(repr(thing)) < 160
    assert "piano" in repr(piece.plan)
    assert "4.0 s" in repr(piece.features)


def frame(soundtrack: amt.Soundtrack) -> str:
    found = re.fullmatch(r'<iframe srcdoc="([^"]*)" [^>]*></iframe>', soundtrack._repr_html_())
    assert found
    return html.unescape(found[1])


def test_a_notebook_shows_player_and_notes(piece: amt.Soundtrack) -> None:
    page = frame(piece)
    sound = re.search(r'src="data:audio/mpeg;base64,([^"]*)"', page)
    assert sound
    with soundfile.SoundFile(io.BytesIO(b64decode(sound[1]))) as decoded:
        assert decoded.frames / decoded.samplerate > SECONDS - 1
    for track in piece.song.tracks:
        assert f"{track.name} ({len(track.notes)} notes)" in page
    assert piece._repr_html_() is piece._repr_html_()  # rendered once
    assert "TimGM6mb" in page
    assert not re.search(r"https?://", page)


def test_without_a_soundfont_the_notes_alone(
    piece: amt.Soundtrack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMT_SOUNDFONT", str(tmp_path / "absent<b>.sf2"))
    page = frame(replace(piece))
    assert "No sound: " in page
    assert "<b>" not in page
    assert "<audio" not in page
    assert "The notes" in page


def test_every_stage_takes_text_or_paths(piece: amt.Soundtrack, tmp_path: Path) -> None:
    place = str(tmp_path / "features.npz")
    save_features(piece.features, place)
    assert load_features(place).cuts == piece.features.cuts
    write_plan(piece.plan, str(tmp_path / "plan.json"))
    assert read_plan(str(tmp_path / "plan.json")).chords == piece.plan.chords
    assert read_plan(str(tmp_path / "plan.json")).arrangement == piece.plan.arrangement
    write_midi(piece.song, str(tmp_path / "song.mid"))
    assert read_midi(str(tmp_path / "song.mid")).tracks == piece.song.tracks
    stream = io.BytesIO()
    write_midi(piece.song, stream)
    assert stream.getvalue() == (tmp_path / "song.mid").read_bytes()
