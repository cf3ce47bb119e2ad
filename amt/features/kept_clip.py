"""A CLIP model that stays loaded from clip to clip, for programs that look at many."""

from __future__ import annotations

from amt.features.clip_weights import clip_files
from amt.features.semantic import ClipVision
from amt.reporter import DEFAULT_REPORTER, Reporter

_State = tuple[tuple[str, int, int], ...]


class KeptClip:
    """Opens CLIP models as :class:`ClipVision` does, and keeps the last one until its files change.

    Only one is kept, as one may take gigabytes.
    """

    def __init__(self) -> None:
        self._state: _State = ()
        self._vision: ClipVision | None = None

    def __call__(
        self,
        model: str | None = None,
        *,
        allow_download: bool = False,
        reporter: Reporter = DEFAULT_REPORTER,
    ) -> ClipVision:
        """The model, loaded anew only where it has to be; arguments and errors are its own."""
        state = _state(model)
        if self._vision is not None and state and state == self._state:
            self._vision.reset()
            return self._vision
        self._vision = None  # two may be more than memory holds
        self._vision = ClipVision(model, allow_download=allow_download, reporter=reporter)
        self._state = _state(model)
        return self._vision


def _state(model: str | None) -> _State:
    """Paths, sizes and times of change of a model's weights; empty where they are not here."""
    files = clip_files(model)
    states = [(path, path.stat()) for path in files.weights] if files else []
    return tuple((str(path), state.st_size, state.st_mtime_ns) for path, state in states)
