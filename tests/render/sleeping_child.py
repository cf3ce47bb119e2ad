"""A process that takes a request and never answers."""

import time
from collections.abc import Iterator

from render.soundfont.isolation import serve


def answer(contents: list[bytes]) -> Iterator[bytes]:
    time.sleep(3600)
    yield b""


if __name__ == "__main__":
    serve(answer)
