"""Meaning and mood of pictures from CLIP (Radford et al. 2021), as Video2Music takes them.

* semantic: the image embedding as the projection gives it, not normalised;
* emotion: softmax of the image-text logits, with the model's own logit scale, over the six bare
  words of :data:`amt.types.EMOTIONS`.

The composer's semantic input is defined for :data:`CLIP_MODEL`, whose embedding has 768 numbers.
Another CLIP may be named for speed: if its embedding has another size, only the emotion is used.
:mod:`amt.features.clip_weights` finds the weights. ``torch`` and
``transformers`` are imported only when a :class:`ClipVision` is made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from amt.errors import WeightsError, shown
from amt.features.clip_weights import (
    CLIP_MODEL,
    NEAR_CLIP_MODEL,
    ClipFiles,
    absence,
    clip_files,
    fetch,
    loadable,
    quiet,
)
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import EMOTIONS, FloatArray, ImageArray

if TYPE_CHECKING:
    import torch

SEMANTIC_DIM = 768
"""Width of the image embeddings of :data:`CLIP_MODEL`."""
DTypeName = Literal["float32", "bfloat16", "float16"]

_BATCH_BYTES = 1 << 30
"""Bytes that the activations of a batch may take on a CPU: nine pictures of the largest CLIP. Each
pass lays out all weights anew, so small batches are slow: one picture at a time took four times
as long as eight in bfloat16."""
_MAX_BATCH = {"cpu": 16, "mps": 16, "cuda": 64}


@dataclass(frozen=True, slots=True, eq=False)
class ClipResult:
    """Embeddings and emotions of S pictures."""

    semantic: FloatArray | None
    """[S, 768] unnormalised image embeddings; None where the model's have another size."""
    emotion: FloatArray
    """[S, 6] probabilities in the order of :data:`amt.types.EMOTIONS`."""


class ClipVision:
    """Frames to embeddings and emotions: :meth:`push` one a second in order, then :meth:`finish`.

    Where memory runs out, batches get smaller; where it does on a GPU with a single picture, the
    processor takes over.

    Args:
        model: a folder, or a name on the Hub; None takes :data:`CLIP_MODEL`, else, where only that
            is on this machine, :data:`NEAR_CLIP_MODEL`.
        batch_size: pictures a forward pass; None goes by the memory that is free.
        allow_download: fetch the weights from the Hub if they are not on this machine.
        device: where to run; None takes a GPU if there is one.
        dtype: number format of the vision transformer; None takes float16 on a CUDA GPU, as CLIP
            was published, and bfloat16 on a processor that computes in it.
        reporter: gets one sentence where weights are fetched or converted.

    Raises:
        WeightsError: the model is not on this machine, is no CLIP, is damaged or unsafe, or does
            not fit into memory.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        batch_size: int | None = None,
        allow_download: bool = False,
        device: str | None = None,
        dtype: DTypeName | None = None,
        reporter: Reporter = DEFAULT_REPORTER,
    ) -> None:
        self.files = _obtain(model, allow_download, reporter)
        """Where the model came from."""
        clip, self._processor, words = _load(self.files, loadable(self.files, reporter))
        # Only the tower is cast: bfloat16 would turn a logit scale of 100 into 98.9.
        self._logit_scale = float(clip.logit_scale.detach().exp())
        self._words, self._projection, self._tower = (
            words,
            clip.visual_projection,
            clip.vision_model,
        )
        self._place(device or _device(), dtype)
        self._batch_size = batch_size or _batch_size(clip.config.vision_config, self._device)
        self.reset()

    def reset(self) -> None:
        """Forget the pictures that were pushed, as when a run was interrupted."""
        self._pending: list[ImageArray] = []
        self._embeddings: list[FloatArray] = []
        self._emotions: list[FloatArray] = []

    @property
    def frame_side(self) -> int:
        """Pixels of the shorter side of the pictures that the model takes."""
        return _shorter_side(self._processor.size)

    def push(self, rgb: ImageArray) -> None:
        """Take the next picture, [h, w, 3] of any size; a full batch runs at once."""
        self._pending.append(rgb)
        if len(self._pending) >= self._batch_size:
            self._run()

    def finish(self) -> ClipResult:
        """Embeddings and emotions of the pictures pushed since the last call, in order."""
        self._run()
        dim = self._projection.out_features
        semantic = np.concatenate([*self._embeddings, np.empty((0, dim))])
        emotion = np.concatenate([*self._emotions, np.empty((0, len(EMOTIONS)))])
        self._embeddings, self._emotions = [], []
        return ClipResult(semantic if dim == SEMANTIC_DIM else None, emotion)

    def _run(self) -> None:
        """Run the model on all pending pictures, batch by batch."""
        while self._pending:
            batch = self._pending[: self._batch_size]
            try:
                embedding, emotion = self._forward(batch)
            except (RuntimeError, MemoryError) as error:
                self._need_less(error)
                continue
            self._embeddings.append(embedding)
            self._emotions.append(emotion)
            del self._pending[: len(batch)]

    def _forward(self, pictures: list[ImageArray]) -> tuple[FloatArray, FloatArray]:
        """Embeddings [S, projection] and emotions [S, 6] of pictures [h, w, 3]."""
        import torch

        # The layout is stated, or a picture three pixels high would be taken for channels first.
        inputs = self._processor(
            images=pictures, return_tensors="pt", input_data_format="channels_last"
        )
        pixels = inputs["pixel_values"].to(device=self._device, dtype=self._dtype)
        with torch.inference_mode():
            pooled = self._tower(pixel_values=pixels).pooler_output
            embedding = self._projection(pooled.float())
            direction = torch.nn.functional.normalize(embedding, dim=-1)
            logits = self._logit_scale * direction @ self._words.T
            emotion = logits.cpu().double().softmax(dim=-1)  # Apple's GPUs have no doubles
        return embedding.cpu().double().numpy(), emotion.numpy()

    def _place(self, device: str, dtype: str | None) -> None:
        """Move the model to a device, or to the processor if the device has no room."""
        import torch

        self._device, self._dtype = device, getattr(torch, dtype or _dtype(device))
        try:
            self._words = self._words.to(device)
            self._projection = self._projection.to(device)
            self._tower = self._tower.to(device=device, dtype=self._dtype)
        except RuntimeError as error:
            if device == "cpu" or not _is_memory(error):
                raise
            self._place("cpu", None)

    def _need_less(self, error: Exception) -> None:
        """Halve the batch after memory ran out, or leave the GPU; raise any other error."""
        import torch

        if not _is_memory(error):
            raise error
        if self._batch_size > 1:
            self._batch_size //= 2
        elif self._device != "cpu":
            self._place("cpu", None)
        else:
            raise WeightsError(
                f"The CLIP model '{self.files.name}' does not fit into the memory that is free; "
                "name a smaller one with `clip_model`, or use the analytic backend."
            ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _obtain(model: str | None, allow_download: bool, reporter: Reporter) -> ClipFiles:
    """The files of the model that is meant, fetched if that is allowed."""
    name = model or CLIP_MODEL
    files = clip_files(name)
    if files is None and allow_download:
        files = fetch(name, reporter)
    if files is None and model is None:
        files = clip_files(NEAR_CLIP_MODEL)
    if files is None:
        raise WeightsError(absence(name))
    return files


def _load(files: ClipFiles, folder: Path) -> tuple[Any, Any, torch.Tensor]:
    """Model in float32, image processor, and the [6, projection] unit vectors of the emotions.

    Args:
        files: of the model; its tokenizer and its processor are read there.
        folder: settings and weights as safetensors.
    """
    from transformers import CLIPModel, CLIPTokenizer

    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
        if kind != "clip":
            raise WeightsError(
                f"'{shown(files.name)}' is no CLIP but a model of type {str(kind)[:40]!r}; "
                "name a CLIP model, or use the analytic backend."
            )
        options: dict[str, Any] = {"local_files_only": True}
        with quiet():
            clip, report = CLIPModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **options
            )
            processor = _image_processor().from_pretrained(files.folder, **options)
            tokenizer = CLIPTokenizer.from_pretrained(files.folder, **options)
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
            f"The CLIP model '{shown(files.name)}' is damaged or incomplete and cannot be loaded "
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
    """Pixels of the shorter side by a processor's ``size``."""
    return int(size.get("shortest_edge") or min(size["height"], size["width"]))


def _picture_side(processor: Any) -> int:  # noqa: ANN401
    """Side of the square that a processor hands to the model."""
    if processor.do_center_crop:
        return int(processor.crop_size["height"])
    return _shorter_side(processor.size)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _dtype(device: str) -> DTypeName:
    import torch

    if device.startswith("cuda"):
        return "float16"
    # bfloat16 halves the time where the processor computes in it.
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if device == "cpu" and native else "float32"


def _batch_size(config: Any, device: str) -> int:  # noqa: ANN401
    """Pictures whose activations fit well into the memory that is free."""
    import torch

    tokens: int = (config.image_size // config.patch_size) ** 2 + 1
    numbers: int = 20 * config.hidden_size + 3 * config.num_attention_heads * tokens
    room, kind = _BATCH_BYTES, device.split(":")[0]
    if kind == "cuda":
        room = torch.cuda.mem_get_info(device)[0] // 2
    return max(1, min(room // (4 * tokens * numbers), _MAX_BATCH.get(kind, 1)))


def _is_memory(error: Exception) -> bool:
    """Whether memory ran out; on a CPU PyTorch raises a RuntimeError that says so in its text."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(words in str(error).lower() for words in ("allocate memory", "out of memory"))
