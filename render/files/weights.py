"""Networks on disk: a folder with ``weights.safetensors``, ``config.json`` and a model card.

``config.json`` says what the network is, gives its settings and the SHA-256 of the weights. All
three are checked before a network is built: nothing in the files can run, ask for more memory than
the weights take, or bring values that are no numbers. The same folder may be a repository of the
Hugging Face Hub.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import typing
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import torch
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from render.files.errors import WeightsError, quoted, shown

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "config.json"
MAX_CONFIG_BYTES = 1 << 20
MAX_SETTING = 1 << 16
"""Sizes and numbers of layers beyond this belong to no network of ours."""

C = TypeVar("C")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What the files of a network must say, and the names that they use."""

    name: str
    """Of the network, for messages."""
    about: Mapping[str, object]
    """Entries of ``config.json`` that must be equal, such as the version of the format."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Tensor names of the weight file -> those of today's attributes, so that renaming an attribute
    needs no new weight file. A name stands for itself and for everything below it, and ``*`` for
    one segment between dots: ``{"layers.*.mix": "layers.*.attention"}``. An entry goes when the
    network is retrained."""
    renamed_settings: Mapping[str, str] = field(default_factory=dict)
    """Likewise of the keys of ``settings``."""


class PretrainedNetwork(nn.Module, PyTorchModelHubMixin, library_name="amt-soundtrack"):
    """Base of the networks: saved to a folder, loaded from one or from the Hugging Face Hub.

    The mixin adds :meth:`save_pretrained`, :meth:`push_to_hub` and a model card where there is
    none. What it would read unchecked, and download unasked, is read and fetched here instead.
    """

    spec: ClassVar[NetworkSpec]
    config_type: ClassVar[type]
    """Dataclass of the settings: the one argument of the constructor, kept as ``config``."""

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        token: str | bool | None = None,
        local_files_only: bool = True,
    ) -> Self:
        """The network in a folder or a repository of the Hub; float32, evaluation mode, on CPU.

        Args:
            pretrained_model_name_or_path: folder, or as text ``owner/name`` of a repository.
            revision: commit of the repository; a folder needs none.
            cache_dir: of the Hub's files, instead of the usual one.
            token: of the Hub.
            local_files_only: read what was downloaded before; False downloads what is missing.

        Raises:
            WeightsError: a file is missing, damaged, or of another network or version.
        """
        folder = Path(pretrained_model_name_or_path)
        name = str(pretrained_model_name_or_path)
        is_text = isinstance(pretrained_model_name_or_path, str)
        if is_text and _HUB_ID.fullmatch(name) and not folder.is_dir():
            folder = _from_hub(cls.spec, name, revision, cache_dir, token, local_files_only)
        return cls.from_folder(folder)

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """The network in a folder; see :meth:`from_pretrained`."""
        spec = cls.spec
        described = _read_config(folder / CONFIG_FILE, spec)
        tensors = _read_tensors(folder / WEIGHTS_FILE, spec.name, described["sha256"])
        tensors = {_renamed(key, spec.renamed): tensor for key, tensor in tensors.items()}
        settings = {spec.renamed_settings.get(k, k): v for k, v in described["settings"].items()}
        config: Any = _settings(cls.config_type, settings, folder / CONFIG_FILE)
        try:
            n_values = sum(tensor.numel() for tensor in tensors.values())
            with _no_larger_than(n_values), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of layers of size 0, which fit no weights
                network = cls(config)
            network.load_state_dict({key: value.float() for key, value in tensors.items()})
        except (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError) as error:
            raise _unfit(folder) from error
        return network.eval()

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write weights and settings; matrices become float16, small tensors stay float32."""
        compact = {
            name: tensor.detach()
            .to("cpu", torch.float16 if tensor.ndim >= 2 else torch.float32)
            .contiguous()
            for name, tensor in self.state_dict().items()
        }
        data = save_safetensors(compact)
        (save_directory / WEIGHTS_FILE).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        config: Any = self.config
        described = {**self.spec.about, "sha256": sha256, "settings": asdict(config)}
        (save_directory / CONFIG_FILE).write_text(json.dumps(described, indent=2) + "\n")


def save_network(
    network: type[PretrainedNetwork], folder: Path, config: object, tensors: Mapping[str, Tensor]
) -> None:
    """Write the folder of a network whose parameters are a state dict of its own.

    Args:
        network: class of the network.
        folder: made if missing; its model card is left as it is.
        config: its settings.
        tensors: its state dict.
    """
    built = network(config)
    built.load_state_dict(dict(tensors))
    built.save_pretrained(folder)


def _from_hub(
    spec: NetworkSpec,
    name: str,
    revision: str | None,
    cache_dir: str | Path | None,
    token: str | bool | None,
    local_files_only: bool,
) -> Path:
    """Folder of the files of a repository of the Hub, in its cache."""
    if revision is None:
        raise WeightsError(
            f"'{shown(name)}' is no folder; for a repository of the Hub name the revision (a "
            "commit) too"
        )
    try:
        paths = [
            hf_hub_download(
                name, file, revision=revision, cache_dir=cache_dir, token=token,
                local_files_only=local_files_only,
            )
            for file in (CONFIG_FILE, WEIGHTS_FILE)
        ]  # fmt: skip
    except (OSError, ValueError) as error:
        hint = f": fetch it with `hf download {name} --revision {revision}`"
        place = "on this machine" if local_files_only else "on the Hub"
        raise WeightsError(
            f"no {spec.name} '{shown(name)}' at revision {shown(revision)} {place}"
            + (hint if local_files_only else f": {error}")
        ) from error
    return Path(paths[0]).parent


def _renamed(name: str, renamed: Mapping[str, str]) -> str:
    """The name of a tensor after the first entry of ``renamed`` that fits; itself if none does."""
    for old, new in renamed.items():
        pattern = re.escape(old).replace(r"\*", r"([^.]+)") + r"(?=\.|$)"
        if found := re.match(pattern, name):
            for segment in found.groups():
                new = new.replace("*", segment, 1)
            return new + name[found.end() :]
    return name


@contextmanager
def _no_larger_than(n_values: int) -> Iterator[None]:
    """Stop the building of a network that has more parameters than its weights.

    Raises:
        ValueError: it has.
    """
    built = 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal built
        built += 0 if parameter is None else parameter.numel()
        if built > n_values:
            raise ValueError("the settings ask for more parameters than there are")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _read_config(path: Path, spec: NetworkSpec) -> dict[str, Any]:
    name = spec.name
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES)
        described = json.loads(text)
    except OSError as error:
        raise WeightsError(
            f"no {name} at {shown(path.parent)}: {error.strerror}: name a folder that holds one"
        ) from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{shown(path)} is no JSON: fetch it again") from error
    found = described if isinstance(described, dict) else {}
    wrong = [key for key, value in spec.about.items() if found.get(key) != value]
    if wrong:
        raise WeightsError(
            f"{shown(path)} describes another network than the {name} that is expected, as its "
            f"{wrong[0]} is {quoted(found.get(wrong[0]))}: choose weights of this version"
        )
    if not isinstance(found.get("settings"), dict) or not isinstance(found.get("sha256"), str):
        raise WeightsError(f"{shown(path)} lacks settings or sha256: fetch it again")
    return found


def _read_tensors(path: Path, name: str, sha256: str) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"no {name} weights at {shown(path)}: {error.strerror}: name a folder that holds them"
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(
            f"{shown(path)} is damaged, as its SHA-256 is not the one in {CONFIG_FILE}: fetch it "
            "again"
        )
    try:
        tensors: dict[str, Tensor] = load_safetensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} is no safetensors file: fetch it again") from error
    for key, tensor in tensors.items():
        if not tensor.is_floating_point() or not bool(tensor.float().isfinite().all()):
            raise WeightsError(f"{shown(path)} is damaged: {quoted(key)} is not all finite numbers")
    return tensors


def _settings(config_type: type[C], values: Mapping[str, object], path: Path) -> C:
    """The settings, each of the type and in the range that its field allows."""
    kinds = typing.get_type_hints(config_type)
    known = {field.name for field in fields(config_type)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in known:
            raise WeightsError(
                f"{shown(path)} has the setting {quoted(key)}, which {config_type.__name__} does "
                "not "
                "know: these weights belong to another version"
            )
        if not _is_allowed(value, kinds[key]):
            raise WeightsError(
                f"{shown(path)} has {key} = {quoted(value)}, which is no such setting"
            )
    try:
        return config_type(**values)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise WeightsError(f"{shown(path)} has settings that contradict: {error}") from error


def _is_allowed(value: object, kind: object) -> bool:
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and 0 <= typing.cast(int, value) <= MAX_SETTING
    if kind is float:  # shares, such as of dropout
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        number = typing.cast(float, value) if is_number else math.nan
        return 0 <= number <= 1
    is_row = isinstance(value, (list, tuple)) and 0 < len(value) <= 64
    return is_row and all(_is_allowed(item, int) for item in typing.cast(list[object], value))


def _unfit(folder: Path) -> WeightsError:
    return WeightsError(
        f"the weights and the settings in {shown(folder)} do not fit each other: fetch both again"
    )
