"""Where the weights of CLIP lie on this machine, how they get there, and in what shape they load.

A model is a folder as ``transformers`` saves it, or a name on the Hub, whose files then lie in the
Hub's cache. Its weights are taken as safetensors where it has them. The model behind MuVi-Sync is
offered as ``pytorch_model.bin`` only, which is a pickle: it is read without running anything in it
(:mod:`amt.features.checkpoint`) and kept once as safetensors in our cache, with the checksums of
both files. Nothing is downloaded unless the caller allows it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from amt.errors import WeightsError, shown
from amt.features.cache import cache_folder, replacing
from amt.reporter import DEFAULT_REPORTER, Reporter

CLIP_MODEL = "openai/clip-vit-large-patch14-336"
"""The model behind MuVi-Sync, at the commit :data:`CLIP_REVISION`."""

CLIP_REVISION = "ce19dc912ca5cd21c8a653c79e251e808ccabcd1"

NEAR_CLIP_MODEL = "openai/clip-vit-large-patch14"
"""The second choice: the same network for pictures of 224 pixels. Its embeddings have 768 numbers
too and lie near those of :data:`CLIP_MODEL`, but are not the same."""

_INDEX, _PICKLE_INDEX = "model.safetensors.index.json", "pytorch_model.bin.index.json"
_SETTINGS = ("*.json", "merges.txt")
_SAFETENSORS = ("model.safetensors", "model-*.safetensors")
_PICKLES = ("pytorch_model.bin", "pytorch_model-*.bin")
_SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """A CLIP model on this machine."""

    name: str
    """As it was asked for: a folder, or a name on the Hub."""
    folder: Path
    revision: str | None
    """Commit on the Hub; None for a folder."""
    format: Literal["safetensors", "pickle"]
    weights: tuple[Path, ...]
    """One file, or the parts of a large model in order."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the weights on disk."""
        return sum(path.stat().st_size for path in self.weights)

    @property
    def is_near(self) -> bool:
        """Whether this is the second choice and not the model that the composer learned from."""
        return self.name == NEAR_CLIP_MODEL

    @property
    def title(self) -> str:
        """The model with its kind of file and, as far as it is known, its checksum."""
        parts = [self.name, self.weights[0].name if len(self.weights) == 1 else self.format]
        if len(sums := self.checksums()) == 1:
            parts.append(f"SHA-256 {next(iter(sums.values()))}")
        return ", ".join(parts)

    def checksums(self, *, compute: bool = False) -> dict[str, str]:
        """SHA-256 of the files of weights by their names, as far as they are known.

        Args:
            compute: read the files whose checksum is not kept yet; a second or two a gigabyte.
        """
        sums = {path.name: digest(path, compute=compute) for path in self.weights}
        return {name: value for name, value in sums.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ClipStatus:
    """What there is of CLIP on a machine, and how to get it."""

    files: ClipFiles | None
    """None where no usable model is here."""
    checksums: dict[str, str]
    """SHA-256 by file."""
    missing: str | None
    """One sentence on what is missing; None where the model that the composer learned from, or
    the one that was asked for, is here."""
    command: str | None
    """Shell command that brings it; None where it is here."""


def clip_status(model: str | None = None, *, compute: bool = False) -> ClipStatus:
    """What there is of a CLIP model on this machine.

    Nothing is downloaded or loaded, and ``torch`` is not imported.

    Args:
        model: as for :func:`find_clip`.
        compute: compute checksums that are not kept yet.
    """
    files = clip_files(model)
    checksums = files.checksums(compute=compute) if files is not None else {}
    if files is not None and not (model is None and files.is_near):
        return ClipStatus(files, checksums, None, None)
    name = model or CLIP_MODEL
    missing = absence(name)
    if files is not None:
        missing = f"{NEAR_CLIP_MODEL} stands in for {CLIP_MODEL}: near, but not the same."
    return ClipStatus(files, checksums, missing, f"hf download {_asked(name)}")


def chosen_clip(model: str | None) -> str:
    """The model that is meant.

    Args:
        model: the one that was asked for; None takes the default, or the near one where only that
            is on this machine.
    """
    if model is not None:
        return model
    only_near = clip_files(CLIP_MODEL) is None and clip_files(NEAR_CLIP_MODEL) is not None
    return NEAR_CLIP_MODEL if only_near else CLIP_MODEL


def find_clip(model: str | None = None) -> str | None:
    """The folder of a CLIP model whose weights are on this machine, or None.

    Nothing is downloaded, and ``torch`` is not imported.

    Args:
        model: a folder, or a name on the Hub; None takes :data:`CLIP_MODEL`, else
            :data:`NEAR_CLIP_MODEL`.
    """
    files = clip_files(model)
    return None if files is None else str(files.folder)


def clip_files(model: str | None = None) -> ClipFiles | None:
    """The files of a CLIP model whose weights are on this machine, or None; as :func:`find_clip`.

    Raises:
        WeightsError: the list of the parts of its weights is broken.
    """
    name = chosen_clip(model)
    folder = local_folder(name)
    if folder is None:
        return None
    revision = None if folder == Path(name) else folder.name
    if weights := _parts(folder, _SAFETENSORS[0], _INDEX):
        return ClipFiles(name, folder, revision, "safetensors", weights)
    if weights := _parts(folder, _PICKLES[0], _PICKLE_INDEX):
        return ClipFiles(name, folder, revision, "pickle", weights)
    return None


def local_folder(name: str) -> Path | None:
    """Where a model's files lie on this machine, complete or not."""
    with contextlib.suppress(OSError, ValueError):  # a name that no file can have
        if (Path(name) / "config.json").is_file():
            return Path(name)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json", revision=revision_of(name))
    except HFValidationError:  # a path that is not there is no name either
        return None
    return Path(config).parent if isinstance(config, str) else None


def revision_of(name: str) -> str | None:
    """The commit that is meant by a name; None for the newest."""
    return CLIP_REVISION if name == CLIP_MODEL else None


def absence(name: str) -> str:
    """One sentence on why a model cannot be used from this machine, and what to do."""
    folder = local_folder(name)
    if folder is None and Path(name).is_dir():
        return (
            f"The folder '{shown(name)}' holds no CLIP model (no config.json); name a folder "
            "saved by "
            "transformers with `clip_model`, or use the analytic backend."
        )
    if folder is not None:
        return (
            f"The CLIP model in '{shown(folder)}' lacks its weights (model.safetensors or "
            "pytorch_model.bin); fetch it again, or use the analytic backend."
        )
    return (
        f"The CLIP model '{shown(name)}' is not on this machine; fetch it with "
        f"`hf download {_asked(name)}` or with `allow_download`, name a folder that holds one "
        "with `clip_model`, or use the analytic backend."
    )


def fetch(name: str, reporter: Reporter = DEFAULT_REPORTER) -> ClipFiles:
    """Download a model into the Hub's cache: as safetensors if it is offered so, else as a pickle.

    Args:
        name: of the model on the Hub.
        reporter: gets one sentence before the download.

    Raises:
        WeightsError: the Hub cannot be reached, or knows no such model, or offers no weights.
    """
    from huggingface_hub import HfApi, snapshot_download

    revision = revision_of(name)
    try:
        offered = HfApi().model_info(name, revision=revision, files_metadata=True).siblings or []
        safe = any(file.rfilename in (_SAFETENSORS[0], _INDEX) for file in offered)
        patterns = _SAFETENSORS if safe else _PICKLES
        wanted = [f for f in offered if any(fnmatch(f.rfilename, pattern) for pattern in patterns)]
        if wanted:
            size_gb = sum(file.size or 0 for file in wanted) / 1e9
            reporter.message(
                f"fetching the CLIP model {name}, {size_gb:.1f} GB, into the Hub's cache"
            )
        with quiet():
            snapshot_download(name, revision=revision, allow_patterns=[*_SETTINGS, *patterns])
    except Exception as error:  # the Hub's client passes on the errors of its transport
        raise WeightsError(
            f"The CLIP model '{shown(name)}' cannot be fetched ({type(error).__name__}); check "
            "its name "
            "and the network, or name a folder that holds one with `clip_model`."
        ) from error
    files = clip_files(name)
    if files is None:
        raise WeightsError(
            f"The CLIP model '{shown(name)}' is offered without weights that can be read "
            "(model.safetensors or pytorch_model.bin); name another one, or a folder that holds "
            "one, with `clip_model`."
        )
    return files


def loadable(files: ClipFiles, reporter: Reporter = DEFAULT_REPORTER) -> Path:
    """A folder with the model's settings and its weights as safetensors.

    A pickle is converted when it is met first; the copy in our cache appears whole or not at all,
    whoever else makes it at the same time.

    Args:
        files: of the model.
        reporter: gets one sentence if a pickle is converted.

    Raises:
        WeightsError: the pickle is damaged, wants to run something, or cannot be kept.
    """
    if files.format == "safetensors":
        return files.folder
    try:
        sums = {path.name: digest(path) or "" for path in files.weights}
        key = hashlib.sha256(json.dumps(sorted(sums.items())).encode()).hexdigest()
        target = cache_folder() / "weights" / key[:32]
        if not _is_whole(target):
            _convert(files, sums, target)
            found = ", ".join(f"{name} has SHA-256 {value}" for name, value in sums.items())
            reporter.message(f"{files.name} is kept as safetensors in {shown(target)}; {found}")
        # The settings may be edited without the weights.
        with replacing(target / "config.json") as part:
            part.write_bytes((files.folder / "config.json").read_bytes())
    except OSError as error:
        raise WeightsError(
            f"The weights of the CLIP model '{shown(files.name)}' cannot be kept as safetensors in "
            f"'{cache_folder()}' ({error.strerror or error}); make room there, or name another "
            "folder with the environment variable AMT_CACHE_DIR."
        ) from error
    return target


def digest(path: Path, *, compute: bool = True) -> str | None:
    """SHA-256 of a file in hexadecimal digits, kept in our cache until the file changes.

    Args:
        path: the file.
        compute: read the file if nothing is kept; else the answer is None.
    """
    state = path.stat()
    resolved = path.resolve()
    key = json.dumps([str(resolved), state.st_size, state.st_mtime_ns])
    kept = cache_folder() / "digests" / hashlib.sha256(key.encode()).hexdigest()
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if len(text := kept.read_text(encoding="ascii")) == 64:
            return text
    if not compute:
        return None
    value = _sha256(path)
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as part:
            part.write_text(value, encoding="ascii")
    return value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _asked(name: str) -> str:
    revision = revision_of(name)
    return name if revision is None else f"{name} --revision {revision}"


def _parts(folder: Path, whole: str, index: str) -> tuple[Path, ...]:
    """The files of weights of one format in a folder; none if one of them is missing."""
    if (folder / whole).is_file():
        return (folder / whole,)
    if not (folder / index).is_file():
        return ()
    try:
        listed = json.loads((folder / index).read_text(encoding="utf-8"))["weight_map"].values()
        names = sorted(set(listed))
        # A list may name no file outside of its folder.
        paths = tuple(folder / name for name in names if Path(name).name == name)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(
            f"'{shown(folder / index)}' is damaged ({type(error).__name__}); fetch the model again."
        ) from error
    complete = len(paths) == len(names) and all(path.is_file() for path in paths)
    return paths if complete else ()


def _is_whole(folder: Path) -> bool:
    """Whether a converted model is complete: its last written file holds the size of the first."""
    with contextlib.suppress(OSError, ValueError):
        size = int((folder / _SUMS).read_text(encoding="utf-8").rsplit("size ", 1)[1])
        return (folder / _SAFETENSORS[0]).stat().st_size == size
    return False


def _convert(files: ClipFiles, sums: dict[str, str], target: Path) -> None:
    """Write the safetensors and their checksums into the folder ``target``."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from amt.features.checkpoint import check_pickle, read_tensors

    for path in files.weights:
        check_pickle(path)
        if path.resolve().parent.name == "blobs" and path.resolve().name != sums[path.name]:
            _refuse_altered(path)
    tensors = {}
    for path in files.weights:
        tensors.update(read_tensors(path))
    target.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(target / _SAFETENSORS[0]) as part:
            save_file(tensors, part, metadata={"format": "pt"})
            sums = {**sums, _SAFETENSORS[0]: _sha256(part)}
            size = part.stat().st_size
    except SafetensorError as error:
        raise OSError(str(error)) from error
    lines = [f"{value}  {name}" for name, value in sums.items()]
    with replacing(target / _SUMS) as part:
        part.write_text("\n".join([*lines, f"# size {size}"]), encoding="utf-8")


def _refuse_altered(path: Path) -> None:
    """Refuse a file of the Hub's cache, which names large files by their SHA-256."""
    if len(path.resolve().name) == 64:
        raise WeightsError(
            f"'{shown(path)}' is damaged: its SHA-256 is not the one that the Hub names; fetch "
            "the model "
            "again, or use the analytic backend."
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' own progress bars and load reports off stderr."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()  # huggingface_hub's too
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
