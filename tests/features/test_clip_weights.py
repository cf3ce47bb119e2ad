"""CLIP's weights are found, fetched where that is allowed, and loaded in either format."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from amt.errors import WeightsError
from amt.features.clip_weights import (
    CLIP_MODEL,
    CLIP_REVISION,
    NEAR_CLIP_MODEL,
    clip_files,
    clip_status,
    find_clip,
    loadable,
)
from amt.features.extract import extract_features
from amt.features.semantic import SEMANTIC_DIM, ClipVision
from amt.reporter import callback_reporter
from tests.features.clips import picture
from tests.features.toy_clip import as_pickle, make_clip, seal, take_weights

PICTURES = [picture(seed) for seed in range(3)]


@pytest.fixture(autouse=True)
def sealed(tmp_path, monkeypatch):
    seal(tmp_path, monkeypatch)


@pytest.fixture
def folder(tmp_path):
    return make_clip(tmp_path / "model")


def seen(name, **options):
    vision = ClipVision(str(name), device="cpu", dtype="float32", **options)
    for rgb in PICTURES:
        vision.push(rgb)
    return vision.finish()


def same(first, second, tolerance=1e-6):
    assert first.semantic == pytest.approx(second.semantic, abs=tolerance)
    assert first.emotion == pytest.approx(second.emotion, abs=tolerance)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("archive", [True, False])
def test_a_pickle_gives_what_safetensors_give(folder, archive):
    before = seen(folder)
    # Old versions of transformers saved these counters with the weights.
    counter = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    as_pickle(folder, archive=archive, **counter)
    same(seen(folder), before)


def test_a_pickle_is_converted_once_and_its_checksum_is_reported(folder, tmp_path):
    path, said = as_pickle(folder), []
    first = seen(folder, reporter=callback_reporter(message=said.append))
    (sentence,) = said
    assert f"pytorch_model.bin has SHA-256 {sha256(path)}" in sentence
    (kept,) = (tmp_path / "cache" / "weights").iterdir()
    assert sorted(file.name for file in kept.iterdir()) == [
        "SHA256SUMS", "config.json", "model.safetensors",
    ]  # fmt: skip
    sums = (kept / "SHA256SUMS").read_text()
    assert f"{sha256(path)}  pytorch_model.bin" in sums
    assert f"{sha256(kept / 'model.safetensors')}  model.safetensors" in sums
    stamp = (kept / "model.safetensors").stat().st_mtime_ns
    same(seen(folder, reporter=callback_reporter(message=said.append)), first)
    assert len(said) == 1
    assert (kept / "model.safetensors").stat().st_mtime_ns == stamp
    assert clip_files(str(folder)).checksums() == {"pytorch_model.bin": sha256(path)}


def test_an_interrupted_conversion_is_done_again(folder, tmp_path):
    as_pickle(folder)
    first = seen(folder)
    (kept,) = (tmp_path / "cache" / "weights").iterdir()
    weights = kept / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    same(seen(folder), first)
    (kept / "SHA256SUMS").unlink()
    same(seen(folder), first)


def test_other_weights_of_the_same_name_are_not_mistaken(folder, tmp_path):
    as_pickle(folder)
    first = seen(folder)
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    weights["visual_projection.weight"] *= 2
    torch.save(weights, folder / "pytorch_model.bin")
    assert seen(folder).semantic == pytest.approx(2 * first.semantic, rel=1e-5)
    assert len(list((tmp_path / "cache" / "weights").iterdir())) == 2


def _convert(folder):
    return str(loadable(clip_files(str(folder))))


def test_conversions_at_the_same_time_do_not_harm_one_another(folder, tmp_path):
    as_pickle(folder)
    with ThreadPoolExecutor(4) as pool:
        (kept,) = set(pool.map(_convert, [folder] * 4))
    load_file(Path(kept) / "model.safetensors")
    assert len(list(Path(kept).iterdir())) == 3
    seen(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("pickled", [True, False])
def test_half_precision_is_read(folder, dtype, pickled):
    before = seen(folder)
    weights = {name: tensor.to(dtype) for name, tensor in take_weights(folder).items()}
    config = json.loads((folder / "config.json").read_text()) | {"torch_dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config))
    if pickled:
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    after = seen(folder)
    distance = np.linalg.norm(after.semantic - before.semantic)
    assert distance < 0.02 * np.linalg.norm(before.semantic)


@pytest.mark.parametrize("pickled", [True, False])
def test_weights_in_several_files_are_read(folder, pickled):
    before = seen(folder)
    weights = take_weights(folder)
    parts = [list(weights)[::2], list(weights)[1::2]]
    stem, end = ("pytorch_model", "bin") if pickled else ("model", "safetensors")
    places = {}
    for number, names in enumerate(parts, 1):
        path = folder / f"{stem}-{number:05}-of-00002.{end}"
        part = {name: weights[name] for name in names}
        torch.save(part, path) if pickled else save_file(part, path, metadata={"format": "pt"})
        places |= dict.fromkeys(names, path.name)
    index = folder / f"{stem}.{end}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    same(seen(folder), before)
    path.unlink()
    assert find_clip(str(folder)) is None
    index.write_text("[]")
    with pytest.raises(WeightsError, match="is damaged"):
        find_clip(str(folder))


def test_a_hostile_pickle_is_refused_by_name_and_auto_goes_on(clip, tmp_path, monkeypatch):
    snapshot = in_hub(tmp_path, CLIP_MODEL, CLIP_REVISION)
    mark = tmp_path / "ran"

    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {mark}",)

    as_pickle(snapshot, x=Hostile())
    with pytest.raises(WeightsError, match=r"wants to run os\.system"):
        extract_features(clip, backend="clip")
    said = []
    assert (
        extract_features(clip, reporter=callback_reporter(message=said.append)).backend
        == "analytic"
    )
    assert "wants to run os.system" in said[0]
    assert not mark.exists()


def test_a_cache_that_takes_no_weights_is_named(folder, tmp_path, monkeypatch):
    as_pickle(folder)
    (tmp_path / "file").touch()
    monkeypatch.setenv("AMT_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="AMT_CACHE_DIR"):
        seen(folder)


def in_hub(tmp_path, name, commit, **options):
    """A model in the Hub's cache, as ``hf download`` leaves it."""
    repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    make_clip(snapshot, **options)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return snapshot


def test_a_file_of_the_hub_must_have_the_checksum_that_it_is_named_by(tmp_path):
    snapshot = in_hub(tmp_path, CLIP_MODEL, CLIP_REVISION)
    path = as_pickle(snapshot)
    blobs = snapshot.parent.parent / "blobs"
    blobs.mkdir()
    blob = path.rename(blobs / sha256(path))
    path.symlink_to(blob)
    seen(CLIP_MODEL)
    altered = torch.load(blob, weights_only=True)
    altered["visual_projection.weight"] *= 2
    torch.save(altered, blob)
    with pytest.raises(WeightsError, match="not the one that the Hub names"):
        seen(CLIP_MODEL)


def test_the_near_model_stands_in_and_is_named_as_that(clip, tmp_path):
    near = in_hub(tmp_path, NEAR_CLIP_MODEL, "1" * 40)
    said = []
    features = extract_features(clip, reporter=callback_reporter(message=said.append))
    assert features.backend == "clip"
    assert features.semantic.shape == (3, SEMANTIC_DIM)
    (sentence,) = said
    assert f"({NEAR_CLIP_MODEL}, model.safetensors)" in sentence
    assert "not the same" in sentence
    assert find_clip() == str(near)
    status = clip_status(compute=True)
    assert status.files.is_near
    assert status.checksums == {"model.safetensors": sha256(near / "model.safetensors")}
    assert "not the same" in status.missing

    own = in_hub(tmp_path, CLIP_MODEL, CLIP_REVISION)
    as_pickle(own)
    assert find_clip() == str(own)
    assert extract_features(clip, reporter=callback_reporter(message=said.append)).backend == "clip"
    assert f"({CLIP_MODEL}, pytorch_model.bin, SHA-256 " in said[-1]
    assert clip_status().missing is None


def test_status_gives_the_command_that_gets_it():
    status = clip_status()
    assert status.files is None
    assert status.checksums == {}
    assert status.command == f"hf download {CLIP_MODEL} --revision {CLIP_REVISION}"


def test_status_lists_what_is_there(folder):
    path = as_pickle(folder)
    status = clip_status(str(folder))
    assert (status.files.format, status.files.folder) == ("pickle", folder)
    assert (status.files.revision, status.files.size_bytes) == (None, path.stat().st_size)
    assert status.command is None


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's interface as its client uses to fetch a model."""

    models: dict[str, dict[str, bytes]]
    asked: list[str]

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        path = self.path.split("?")[0]
        for name, files in self.models.items():
            if path.startswith(f"/api/models/{name}"):
                return self.send(self.listing(name, files, tree="/tree/" in path), body=body)
            if path.startswith(f"/{name}/resolve/"):
                file = path.split("/", 5)[-1]
                if body:
                    self.asked.append(f"{name} {file}")
                return self.send(files[file], body=body)
        return self.send(b'{"error": "Repository not found"}', body=body, status=404)

    def listing(self, name, files, *, tree):
        kind = {"type": "file", "oid": "0" * 40}
        entries = [kind | {"path": file, "size": len(data)} for file, data in files.items()]
        siblings = [{"rfilename": file, "size": len(data)} for file, data in files.items()]
        model = {"id": name, "modelId": name, "sha": CLIP_REVISION, "siblings": siblings}
        model |= {"tags": [], "downloads": 0, "likes": 0, "private": False}
        return json.dumps(entries if tree else model).encode()

    def send(self, data, *, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", CLIP_REVISION)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


FETCH = """
import sys
from amt.features.clip_weights import CLIP_MODEL, NEAR_CLIP_MODEL, fetch, find_clip, loadable
from amt.errors import WeightsError
from amt.reporter import callback_reporter
for name in (CLIP_MODEL, NEAR_CLIP_MODEL):
    files = fetch(name, callback_reporter(message=print))
    assert find_clip(name) == str(files.folder), files
    print(files.title)
    print(loadable(files))
for name in ("some/thing", "no/thing"):
    try:
        fetch(name)
    except WeightsError as error:
        print(error)
"""


def test_the_hubs_own_client_fetches_what_is_offered(tmp_path):
    pickled, safe = make_clip(tmp_path / "one"), make_clip(tmp_path / "two")
    torch.save(take_weights(pickled), pickled / "pytorch_model.bin")
    (safe / "pytorch_model.bin").write_bytes(b"not to be fetched")

    def content(folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    Hub.models = {
        CLIP_MODEL: content(pickled) | {"tf_model.h5": b"not to be fetched"},
        NEAR_CLIP_MODEL: content(safe),
        "some/thing": {"config.json": b"{}"},
    }
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-c", FETCH], env=environment, capture_output=True, text=True
        )
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    fetched = {line for line in Hub.asked if line.endswith((".bin", ".safetensors", ".h5"))}
    assert fetched == {f"{CLIP_MODEL} pytorch_model.bin", f"{NEAR_CLIP_MODEL} model.safetensors"}
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"fetching the CLIP model {CLIP_MODEL}, ")
    assert lines[1].startswith(f"{CLIP_MODEL}, pytorch_model.bin")
    assert Path(lines[2]).is_relative_to(tmp_path / "cache")
    assert lines[4].startswith(f"{NEAR_CLIP_MODEL}, model.safetensors")
    assert Path(lines[5]).is_relative_to(tmp_path / "hf")
    assert "without weights" in lines[6]
    assert "cannot be fetched" in lines[7]
    assert len(lines) == 8
