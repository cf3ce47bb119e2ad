"""Sound: in memory, as a stream of blocks, on disk; measured, limited, resampled, written.

Conventions: samples are float32 [channels, T] with full scale ±1; levels are in dB relative to full
scale (dBFS), loudness in LUFS (ITU-R BS.1770-4). A *block* is a piece of a sound, float32
[channels, L]; a *stream* is an iterable of blocks of any lengths. The result of a function on a
stream does not depend on where its blocks begin, time is linear in T, and memory is constant.
"""

from render.audio.blocks import Audio as Audio
from render.audio.blocks import Block as Block
from render.audio.blocks import Sound as Sound
from render.audio.disk_buffer import DiskBuffer as DiskBuffer
from render.audio.file import write_audio as write_audio
from render.audio.limiter import limit as limit
from render.audio.loudness import Loudness as Loudness
from render.audio.loudness import measure_loudness as measure_loudness
from render.audio.loudness import normalising_gain as normalising_gain
from render.audio.master import Master as Master
from render.audio.master import finish as finish
from render.audio.resample import Resampler as Resampler
