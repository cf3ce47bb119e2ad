"""Meaning and mood of pictures from CLIP (Radford et al. 2021), as Video2Music takes them.

* semantic: the image embedding as the projection gives it, not normalised;
* emotion: softmax of the image-text logits, with the model's own logit scale, over the six bare
  words of :data:`amt.types.EMOTIONS`.

The composer's semantic input is defined for :data:`CLIP_MODEL`, whose embedding has 768 numbers.
Another CLIP may be named for speed: if its embedding has another size, only the emotion is used.
Weights are taken from a folder or from the Hub's cache on this machine, as safetensors only, since
a pickle may run code; they are fetched only where the caller allows it. ``torch`` and
``transformers`` are imported only when a :class:`ClipVision` is made.

What CLIP said of a clip can be kept: :func:`read_cache` and :func:`write_cache`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from amt.errors import WeightsError
from amt.types import EMOTIONS, FloatArray

if TYPE_CHECKING:
    import torch

CLIP_MODEL = "openai/clip-vit-large-patch14-336"
"""The model behind MuVi-Sync, at the commit :data:`CLIP_REVISION`."""

CLIP_REVISION = "ce19dc912ca5cd21c8a653c79e251e808ccabcd1"

SEMANTIC_DIM = 768

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_NEEDED = ("*.json", "merges.txt", "model.safetensors", "model-*.safetensors")
_CACHE_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class ClipResult:
    """What CLIP says of S pictures."""

    semantic: FloatArray | None
    """[S, 768] unnormalised image embeddings; None where the model's have another size."""
    emotion: FloatArray
    """[S, 6] probabilities in the order of :data:`amt.types.EMOTIONS`."""


def find_clip(model: str | None = None) -> str | None:
    """The folder of a CLIP model whose weights are on this machine, or None.

    Nothing is downloaded, and ``torch`` is not imported.

    Args:
        model: a folder, or a name on the Hub; None takes :data:`CLIP_MODEL`.
    """
    folder = _local_folder(model or CLIP_MODEL)
    return str(folder) if folder is not None and _holds(folder, _WEIGHTS) else None


class ClipVision:
    """Frames to embeddings and emotions: :meth:`push` one a second in order, then :meth:`finish`.

    Args:
        model: a folder, or a name on the Hub; None takes :data:`CLIP_MODEL`.
        batch_size: pictures a forward pass.
        allow_download: fetch the weights from the Hub if they are not on this machine.
        device: where to run; None takes a GPU if there is one.
        dtype: ``float32`` or ``bfloat16``; None takes bfloat16 where the processor computes in it.

    Raises:
        WeightsError: the model is not on this machine, is no CLIP, or is damaged.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        batch_size: int = 8,
        allow_download: bool = False,
        device: str | None = None,
        dtype: str | None = None,
    ) -> None:
        name = model or CLIP_MODEL
        folder = find_clip(name) or (_fetch(name) if allow_download else None)
        if folder is None:
            raise WeightsError(_absence(name))
        clip, self._processor, words = _load(name, folder)
        self._device, self._dtype = _placement(device, dtype)
        # Only the tower is cast: bfloat16 would turn a logit scale of 100 into 98.9.
        self._logit_scale = float(clip.logit_scale.detach().exp())
        self._words = words.to(self._device)
        self._projection = clip.visual_projection.to(self._device)
        self._tower = clip.vision_model.to(device=self._device, dtype=self._dtype)
        self._batch_size = batch_size
        self._pending: list[NDArray[np.uint8]] = []
        self._embeddings: list[FloatArray] = []
        self._emotions: list[FloatArray] = []

    @property
    def frame_side(self) -> int:
        """Pixels of the shorter side at which the model wants pictures."""
        return _shorter_side(self._processor.size)

    def push(self, rgb: NDArray[np.uint8]) -> None:
        """Take the next picture, [h, w, 3] of any size; a full batch runs at once."""
        self._pending.append(rgb)
        if len(self._pending) >= self._batch_size:
            self._run()

    def finish(self) -> ClipResult:
        """What the model says of the pictures pushed since the last call, in order."""
        if self._pending:
            self._run()
        dim = self._projection.out_features
        semantic = np.concatenate([*self._embeddings, np.empty((0, dim))])
        emotion = np.concatenate([*self._emotions, np.empty((0, len(EMOTIONS)))])
        self._embeddings, self._emotions = [], []
        return ClipResult(semantic if dim == SEMANTIC_DIM else None, emotion)

    def _run(self) -> None:
        import torch

        # The layout is stated, or a picture three pixels high would be taken for channels first.
        inputs = self._processor(
            images=self._pending, return_tensors="pt", input_data_format="channels_last"
        )
        pixels = inputs["pixel_values"].to(device=self._device, dtype=self._dtype)
        with torch.inference_mode():
            pooled = self._tower(pixel_values=pixels).pooler_output
            embedding = self._projection(pooled.float())
            direction = torch.nn.functional.normalize(embedding, dim=-1)
            logits = self._logit_scale * direction @ self._words.T
            emotion = logits.double().softmax(dim=-1)
        self._embeddings.append(embedding.double().cpu().numpy())
        self._emotions.append(emotion.cpu().numpy())
        self._pending = []


def read_cache(video: Path, model: str | None = None) -> ClipResult | None:
    """What :func:`write_cache` kept for a clip with these bytes and this model, or None.

    A broken entry counts as none. The folder is ``$AMT_CACHE_DIR``, else ``$XDG_CACHE_HOME/amt``,
    else ``~/.cache/amt``.

    Args:
        video: the clip; its bytes are the key, not its name.
        model: as for :class:`ClipVision`.
    """
    try:
        # A file of our own keeps numpy from leaving one open when the archive is broken.
        with (
            _cache_path(video, model or CLIP_MODEL).open("rb") as file,
            np.load(file, allow_pickle=False) as data,
        ):
            semantic = data["semantic"] if "semantic" in data.files else None
            result = ClipResult(semantic, data["emotion"])
    except (OSError, ValueError, KeyError, EOFError, AttributeError):
        return None
    except (zipfile.BadZipFile, zlib.error, RuntimeError):  # the last for unknown compression
        return None
    return result if _is_sound(result) else None


def write_cache(video: Path, model: str | None, result: ClipResult) -> None:
    """Keep a result for :func:`read_cache`, whole or not at all.

    A cache that cannot be written (a full disk, a read-only home) is left unwritten in silence: the
    result itself is in the caller's hands.

    Args:
        video: the clip that was looked at.
        model: as for :class:`ClipVision`.
        result: one row a second.
    """
    arrays: dict[str, Any] = {"emotion": result.emotion}
    if result.semantic is not None:
        arrays["semantic"] = result.semantic
    with contextlib.suppress(OSError):
        path = _cache_path(video, model or CLIP_MODEL)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)


def _local_folder(name: str) -> Path | None:
    """Where a model's files lie on this machine, complete or not."""
    if (Path(name) / "config.json").is_file():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json", revision=_revision(name))
    except HFValidationError:  # a path that is not there is no name either
        return None
    return Path(config).parent if isinstance(config, str) else None


def _holds(folder: Path, files: tuple[str, ...]) -> bool:
    return any((folder / file).is_file() for file in files)


def _revision(name: str) -> str | None:
    return CLIP_REVISION if name == CLIP_MODEL else None


def _absence(name: str) -> str:
    """One sentence on why a model cannot be used from this machine, and what to do."""
    folder = _local_folder(name)
    if folder is None and Path(name).is_dir():
        return (
            f"The folder '{name}' holds no CLIP model (no config.json); name a folder saved by "
            "transformers with `--clip-model FOLDER`, or use the analytic backend."
        )
    if folder is not None and _holds(folder, _PICKLES):
        return (
            f"The CLIP model '{name}' is here only as a pickle ({folder / _PICKLES[0]}), which may "
            "run code and is not loaded; save it as model.safetensors with transformers' "
            "`save_pretrained`, next to its tokenizer and preprocessor files, and name that folder "
            "with `--clip-model FOLDER`."
        )
    if folder is not None:
        return (
            f"The CLIP model in '{folder}' lacks its weights (model.safetensors); fetch it again, "
            "or use the analytic backend."
        )
    revision = f" --revision {CLIP_REVISION}" if name == CLIP_MODEL else ""
    return (
        f"The CLIP model '{name}' is not on this machine; fetch it with "
        f"`hf download {name}{revision}`, name a folder that holds one as safetensors with "
        "`--clip-model FOLDER`, or use the analytic backend."
    )


def _fetch(name: str) -> str:
    """Download a model into the Hub's cache, without its pickles, and give its folder."""
    from huggingface_hub import snapshot_download

    try:
        with _quiet():
            folder = Path(
                snapshot_download(name, revision=_revision(name), allow_patterns=list(_NEEDED))
            )
    except Exception as error:  # the Hub's client passes on the errors of its transport
        raise WeightsError(
            f"The CLIP model '{name}' cannot be fetched ({type(error).__name__}); check its name "
            "and the network, or name a folder that holds one with `--clip-model FOLDER`."
        ) from error
    if not _holds(folder, _WEIGHTS):
        raise WeightsError(
            f"The CLIP model '{name}' is offered without model.safetensors, and pickles are not "
            "loaded; save it as safetensors with transformers' `save_pretrained` and name that "
            "folder with `--clip-model FOLDER`."
        )
    return str(folder)


def _load(name: str, folder: str) -> tuple[Any, Any, torch.Tensor]:
    """Model in float32, image processor, and the [6, projection] unit vectors of the emotions."""
    from transformers import CLIPModel, CLIPTokenizer

    try:
        kind = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))["model_type"]
        if kind != "clip":
            raise WeightsError(
                f"'{name}' is no CLIP but a model of type {kind!r}; "
                "name a CLIP model, or use the analytic backend."
            )
        options: dict[str, Any] = {"local_files_only": True}
        with _quiet():
            clip, report = CLIPModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **options
            )
            processor = _image_processor().from_pretrained(folder, **options)
            tokenizer = CLIPTokenizer.from_pretrained(folder, **options)
        # transformers fills in at random what a file lacks.
        if report["missing_keys"]:
            raise ValueError(f"{len(report['missing_keys'])} weights are missing")
        picture, seen = _picture_side(processor), clip.config.vision_config.image_size
        if picture != seen:
            raise ValueError(f"pictures of {picture} pixels for a model of {seen}")
        clip = clip.float().eval()
        return clip, processor, _embed_words(clip, tokenizer)
    except WeightsError:
        raise
    except Exception as error:  # transformers raises a dozen unrelated types on broken files
        raise WeightsError(
            f"The CLIP model '{name}' is damaged or incomplete and cannot be loaded "
            f"({type(error).__name__}); fetch it again, or use the analytic backend."
        ) from error


def _embed_words(clip: Any, tokenizer: Any) -> torch.Tensor:  # noqa: ANN401
    import torch

    tokens = tokenizer(list(EMOTIONS), padding=True, return_tensors="pt")
    with torch.inference_mode():
        embedding = clip.text_projection(clip.text_model(**tokens).pooler_output)
        return torch.nn.functional.normalize(embedding, dim=-1)


def _image_processor() -> Any:  # noqa: ANN401
    """The processor that resizes with Pillow, as CLIP was used for MuVi-Sync.

    transformers 5 keeps it under a name of its own and prefers torchvision where that is installed,
    which would make the features depend on what else a machine has.
    """
    import transformers

    return getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor


def _shorter_side(size: Any) -> int:  # noqa: ANN401
    """Pixels that a processor's ``size`` asks of the shorter side."""
    return int(size.get("shortest_edge") or min(size["height"], size["width"]))


def _picture_side(processor: Any) -> int:  # noqa: ANN401
    """Side of the square that a processor hands to the model."""
    if processor.do_center_crop:
        return int(processor.crop_size["height"])
    return _shorter_side(processor.size)


def _placement(device: str | None, dtype: str | None) -> tuple[str, torch.dtype]:
    """Device and number format; bfloat16 halves the time where the processor computes in it."""
    import torch

    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if dtype is not None:
        return chosen, {"float32": torch.float32, "bfloat16": torch.bfloat16}[dtype]
    if chosen.startswith("cuda"):
        native = torch.cuda.is_bf16_supported()
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return chosen, torch.bfloat16 if native else torch.float32


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
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


def _cache_path(video: Path, name: str) -> Path:
    with video.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    key = json.dumps([_CACHE_FORMAT, content, _identity(name), EMOTIONS])
    return _cache_folder() / "clip" / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"


def _cache_folder() -> Path:
    if own := os.environ.get("AMT_CACHE_DIR"):
        return Path(own)
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG base directory specification tells programs to ignore relative paths.
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "amt"


def _identity(name: str) -> list[str]:
    """Model and revision; the state of its files stands for the revision of a plain folder."""
    folder = _local_folder(name)
    if folder is None:
        return [name, _revision(name) or "main"]
    if folder != Path(name):  # the Hub's cache names a snapshot's folder after its commit
        return [name, folder.name]
    files = sorted(path for path in folder.iterdir() if path.is_file())
    states = [(path.name, path.stat()) for path in files]
    return [str(folder.resolve()), *(f"{n} {s.st_size} {s.st_mtime_ns}" for n, s in states)]


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside ``path`` that takes its place when all went well."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _is_sound(result: ClipResult) -> bool:
    emotion, semantic = result.emotion, result.semantic
    if emotion.dtype != np.float64 or emotion.ndim != 2 or emotion.shape[1] != len(EMOTIONS):
        return False
    if not np.allclose(emotion.sum(axis=1), 1) or (emotion < 0).any():
        return False
    if semantic is None:
        return True
    shape = (len(emotion), SEMANTIC_DIM)
    return bool(
        semantic.dtype == np.float64 and semantic.shape == shape and np.isfinite(semantic).all()
    )
