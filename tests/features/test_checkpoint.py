"""A pickle of weights gives tensors and no more; what it wants to run is named, not run."""

from __future__ import annotations

import builtins
import collections
import os
import pickle
import subprocess
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from amt.errors import WeightsError
from amt.features import checkpoint
from amt.features.checkpoint import read_tensors

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
both = pytest.mark.parametrize("archive", [True, False])


def save(path, content, *, archive=True, protocol=2):
    torch.save(content, path, _use_new_zipfile_serialization=archive, pickle_protocol=protocol)
    return path


def refused(path):
    with pytest.raises(WeightsError) as caught:
        read_tensors(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


@both
def test_tensors_come_back_as_they_were(tmp_path, archive):
    generator = torch.Generator().manual_seed(0)
    content = {
        f"layer.{i}": (100 * torch.rand(3, 4, generator=generator)).to(dtype)
        for i, dtype in enumerate(DTYPES)
    }
    content |= {"scale": torch.tensor(4.6), "none": torch.empty(0, 3)}
    found = read_tensors(save(tmp_path / "weights.bin", content, archive=archive))
    assert found.keys() == content.keys()
    for name, tensor in content.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


@both
def test_shared_turned_and_trained_tensors_can_be_kept_as_safetensors(tmp_path, archive):
    table = torch.arange(12.0).reshape(3, 4)
    content = collections.OrderedDict(
        one=table, again=table, turned=table.T, row=table[1], tuned=torch.nn.Parameter(table)
    )
    found = read_tensors(save(tmp_path / "weights.bin", content, archive=archive))
    save_file(found, tmp_path / "weights.safetensors")
    kept = load_file(tmp_path / "weights.safetensors")
    for name, tensor in content.items():
        assert torch.equal(kept[name], tensor.detach())


class Hostile:
    """What a pickle runs when it is unpickled as usual."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@both
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "os.system"),
        (builtins.eval, "builtins.eval"),
        (builtins.exec, "builtins.exec"),
        (builtins.getattr, "builtins.getattr"),
        (subprocess.check_output, "subprocess.check_output"),
        (torch.load, "torch.serialization.load"),
        (np.load, "numpy.load"),
    ],
)
def test_what_a_pickle_wants_to_run_is_named_and_not_run(
    tmp_path, archive, protocol, function, name
):
    mark = tmp_path / "ran"
    argument = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    if name in ("os.system", "subprocess.check_output"):
        argument = f"touch {mark}"
    content = {"weight": torch.zeros(2), "x": Hostile(function, argument)}
    path = save(tmp_path / "pytorch_model.bin", content, archive=archive, protocol=protocol)
    assert f"wants to run {name}" in refused(path)
    assert not mark.exists()


def test_the_hostile_pickle_would_have_run(tmp_path):
    mark = tmp_path / "ran"
    content = {"x": Hostile(os.system, f"touch {mark}")}
    torch.load(save(tmp_path / "pytorch_model.bin", content), weights_only=False)
    assert mark.exists()


@pytest.mark.parametrize(
    "content", [b"cos\nsystem\n(S'true'\ntR.", b"(S'true'\nios\nsystem\n.", b"\x80\x02\x82\x01."]
)
def test_the_oldest_opcodes_are_understood_too(tmp_path, content):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    assert "wants to run" in refused(path)


@both
@pytest.mark.parametrize(
    "content",
    [
        {"epoch": 3, "weight": torch.zeros(2)}, {"nested": {"weight": torch.zeros(2)}},
        [torch.zeros(2)], torch.zeros(2), {}, {3: torch.zeros(2)}, {"name": "text"},
    ],
)  # fmt: skip
def test_anything_but_named_tensors_is_refused(tmp_path, archive, content):
    assert "it holds" in refused(save(tmp_path / "weights.bin", content, archive=archive))


def test_sparse_and_unbounded_tensors_are_refused(tmp_path):
    refused(save(tmp_path / "weights.bin", {"sparse": torch.eye(3).to_sparse()}))
    endless = torch.zeros(1).expand(10**15)
    refused(save(tmp_path / "weights.bin", {"endless": endless}))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    archive=st.booleans(),
    harms=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
    share=st.floats(0, 1),
)
def test_damage_is_reported_in_a_sentence(tmp_path, archive, harms, share):
    path = save(tmp_path / "weights.bin", {"weight": torch.arange(50.0)}, archive=archive)
    content = bytearray(path.read_bytes())
    for place, value in harms:
        content[int(place * len(content))] = value
    path.write_bytes(content[: int(share * len(content))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = read_tensors(path)
        except WeightsError as error:
            assert "\n" not in str(error)
        else:
            assert all(isinstance(tensor, torch.Tensor) for tensor in found.values())


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04nothing", pickle.dumps({"a": 1})])
def test_other_files_are_no_weights(tmp_path, content):
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    assert "damaged or no file of PyTorch weights" in refused(path)


@pytest.mark.parametrize(
    ("installed", "safe"),
    [("2.5.1", False), ("2.9.1+cu128", False), ("2.10.0", True), ("2.13.0+cpu", True), ("3", True)],
)
def test_a_pytorch_with_known_holes_reads_no_pickles(tmp_path, monkeypatch, installed, safe):
    monkeypatch.setattr(checkpoint, "version", lambda _: installed)
    path = save(tmp_path / "weights.bin", {"weight": torch.zeros(2)})
    if safe:
        read_tensors(path)
    else:
        assert 'pip install --upgrade "torch>=2.10"' in refused(path)
