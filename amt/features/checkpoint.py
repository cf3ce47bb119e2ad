"""Tensors from PyTorch's own files (``pytorch_model.bin``), without running what is in them.

Such a file is a pickle, and a pickle is a program: unpickled as usual, it may run anything. So

1. its opcodes are read, which runs nothing, and the functions and classes that it names must be
   those of :data:`_ALLOWED`, by which PyTorch writes tensors;
2. ``torch.load(weights_only=True)`` reads it, in a PyTorch whose known holes are closed
   (:data:`SAFE_TORCH`);
3. what comes out must be a flat ``dict`` of names and dense tensors.

Both kinds of file are read: the archive of PyTorch 1.6 and newer, and the stream of pickles before
it. ``torch`` is imported only when tensors are read.
"""

from __future__ import annotations

import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from amt.errors import WeightsError, shown

if TYPE_CHECKING:
    import torch

SAFE_TORCH = (2, 10)
"""Before 2.6 a file could run code in spite of ``weights_only=True`` (CVE-2025-32434), before 2.10
it could write out of bounds (CVE-2026-24747)."""

_ALLOWED = re.compile(
    r"collections\.OrderedDict"
    r"|torch\._utils\._rebuild_(tensor|tensor_v2|parameter)"
    r"|torch\.(Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage"
)
_OWN_NAMES = {
    "posix": "os", "nt": "os", "__builtin__": "builtins", "commands": "subprocess",
}  # fmt: skip
"""Modules that a pickle names as Python knows them inside or once did, as people know them."""
_LEGACY_PICKLES = 5
"""Magic number, version, byte order, the object itself, and the keys of its storages."""
_PICKLE_BYTES = 1 << 26
"""No list of a model's tensors is longer; the numbers themselves lie outside of the pickle."""
_BROKEN = (ValueError, KeyError, IndexError, EOFError, OSError, RuntimeError, zipfile.BadZipFile)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a file by their names, each dense and with memory of its own.

    Args:
        path: what ``torch.save`` made of a ``dict`` of tensors.

    Raises:
        WeightsError: PyTorch is too old, or the file is damaged, wants to run something, or holds
            anything but tensors.
    """
    check_torch()
    check_pickle(path)
    import torch

    try:
        with warnings.catch_warnings():  # of formats that are refused right after
            warnings.simplefilter("ignore")
            # Only an archive can be mapped, which spares a second copy of all weights.
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_archive(path))
        return _dense(path, found)
    except WeightsError:
        raise
    except Exception as error:  # PyTorch raises whatever its parser met
        raise WeightsError(_damage(path, type(error).__name__)) from error


def check_torch() -> None:
    """See that this PyTorch reads foreign files safely.

    Raises:
        WeightsError: it is older than :data:`SAFE_TORCH`.
    """
    try:
        installed = version("torch")
    except PackageNotFoundError:
        installed = "0"
    found = tuple(int(part) for part in re.findall(r"\d+", installed)[:2])
    if found < SAFE_TORCH:
        needed = ".".join(map(str, SAFE_TORCH))
        raise WeightsError(
            f"Weights in PyTorch's own format are read with PyTorch {needed} or newer only, since "
            f"in older ones such a file can run code, and this is {installed}; install it with "
            f'`pip install --upgrade "torch>={needed}"`, or take a model with model.safetensors.'
        )


def check_pickle(path: Path) -> None:
    """See that a file names only what tensors are made of; nothing of it is run.

    Raises:
        WeightsError: it wants to run something else, or is damaged.
    """
    try:
        for stream in _pickles(path):
            for name in _names(stream):
                if not _ALLOWED.fullmatch(name):
                    raise WeightsError(_wish(path, name))
    except _BROKEN as error:
        raise WeightsError(_damage(path, type(error).__name__)) from error


def _pickles(path: Path) -> Iterator[IO[bytes]]:
    """Every pickle of a file, each ready to be read from its beginning."""
    if not _is_archive(path):
        with path.open("rb") as file:
            for _ in range(_LEGACY_PICKLES):  # each is read up to its end before the next
                yield file
        return
    with zipfile.ZipFile(path) as archive:
        found = [info for info in archive.infolist() if info.filename.endswith(".pkl")]
        if not any(info.filename.endswith("/data.pkl") for info in found):
            raise ValueError("an archive without data.pkl")
        for info in found:
            if info.file_size > _PICKLE_BYTES:
                raise ValueError("an endless pickle")
            with archive.open(info) as file:
                yield file


def _is_archive(path: Path) -> bool:
    # The same test as torch.load's, or the two could read one file in two ways.
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _names(stream: IO[bytes]) -> Iterator[str]:
    """What a pickle imports, as ``module.name``."""
    texts, memo, latest = ["", ""], dict[int, str](), ""
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".", 1)
        elif opcode.name == "STACK_GLOBAL":  # of protocol 4, which torch.load refuses in any case
            yield ".".join(texts[-2:])
        elif opcode.name.startswith("EXT"):
            yield f"copyreg extension {argument}"
        elif "PUT" in opcode.name or opcode.name == "MEMOIZE":
            memo[len(memo) if argument is None else argument] = latest
            continue
        elif "GET" in opcode.name:
            argument = memo.get(int(argument or 0), "")
        latest = argument if isinstance(argument, str) else ""
        if latest:
            texts.append(latest)


def _dense(path: Path, found: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    """The same tensors, none of which shares memory with another; safetensors knows no sharing."""
    import torch

    if not isinstance(found, dict) or not found:
        raise WeightsError(_foreign(path, type(found).__name__))
    tensors: dict[str, torch.Tensor] = {}
    storages = set()
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            kind = type(tensor).__name__
            raise WeightsError(_foreign(path, f"{str(name)[:40]!r} of type {kind}"))
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            raise WeightsError(_foreign(path, f"{name[:40]!r}, which is not dense"))
        plain = tensor.detach().contiguous()
        place = plain.untyped_storage().data_ptr()
        tensors[name] = plain.clone() if place in storages else plain
        storages.add(place)
    return tensors


def _damage(path: Path, reason: str) -> str:
    return (
        f"'{shown(path)}' is damaged or no file of PyTorch weights ({reason}); fetch it again, "
        "or use the "
        "analytic backend."
    )


def _wish(path: Path, name: str) -> str:
    module, _, rest = name.partition(".")
    wanted = f"{_OWN_NAMES.get(module, module)}.{rest}"[:80]
    return (
        f"'{shown(path)}' is refused: it is a pickle that wants to run {wanted}, and weights "
        "need no more "
        "than tensors; take the model from its publisher, or as model.safetensors."
    )


def _foreign(path: Path, found: str) -> str:
    return (
        f"'{shown(path)}' is refused: weights are names with tensors, and it holds {found}; take "
        "the "
        "model from its publisher, or as model.safetensors."
    )
