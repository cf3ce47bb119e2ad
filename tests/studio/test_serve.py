"""``amt serve``: clips, jobs and files over HTTP."""

from __future__ import annotations

import html
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

import amt
from amt.studio.guard import HostNames
from amt.studio.limits import Limits
from amt.studio.projects import Store
from tests.studio.client import QUICK, Client, server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(studio: Client, clip: Path) -> Any:
    return studio.upload(clip, QUICK)


def test_the_notes_are_those_of_the_python_interface(
    studio: Client, project: Any, clip: Path, tmp_path: Path
) -> None:
    amt.generate(clip, **QUICK).write_midi(tmp_path / "song.mid")
    assert studio.file(project, "song.mid") == (tmp_path / "song.mid").read_bytes()
    assert studio.file(project, "song.mp3")[:3] in (b"ID3", b"\xff\xfb\x90")
    assert project["takes"][0]["title"] == "my shots"
    assert project["clip"]["duration_s"] == 8.0


def test_a_job_goes_through_its_stages(studio: Client, clip: Path) -> None:
    project = studio.upload(clip)
    job = studio.post(project, kind="generate", options=QUICK).json()
    stages = {job["stage"]}
    while job["state"] in ("waiting", "running"):
        job = studio.http.get(f"/api/projects/{project['id']}/jobs/{job['id']}").json()
        stages.add(job["stage"])
    assert job["state"] == "done" and job["result"] == {"take": "A", "version": 1}
    assert {"composing", "rendering", "drawing"} & stages


def test_files_are_made_on_request(studio: Client, project: Any) -> None:
    for name, start in (
        ("song.wav", b"RIFF"),
        ("stems.zip", b"PK"),
        ("song.mp4", b"\0\0\0"),
        ("song.dawproject", b"PK"),
    ):
        missing = studio.http.get(f"/api/projects/{project['id']}/takes/A/{name}")
        assert missing.status_code == 404 and "kind export" in missing.json()["error"]
        job = studio.ask(project, kind="export", take="A", artefact=name)
        assert job["state"] == "done", job
        assert studio.file(project, name).startswith(start)
    with zipfile.ZipFile(io.BytesIO(studio.file(project, "stems.zip"))) as stems:
        assert len(stems.namelist()) == project["takes"][0]["tracks"]


def test_a_clip_is_served_in_parts(studio: Client, project: Any, clip: Path) -> None:
    part = studio.http.get(
        f"/api/projects/{project['id']}/clip", headers={"range": "bytes=100-199"}
    )
    assert part.status_code == 206
    assert part.content == clip.read_bytes()[100:200]


def test_a_text_named_as_a_video_is_one_sentence(studio: Client, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("Bread, milk, and a film about bread and milk.\n" * 20)
    before = set(studio.engine.store.root.iterdir())
    for name in ("notes.mp4", "../../etc/passwd", "empty.mp4"):
        data = b"" if name == "empty.mp4" else text.read_bytes()
        answer = studio.http.post("/api/projects", files={"clip": (name, data)})
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert Path(name).name in error and "amt-studio-" not in error and ".." not in error
    assert set(studio.engine.store.root.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"style": "/etc/passwd"}, "style"),
        ({"style": "my.toml"}, "style"),
        ({"emotion": "/etc/moods.csv"}, "emotion"),
        ({"weights": "/tmp"}, "weights"),
        ({"spots": "/tmp/cues.csv"}, "spots"),
        ({"clip_model": "/tmp"}, "clip_model"),
        ({"allow_download": True}, "allow_download"),
        ({"seed": "seven"}, "seed"),
        ({"seed": True}, "seed"),
        ({"bpm": 9}, "bpm"),
        ({"candidates": 64}, "candidates"),
        ({"hits": "12"}, "hits"),
        ([1], "options"),
    ],
)
def test_options_name_no_files_and_keep_their_ranges(
    studio: Client, project: Any, options: Any, word: str
) -> None:
    answer = studio.post(project, kind="generate", options=options)
    assert answer.status_code == 422
    assert word in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "kind"),
        ({"kind": "delete"}, "kind"),
        ({"kind": "edit", "take": "Z", "edits": [{"do": "lock", "first": 1, "last": 1}]}, "take"),
        ({"kind": "edit", "take": "../A", "edits": []}, "take"),
        ({"kind": "edit", "take": "A", "edits": [{"do": "explode"}]}, "explode"),
        ({"kind": "edit", "take": "A", "edits": [{"do": "hit.add"}]}, "time_s"),
        ({"kind": "export", "take": "A", "artefact": "../../clip.mp4"}, "artefact"),
        ({"kind": "export", "take": "A", "artefact": "song.wav", "path": "/tmp"}, "path"),
    ],
)
def test_requests_without_a_meaning_are_one_sentence(
    studio: Client, project: Any, body: Any, word: str
) -> None:
    answer = studio.post(project, **body)
    assert answer.status_code in (404, 422)
    assert word in answer.json()["error"]


def test_a_plan_that_was_edited_elsewhere_becomes_a_take(studio: Client, clip: Path) -> None:
    project = studio.upload(clip, QUICK)
    text = studio.file(project, "song.plan.json").decode()
    plans = f"/api/projects/{project['id']}/plans"
    edited = text.replace('"seed": 0', '"seed": 5')
    job = studio.wait(project, studio.http.post(plans, content=edited).json())
    assert job["result"]["take"] == "B"
    assert json.loads(studio.file(project, "song.plan.json", "B"))["seed"] == 5
    for old, new, word in (
        ('"style": "piano"', '"style": "/tmp/my.toml"', "style"),
        ('"candidates": 1', '"candidates": 64', "candidates"),
        ('"version": 1', '"version": 2', "version"),
        ("{", "", "JSON"),
    ):
        answer = studio.http.post(plans, content=text.replace(old, new, 1))
        assert answer.status_code == 422 and word in answer.json()["error"]


def test_a_take_like_another_keeps_what_was_asked(studio: Client, clip: Path) -> None:
    project = studio.upload(clip, QUICK)
    rows = [{"do": "hit.add", "time_s": 4.6}, {"do": "silence", "start_s": 1.0, "end_s": 2.0}]
    assert studio.edit(project, *rows)["state"] == "done"
    job = studio.ask(project, kind="generate", options={**QUICK, "seed": 3}, like="A")
    assert job["state"] == "done", job
    other = studio.timeline(project, "B")
    assert [hit["time_s"] for hit in other["hits"]] == [4.6]
    assert other["silences"] == [[1.0, 2.0]]


@pytest.mark.parametrize(
    "path",
    [
        "takes/A/before.json",
        "takes/A/..%2f..%2fclip",
        "takes/..%2fA/song.mid",
        "takes/A/versions/9/x",
    ],
)
def test_only_known_files_are_given(studio: Client, project: Any, path: str) -> None:
    answer = studio.http.get(f"/api/projects/{project['id']}/{path}")
    assert answer.status_code == 404


def test_projects_do_not_see_each_other(studio: Client, project: Any, clip: Path) -> None:
    other = studio.upload(clip, None, "secret.mp4")
    job = studio.ask(project, kind="export", take="A", artefact="song.mxl")
    assert studio.http.get(f"/api/projects/{other['id']}/takes/A/song.mid").status_code == 404
    assert studio.http.get(f"/api/projects/{other['id']}/jobs/{job['id']}").status_code == 404
    assert studio.http.get("/api/projects").status_code == 405
    assert "secret" not in json.dumps(studio.state(project))
    assert studio.http.delete(f"/api/projects/{other['id']}").status_code == 204
    assert studio.http.get(f"/api/projects/{other['id']}").status_code == 404
    assert not (studio.engine.store.root / other["id"]).exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:8018"}, 421),
        ({"host": ""}, 421),
        ({"host": "10.0.0.1"}, 421),
        ({"host": "localhost"}, 404),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({}, 404),
    ],
)
def test_host_and_origin_are_checked(studio: Client, headers: dict[str, str], status: int) -> None:
    answer = studio.http.get("/api/projects/none", headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_server_for_all_addresses_answers_to_addresses_and_names_it_was_given() -> None:
    names = HostNames("0.0.0.0", ["studio.lan"])
    assert all(name in names for name in ("192.168.1.5", "localhost", "Studio.LAN", "::1"))
    assert not any(name in names for name in ("evil.example", "", None))


def test_uploads_are_limited_in_size_and_length(clip: Path) -> None:
    with server(Limits(max_upload=1, max_length=5)) as studio:
        answer = studio.http.post("/api/projects", files={"clip": ("a.mp4", clip.read_bytes())})
        assert answer.status_code == 422
        assert "lasts 8 s" in answer.json()["error"] and "at most 5 s" in answer.json()["error"]
        head = {"content-type": "multipart/form-data; boundary=x", "content-length": str(10**10)}
        address = studio.http.base_url
        connection = HTTPConnection(address.host, address.port)
        connection.request("POST", "/api/projects", headers=head)  # and not a byte of it
        refused = connection.getresponse()
        assert refused.status == 413 and b"at most 1 MB" in refused.read()
        connection.close()

        def endless() -> Any:
            yield b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
            for _ in range(40):
                yield bytes(1 << 16)

        kind = {"content-type": "multipart/form-data; boundary=x"}
        answer = studio.http.post("/api/projects", content=endless(), headers=kind)
        assert answer.status_code == 413 and "at most 1 MB" in answer.json()["error"]
        assert list(studio.engine.store.root.iterdir()) == []


def test_jobs_wait_their_turn_and_are_cancelled(clip: Path) -> None:
    with server(Limits(max_waiting=3)) as studio:
        project = studio.upload(clip)
        asked = [studio.post(project, kind="generate", options=QUICK) for _ in range(6)]
        states = [answer.json() for answer in asked if answer.status_code == 202]
        assert asked[-1].status_code == 429 and "queue" in asked[-1].json()["error"]
        jobs = f"/api/projects/{project['id']}/jobs/"
        last = studio.http.get(jobs + states[-1]["id"]).json()
        assert last["state"] == "waiting" and last["ahead"] >= 1
        for job in states:
            assert studio.http.delete(jobs + job["id"]).json()["state"] == "cancelled"
        assert studio.upload(clip, QUICK)["takes"][0]["letter"] == "A"
        assert studio.state(project)["takes"] == []


def test_a_crash_of_a_job_leaves_the_server_up(studio: Client, clip: Path) -> None:
    project = studio.upload(clip)
    asked = studio.post(project, kind="generate", options=QUICK).json()
    job = studio.engine.project(project["id"]).jobs[asked["id"]]
    while job.process is None or job.process.pid is None:
        time.sleep(0.005)
    os.kill(job.process.pid, signal.SIGKILL)
    ended = studio.wait(project, asked)
    assert ended["state"] == "failed" and "signal 9" in ended["error"]
    assert studio.ask(project, kind="generate", options=QUICK)["state"] == "done"


def test_without_a_soundfont_the_notes_are_there(
    studio: Client, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMT_SOUNDFONT", "/nowhere/none.sf2")
    project = studio.upload(clip, QUICK)
    (take,) = project["takes"]
    assert take["silent"].startswith("no sound could be made")
    assert "song.mp3" not in take["artefacts"] and "song.mid" in take["artefacts"]


def test_the_oldest_project_goes_and_nothing_is_left(clip: Path) -> None:
    with server(Limits(max_projects=2)) as studio:
        root = studio.engine.store.root
        made = [studio.upload(clip) for _ in range(3)]
        assert studio.http.get(f"/api/projects/{made[0]['id']}").status_code == 404
        assert {path.name for path in root.iterdir()} == {one["id"] for one in made[1:]}
    assert not root.exists()


def test_folders_of_killed_servers_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    store = Store(Limits())
    left = Path(str(store.root).replace(f"-{os.getpid()}-", f"-{ended.pid}-"))
    left.mkdir()
    other = tmp_path / "amt-studio-someone"
    other.mkdir()
    Store(Limits())
    assert store.root.exists() and other.exists() and not left.exists()


def test_the_document_lists_every_address(studio: Client) -> None:
    document = studio.http.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) >= {"/api/projects", "/api/projects/{project}/jobs/{job}"}
    schemas = document["components"]["schemas"]
    assert schemas["Options"]["properties"]["bpm"]["minimum"] == 60
    assert "weights" not in schemas["Options"]["properties"]
    references = set(
        part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]
    )
    assert references <= set(schemas)


def examples(studio: Client) -> dict[str, str]:
    """The calls that the page about the interface shows, by language."""
    page = studio.http.get("/api").text
    found = re.findall(r"<h2>(\w+)</h2>\s*<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    return {language: html.unescape(code) for language, code in found}


@pytest.mark.parametrize("language", ["Python", "curl"])
def test_the_calls_that_are_shown_work(
    studio: Client, clip: Path, tmp_path: Path, language: str
) -> None:
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    code = examples(studio)[language]
    assert code.count("\n") == 4  # five lines
    if language == "curl" and not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("there is no curl or no jq")
    run = ["bash", "-euc", code] if language == "curl" else [sys.executable, "-Wignore", "-c", code]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "song.mid").read_bytes().startswith(b"MThd")


def test_a_port_in_use_is_one_sentence(studio: Client) -> None:
    port = studio.http.base_url.port
    run = subprocess.run(
        [sys.executable, "-m", "amt", "serve", "--port", str(port)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 2
    assert f"port {port} is in use" in run.stderr and "--port" in run.stderr


def test_the_command_serves_until_it_is_ended(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "amt", "serve", "--port", "0"],
        stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "serving at http://127.0.0.1:" in line
        assert len(list(tmp_path.glob("amt-studio-*"))) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, 143)
    assert list(tmp_path.glob("amt-studio-*")) == []
