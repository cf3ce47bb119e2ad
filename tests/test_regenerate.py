"""Bars composed anew: all others keep every note, and the plan remembers what was done."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amt.arrange import arrange
from amt.arrange.splice import bar_span, splice_bars
from amt.cli import main
from amt.errors import InputError, PlanError
from amt.midi import read_midi, write_midi
from amt.models.config import ArrangerConfig
from amt.models.notes.network import Arranger
from amt.models.weights import PACKAGED, save_model
from amt.plan import ARRANGERS, plan_from_json, plan_to_json, read_plan, write_plan
from amt.regenerate import Edited, parse_bars, regenerate
from amt.types import Arrangement, ArrangerName, ControlChange, Note, Plan, Rewrite, Song, Track
from tests.arrange.plan_strategies import make_plan, plans
from tests.test_cli import draw_clip

Run = Callable[..., tuple[int, str]]


@cache
def tiny() -> Arranger:
    torch.manual_seed(0)
    config = ArrangerConfig(
        d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2, motif_bars=4
    )
    return Arranger(config).eval()


def band(arranger: ArrangerName = "patterns") -> Plan:
    plan = make_plan(24.0, style="band", mood="exciting", density=6.0)
    return replace(plan, arrangement=Arrangement(arranger))


def outside(song: Song, span: range) -> list[tuple[Track, list[Note]]]:
    """All of it but what begins in some bars, and but tracks that have nothing else."""
    rest = [
        (replace(t, notes=()), [n for n in t.notes if n.start not in span]) for t in song.tracks
    ]
    return [(track, notes) for track, notes in rest if notes]


def inside(song: Song, span: range) -> dict[str, list[Note]]:
    notes = {track.name: [n for n in track.notes if n.start in span] for track in song.tracks}
    return {name: found for name, found in notes.items() if found}


@pytest.mark.parametrize("arranger", ARRANGERS)
def test_all_other_bars_keep_every_event(arranger: ArrangerName) -> None:
    plan = band(arranger)
    song = arrange(plan, tiny())
    made = regenerate(plan, Rewrite(5, 8, 7), tiny())
    span = range(4 * 1920, 8 * 1920)
    assert outside(made.song, span) == outside(song, span)
    assert inside(made.song, span) != inside(song, span)
    assert replace(made.song, tracks=()) == replace(song, tracks=())


@pytest.mark.parametrize("arranger", ARRANGERS)
def test_the_plan_gives_the_new_piece_and_the_next_rewrite_builds_on_it(
    arranger: ArrangerName,
) -> None:
    first = regenerate(band(arranger), Rewrite(2, 3, 7), tiny())
    second = regenerate(first.plan, Rewrite(6, 9, 8), tiny())
    assert inside(second.song, range(1920, 3 * 1920)) == inside(first.song, range(1920, 3 * 1920))
    assert arrange(plan_from_json(plan_to_json(second.plan)), tiny()) == second.song


def test_another_seed_gives_other_bars_and_the_same_seed_the_same() -> None:
    plan = band("neural")
    songs = [regenerate(plan, Rewrite(3, 6, s), tiny()).song for s in (7, 7, 8)]
    assert songs[0] == songs[1] != songs[2]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), arranger=st.sampled_from(ARRANGERS), data=st.data())
def test_any_bars_of_any_plan_can_be_played_anew(
    plan: Plan, arranger: ArrangerName, data: st.DataObject
) -> None:
    # Few notes are soon written.
    density = np.minimum(plan.density, 6.0)
    plan = replace(plan, density=density, arrangement=Arrangement(arranger))
    n_bars = len(plan.grid.bars)
    first = data.draw(st.integers(1, n_bars))
    last = data.draw(st.integers(first, n_bars))
    rewrite = Rewrite(first, last, data.draw(st.integers(0, 2**63 - 1)))
    song = arrange(plan, tiny())
    made = regenerate(plan, rewrite, tiny()).song
    span = bar_span(plan.grid, rewrite, song.end)
    named = {track.name: track for track in made.tracks}
    for track in song.tracks:
        assert [n for n in named[track.name].notes if n.start not in span] == [
            n for n in track.notes if n.start not in span
        ]


def test_edits_in_other_bars_survive(tmp_path: Path) -> None:
    plan = band("neural")
    song = arrange(plan, tiny())
    own = Track("My bells", 14, (Note(100, 90, 9000, 80), Note(8000, 91, 8200, 80)))
    melody = song.tracks[0]
    louder = replace(
        melody,
        notes=tuple(replace(note, velocity=127) for note in melody.notes),
        controls=(*melody.controls, ControlChange(song.end, 1, 3)),
    )
    edited = replace(song, tracks=(louder, *song.tracks[1:], own))
    write_midi(edited, tmp_path / "edited.mid")
    edited = read_midi(tmp_path / "edited.mid")
    made = regenerate(plan, Rewrite(5, 8, 7), tiny(), Edited(tmp_path / "edited.mid"))
    made.write(tmp_path / "new.mid")
    song = read_midi(tmp_path / "new.mid")
    span = range(4 * 1920, 8 * 1920)
    assert outside(song, span) == outside(edited, span)
    assert own in song.tracks
    assert inside(song, span) == inside(made.song, span) | {own.name: [own.notes[1]]}


def test_notes_over_the_bar_lines() -> None:
    span = range(100, 200)
    empty = replace(arrange(band()), tracks=())

    def song(*notes: Note) -> Song:
        return replace(empty, tracks=(Track("Pad", 0, notes),))

    old = song(
        Note(50, 60, 150, 9), Note(120, 64, 250, 9), Note(130, 65, 140, 9), Note(210, 67, 220, 9)
    )
    new = song(
        Note(90, 62, 300, 5), Note(110, 60, 120, 5), Note(160, 60, 190, 5), Note(140, 64, 260, 5),
        Note(150, 67, 300, 5),
    )  # fmt: skip
    assert splice_bars(old, new, span).tracks[0].notes == (
        Note(50, 60, 150, 9),  # sounds into the new bars, as before
        Note(140, 64, 250, 5),  # held over the bar line as its pitch was before
        Note(150, 67, 200, 5),  # ends with the new bars
        Note(160, 60, 190, 5),
        Note(210, 67, 220, 9),
    )


def test_bars_are_read() -> None:
    assert parse_bars("9-16", 20) == (9, 16)
    assert parse_bars(" 3 ", 20) == (3, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("16-9", "expected the lower number first, as in 9-16"),
        ("9-21", "the piece has bars 1 to 20"),
        ("0-3", "the piece has bars 1 to 20"),
        ("nine", "expected two numbers of bars such as 9-16"),
        ("9-", "expected two numbers"),
        ("-3", "expected two numbers"),
        ("1-2-3", "expected two numbers"),
        ("", "expected two numbers"),
        ("1.5-2", "expected two numbers"),
    ],
)
def test_bad_bars_are_one_sentence(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_bars(text, 20)
    assert "\n" not in str(caught.value)


def test_bars_outside_the_piece_are_refused_by_the_library() -> None:
    with pytest.raises(PlanError, match=r"rewrites\[0\].bars is \[9, 99\]"):
        regenerate(band(), Rewrite(9, 99, 1))


# From the command line.


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call ``amt`` with arguments; gives exit code and stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        handler = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(sys, "argv", ["amt", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        signal.signal(signal.SIGTERM, handler)
        return int(exit_info.value.code or 0), capsys.readouterr().err

    return call


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_model(tmp_path / "w" / "arranger", "arranger", tiny().config, tiny().state_dict())
    return tmp_path / "w"


def test_the_whole_way_with_the_network(run: Run, tmp_path: Path, weights: Path) -> None:
    plan, new_plan = tmp_path / "song.plan.json", tmp_path / "new.plan.json"
    old, new, again = (tmp_path / f"{name}.mid" for name in ("old", "new", "again"))
    arrangement = Arrangement("neural", candidates=2, drums=False)
    write_plan(replace(band(), arrangement=arrangement), plan)
    assert run("arrange", plan, "--out", old, "--weights", weights, "-q") == (0, "")
    code, err = run(
        "regenerate", plan, "--bars", "5-8", "--seed", 7, "--out", new, "--plan-out", new_plan,
        "--weights", weights, "-q",
    )  # fmt: skip
    assert code == 0, err
    span = range(4 * 1920, 8 * 1920)
    assert outside(read_midi(new), span) == outside(read_midi(old), span)
    assert not any(track.is_drum for track in read_midi(new).tracks)
    assert run("arrange", new_plan, "--out", again, "--weights", weights, "-q")[0] == 0
    assert again.read_bytes() == new.read_bytes()
    code, err = run("arrange", plan, "--arranger", "patterns", "--drums", "--out", again, "--force")
    assert code == 0, err
    assert any(track.is_drum for track in read_midi(again).tracks)


def test_a_clip_scored_by_the_network_and_its_plan_give_the_same_bytes(
    run: Run, tmp_path: Path, weights: Path
) -> None:
    for model in ("composer", "expression"):
        (weights / model).symlink_to(PACKAGED / model)
    clip, plan = draw_clip(tmp_path / "clip.mp4", frames=60), tmp_path / "song.plan.json"
    song, again = tmp_path / "song.mid", tmp_path / "again.mid"
    code, err = run(
        "generate", "--video", clip, "--out", song, "--plan", plan, "--arranger", "neural",
        "--no-melody", "--candidates", 2, "--style", "band", "--weights", weights, "-q",
    )  # fmt: skip
    assert code == 0, err
    assert read_plan(plan).arrangement == Arrangement("neural", candidates=2, melody=False)
    assert run("arrange", plan, "--out", again, "--weights", weights, "-q")[0] == 0
    assert again.read_bytes() == song.read_bytes()


def test_an_edited_piece_and_its_tracks_from_the_command_line(run: Run, tmp_path: Path) -> None:
    plan, old, new = (tmp_path / name for name in ("song.plan.json", "old.mid", "new.mid"))
    write_plan(band(), plan)
    song = arrange(band())
    own = Track(
        "Horns", 60, tuple(Note(t, 70 + t // 97 % 9, t + 90, 60) for t in range(0, 9000, 97))
    )
    write_midi(replace(song, tracks=(own, *song.tracks[1:])), old)
    wanted = ["regenerate", plan, "--bars", "5-8", "--midi", old, "--out", new]
    code, err = run(*wanted, "-q")
    assert (code, err.count("\n")) == (2, 1), err
    assert f'--map "Horns={song.tracks[0].name}"' in err
    code, err = run(*wanted, "--map", f"Horns={song.tracks[0].name}")
    assert code == 0, err
    assert f'{song.tracks[0].name} = track 1 "Horns": as you said' in err
    code, err = run(*wanted[:4], "--out", new, "--map", "Horns=bass", "--force")
    assert (code, "--midi" in err) == (2, True), err


def test_the_command_explains_itself_with_an_example(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["amt", "regenerate", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "amt regenerate song.plan.json --bars 9-16" in capsys.readouterr().out


BAD = {
    "reversed": (["--bars", "8-5"], "lower number first"),
    "outside": (["--bars", "5-99"], "the piece has bars 1 to 12"),
    "no numbers": (["--bars", "five"], "two numbers of bars"),
    "seed": (["--bars", "5-8", "--seed", "-1"], "--seed is -1"),
    "midi": (["--bars", "5-8", "--midi", "no.mid"], "no.mid"),
    "over the plan": (["--bars", "5-8", "--plan-out", "song.plan.json"], "also an input"),
    "no bars": ([], "--bars"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_wishes_are_one_sentence_and_nothing_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plan(band(), Path("song.plan.json"))
    options, word = BAD[name]
    code, err = run("regenerate", "song.plan.json", "--out", "new.mid", *options, "-q")
    assert (code, err.count("\n")) == (2, 1), err
    assert word in err
    assert [path.name for path in tmp_path.iterdir()] == ["song.plan.json"]


def test_missing_weights_and_bad_numbers_of_candidates_are_named(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "song.plan.json"
    write_plan(band(), plan)
    for options, word in (
        (
            ["--arranger", "neural", "--weights", tmp_path / "w"],
            "no weights of the neural arranger",
        ),
        (["--candidates", "0"], "--candidates is 0; expected a whole number from 1 to 64"),
        (["--arranger", "choir"], "choir"),
    ):
        code, err = run("arrange", plan, "--out", tmp_path / "a.mid", *options, "-q")
        assert (code, err.count("\n")) == (2, 1), err
        assert word in err
    assert not (tmp_path / "a.mid").exists()
