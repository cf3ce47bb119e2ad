"""Many clips: what is named, written down, tried again, and kept."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from amt.batch import Job, Manifest, Record, Tally, jobs_for, open_pool, run_batch
from amt.batch.run import is_done, replaceable
from amt.errors import InputError, OutputError
from amt.reporter import SILENT, callback_reporter
from tests.batch_work import OPTIONS, make_score
from tests.test_cli import draw_clip

VIDEOS = (".mp4", ".mov")


def clips_in(folder: Path, *names: str) -> list[Path]:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return [folder / name for name in names]


def names_of(jobs: tuple[Job, ...], folder: Path) -> dict[str, str]:
    return {str(job.clip): str(job.outputs["midi"].relative_to(folder)) for job in jobs}


def test_every_clip_gets_names_of_its_own_whatever_the_order(tmp_path):
    files = clips_in(
        tmp_path, "in/a.mp4", "in/a.mov", "in/x/a.mp4", "in/x/b.mp4", "else/A.mp4", "in/notes.txt"
    )
    named = [tmp_path / "in", files[3], files[4], files[4], tmp_path / "gone.mp4"]
    out = tmp_path / "in" / "out"
    clips_in(tmp_path, "in/out/earlier.mp4")
    expected = names_of(jobs_for(named, out, ("midi", "wav"), VIDEOS), out)
    assert {Path(clip).name for clip in expected} == {
        "a.mp4",
        "a.mov",
        "b.mp4",
        "A.mp4",
        "gone.mp4",
    }
    assert len({name.casefold() for name in expected.values()}) == len(expected) == 6
    assert expected[str(tmp_path / "gone.mp4")] == "gone.mid"
    assert expected[str(files[2])] == "x/a.mid"
    for seed in range(5):
        random.Random(seed).shuffle(named)
        shuffled = names_of(jobs_for(named, out, ("midi", "wav"), VIDEOS), out)
        differing = {clip for clip in expected if shuffled[clip] != expected[clip]}
        assert differing <= {str(files[3])}  # named by itself and within a folder: the first counts


def test_no_clip_is_refused(tmp_path):
    with pytest.raises(InputError, match="no clip is named"):
        jobs_for([tmp_path], tmp_path / "out", ("midi",), VIDEOS)


def test_a_clip_that_fails_stops_no_other(tmp_path):
    names = ["a.mp4", "killed.mp4", "b.mp4", "broken.mp4", "endless.mp4", "c.mp4", "d.mp4"]
    clips = clips_in(tmp_path, *names)
    out = tmp_path / "out"
    said: list[str] = []
    jobs = jobs_for(clips, out, ("midi",), VIDEOS)
    with Manifest(out) as manifest, open_pool(make_score, 2, time_limit_s=4.0) as pool:
        tally = run_batch(
            jobs, pool, manifest, callback_reporter(message=said.append), Tally(kept=1)
        )
    assert tally == Tally(done=4, failed=3, kept=1)
    errors = {Path(r.clip).stem: r.error for r in manifest.last.values() if r.status == "failed"}
    assert "SIGKILL" in errors["killed"]
    assert "ZeroDivisionError" in errors["broken"]
    assert "time limit of 4 s" in errors["endless"]
    assert sorted(path.name for path in out.glob("*.mid")) == ["a.mid", "b.mid", "c.mid", "d.mid"]
    assert sum("failed" in sentence for sentence in said) == 3


def test_what_is_done_is_done_for_these_options_and_this_clip(tmp_path):
    (clip,) = clips_in(tmp_path, "a.mp4")
    out = tmp_path / "out"
    (job,) = jobs_for([clip], out, ("midi",), VIDEOS)
    with Manifest(out) as manifest, open_pool(make_score, 1) as pool:
        assert run_batch([job], pool, manifest, SILENT, Tally()).done == 1
    with Manifest(out, resume=True) as manifest:
        record = manifest.last[str(clip)]
        assert is_done(record, job, OPTIONS, manifest)
        assert not is_done(record, job, {"music": {"seed": 1}}, manifest)
        (wider,) = jobs_for([clip], out, ("midi", "wav"), VIDEOS)
        assert not is_done(record, wider, OPTIONS, manifest)
        os.utime(clip, (1, 1))  # copied anew, with the same content
        assert is_done(record, job, OPTIONS, manifest)
        assert replaceable(record, job) == (job.outputs["midi"],)
        job.outputs["midi"].write_text("edited")
        assert is_done(record, job, OPTIONS, manifest)
        assert replaceable(record, job) == ()
        clip.write_bytes(b"another")
        assert not is_done(record, job, OPTIONS, manifest)
        job.outputs["midi"].unlink()
        assert not is_done(None, job, OPTIONS, manifest)


def test_files_of_the_user_are_not_replaced(tmp_path):
    clips = clips_in(tmp_path, "a.mp4", "b.mp4")
    out = tmp_path / "out"
    clips_in(out, "a.mid", "b.mid")
    jobs = jobs_for(clips, out, ("midi",), VIDEOS)
    with Manifest(out) as manifest, open_pool(make_score, 1) as pool:
        manifest.append(Record(clip=str(clips[1]), status="begun"))  # of a run that was cut off
        assert run_batch(jobs, pool, manifest, SILENT, Tally()) == Tally(done=1, failed=1)
        assert (out / "a.mid").read_bytes() == b"a.mid"
        assert (out / "b.mid").read_text() == "b"
        assert "exists already" in manifest.last[str(clips[0])].error
        assert run_batch(jobs[:1], pool, manifest, SILENT, Tally(), force=True).done == 1


def test_a_line_that_was_cut_off_costs_only_itself(tmp_path):
    with Manifest(tmp_path) as manifest:
        for name in ("a", "b"):
            manifest.append(Record(clip=name, status="done"))
    whole = manifest.path.read_bytes()
    for size in range(len(whole) // 2 + 1, len(whole)):
        manifest.path.write_bytes(whole[:size])
        with Manifest(tmp_path, resume=True) as resumed:
            assert "a" in resumed.last
            resumed.append(Record(clip="c", status="failed"))
        with Manifest(tmp_path, resume=True) as resumed:
            assert {"a", "c"} <= resumed.last.keys()


@pytest.mark.parametrize("line", [b'{"clip": 3, "status": "done"}', b'["clip"]', b'{"clip": "a"}'])
def test_a_manifest_of_another_kind_is_refused(tmp_path, line):
    (tmp_path / "manifest.jsonl").write_bytes(line + b"\n")
    with pytest.raises(InputError, match=r"line 1, is no record"):
        Manifest(tmp_path, resume=True)


def test_one_run_holds_a_folder_and_loses_no_manifest(tmp_path):
    with Manifest(tmp_path) as first:
        first.append(Record(clip="a", status="done"))
        with pytest.raises(OutputError, match="another run writes"):
            Manifest(tmp_path, resume=True)
    with pytest.raises(InputError, match="from an earlier run"):
        Manifest(tmp_path)
    with Manifest(tmp_path, fresh=True) as second:
        assert second.last == {}
    kept = [path for path in tmp_path.glob("manifest-*.jsonl")]
    assert msgspec.json.decode(kept[0].read_bytes(), type=Record).clip == "a"


def amt(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "amt", *map(str, arguments)]


def wait_for(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def batch(folder: Path, *more: object) -> tuple[int, dict, str]:
    command = amt("batch", folder / "in", "--out", folder / "out", "--plan",
                  "--arranger", "patterns", "--json", "-j", 2, *more)  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_a_run_that_is_killed_is_resumed_and_gives_the_bytes_of_generate(tmp_path):
    (tmp_path / "in").mkdir()
    clip = draw_clip(tmp_path / "in" / "a.mp4")
    for name in ("b", "c"):
        shutil.copy(clip, clip.with_stem(name))
    clips_in(tmp_path, "in/text.mp4")
    command = amt("batch", tmp_path / "in", "--out", tmp_path / "out", "--plan",
                  "--arranger", "patterns", "-q", "-j", 1)  # fmt: skip
    killed = subprocess.Popen(command)
    manifest = tmp_path / "out" / "manifest.jsonl"
    wait_for(lambda: manifest.exists() and b'"done"' in manifest.read_bytes())
    killed.kill()
    killed.wait()
    code, found, err = batch(tmp_path, "--resume")
    assert code == 2, err
    assert (found["failed"], found["partly"]) == (1, 0)
    assert found["kept"] >= 1
    assert found["done"] + found["kept"] == 3
    assert "text.mp4" in err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"a.mid", "b.mid", "c.mid"} < names
    assert not any(name.startswith(".amt-") for name in names)
    single = amt("generate", clip, "--out", tmp_path / "a.mid", "--plan",
                 tmp_path / "a.json", "--arranger", "patterns", "-q")  # fmt: skip
    subprocess.run(single, check=True, timeout=120)
    assert (tmp_path / "out" / "a.mid").read_bytes() == (tmp_path / "a.mid").read_bytes()
    assert (tmp_path / "out" / "a.plan.json").read_bytes() == (tmp_path / "a.json").read_bytes()
    (tmp_path / "in" / "text.mp4").unlink()
    code, found, _ = batch(tmp_path, "--resume")
    assert (code, found["kept"], found["done"]) == (0, 3, 0)


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra scale")
def test_a_cluster_gives_the_same_bytes(tmp_path):
    (tmp_path / "in").mkdir()
    clip = draw_clip(tmp_path / "in" / "a.mp4")
    code, found, err = batch(tmp_path, "--cluster", "local")
    assert (code, found.get("done")) == (0, 1), err
    single = amt("generate", clip, "--out", tmp_path / "a.mid", "--arranger", "patterns")
    subprocess.run(single, check=True, timeout=120, capture_output=True)
    assert (tmp_path / "out" / "a.mid").read_bytes() == (tmp_path / "a.mid").read_bytes()
