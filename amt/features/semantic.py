"""Meaning and mood of pictures from CLIP (Radford et al. 2021), as Video2Music takes them.

* semantic: the image embedding as the projection gives it, not normalised;
* emotion: softmax of the image-text logits, with the model's own logit scale, over the six bare
  words of :data:`amt.types.EMOTIONS`.

The composer's semantic input is defined for ``openai/clip-vit-large-patch14-336``, whose embedding
has 768 numbers. Another CLIP may be named for speed: if its embedding has another size, only the
emotion is used. Weights are taken from a folder or from the Hub's cache on this machine; they are
fetched only where the caller allows it. ``torch`` and ``transformers`` are imported only here, when
a :class:`ClipVision` is made.
"""

from __future__ import annotations

import contextlib
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
    from transformers import BatchEncoding

DEFAULT_MODEL = "openai/clip-vit-large-patch14-336"
DEFAULT_REVISION = "ce19dc912ca5cd21c8a653c79e251e808ccabcd1"
SEMANTIC_SIZE = 768
BATCH = 8
"""Pictures a forward pass: enough to keep the cores busy, few enough to hold in memory."""
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json")


@dataclass(frozen=True, slots=True, eq=False)
class ClipView:
    """What CLIP says of n pictures."""

    semantic: FloatArray | None
    """[n, 768] unnormalised image embeddings; None where the model's have another size."""
    emotion: FloatArray
    """[n, 6] probabilities in the order of :data:`amt.types.EMOTIONS`."""


def find_clip(model: str | None = None) -> Path | None:
    """The folder of a CLIP model's files on this machine, or None; nothing is downloaded.

    Args:
        model: a folder, or a name on the Hub; None takes :data:`DEFAULT_MODEL`.
    """
    name = model or DEFAULT_MODEL
    if (Path(name) / "config.json").is_file():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json", revision=_revision(name))
    except HFValidationError:  # a path that is not there is no name either
        return None
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if any((folder / file).exists() for file in _WEIGHT_FILES) else None


class ClipVision:
    """Looks at pictures in batches, one :meth:`push` each, then :meth:`finish`.

    Args:
        model: a folder, or a name on the Hub; None takes :data:`DEFAULT_MODEL`.
        allow_download: fetch the weights from the Hub if they are not on this machine.
        device: where to run; None takes a GPU if there is one.

    Raises:
        WeightsError: the model is not on this machine, is no CLIP, or cannot be loaded.
    """

    def __init__(
        self, model: str | None = None, *, allow_download: bool = False, device: str | None = None
    ) -> None:
        name = model or DEFAULT_MODEL
        folder = find_clip(name)
        if folder is None and not allow_download:
            raise WeightsError(
                f"The CLIP model '{name}' is not on this machine; fetch it with "
                f"`hf download {name}{_revision_flag(name)}`, name a folder that holds it, "
                "or use the analytic backend."
            )
        self._model, self._processor, words = _load(name, folder)
        self._device, self._dtype = _placement(device)
        self._model.to(device=self._device, dtype=self._dtype).eval()
        self._words = self._embed_words(words)
        self._pending: list[NDArray[np.uint8]] = []
        self._embeddings: list[FloatArray] = []
        self._emotions: list[FloatArray] = []

    @property
    def frame_side(self) -> int:
        """Pixels of the shorter side at which the model sees a picture."""
        return int(self._model.config.vision_config.image_size)

    def push(self, rgb: NDArray[np.uint8]) -> None:
        """Take a picture [h, w, 3]; every :data:`BATCH` pictures the model runs."""
        self._pending.append(rgb)
        if len(self._pending) == BATCH:
            self._run()

    def finish(self) -> ClipView:
        """What the model says of the pictures since the last call, in order."""
        if self._pending:
            self._run()
        size = self._model.config.projection_dim
        embeddings = np.concatenate([*self._embeddings, np.empty((0, size))])
        emotion = np.concatenate([*self._emotions, np.empty((0, len(EMOTIONS)))])
        self._embeddings, self._emotions = [], []
        return ClipView(embeddings if size == SEMANTIC_SIZE else None, emotion)

    def _run(self) -> None:
        import torch

        inputs = self._processor(images=self._pending, return_tensors="pt")
        pixels = inputs["pixel_values"].to(device=self._device, dtype=self._dtype)
        with torch.inference_mode():
            seen = self._model.vision_model(pixel_values=pixels).pooler_output
            embedding = self._model.visual_projection(seen).float()
            direction = torch.nn.functional.normalize(embedding, dim=-1)
            logits = self._model.logit_scale.float().exp() * direction @ self._words.T
            emotion = logits.double().softmax(dim=-1)
        self._embeddings.append(embedding.double().cpu().numpy())
        self._emotions.append(emotion.cpu().numpy())
        self._pending = []

    def _embed_words(self, words: BatchEncoding) -> torch.Tensor:
        """[6, projection] unit vectors of the emotions' names."""
        import torch

        with torch.inference_mode():
            read = self._model.text_model(**words.to(self._device)).pooler_output
            return torch.nn.functional.normalize(self._model.text_projection(read).float(), dim=-1)


def _load(name: str, folder: Path | None) -> tuple[Any, Any, BatchEncoding]:
    """Model, image processor, and the tokens of the six emotions."""
    from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

    source = name if folder is None else str(folder)
    revision = _revision(name) if folder is None else None
    options: dict[str, Any] = {"local_files_only": folder is not None, "revision": revision}
    try:
        with _quiet():
            model = CLIPModel.from_pretrained(source, **options)
            processor = AutoImageProcessor.from_pretrained(source, **options)
            tokenizer = AutoTokenizer.from_pretrained(source, **options)
    except Exception as error:  # transformers raises a dozen unrelated types on broken files
        raise WeightsError(
            f"The CLIP model '{name}' cannot be loaded ({type(error).__name__}); "
            "give a complete CLIP folder or Hub name, or use the analytic backend."
        ) from error
    words = tokenizer(list(EMOTIONS), padding=True, return_tensors="pt")
    return model, processor, words


def _placement(device: str | None) -> tuple[str, torch.dtype]:
    """Device and number format; bfloat16 halves the time where the processor computes in it."""
    import torch

    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if chosen.startswith("cuda"):
        has_bfloat16 = torch.cuda.is_bf16_supported()
    else:
        has_bfloat16 = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return chosen, torch.bfloat16 if has_bfloat16 else torch.float32


def _revision(name: str) -> str | None:
    return DEFAULT_REVISION if name == DEFAULT_MODEL else None


def _revision_flag(name: str) -> str:
    return f" --revision {DEFAULT_REVISION}" if name == DEFAULT_MODEL else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' own progress bars and load reports off stderr."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
