"""What the renderers are compared on, and who plays: networks, soundfonts and plain baselines.

An excerpt begins from silence and lets its last notes die away. Each of its voices is played alone
in mono, at 24 kHz, and the voices are mixed at the gains of their buses, whoever plays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import mido
import numpy as np
import torch
import torch.nn.functional as F
from scipy.signal import istft, stft

from amt.errors import InputError
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, ROLE, ROLES, VELOCITY
from data_prep.note_song import NoteSong
from experiments.renderer.data import LEAD_S, RendererData, Take, Teacher, drum_take, song_take
from experiments.renderer.metrics import Floats, Wave
from render.diffusion.buses import Bus, assign, gains
from render.diffusion.instruments import DRUM_PROGRAM, DRUMS, FAMILIES, Family
from render.diffusion.mel import HOP, SAMPLE_RATE, SILENCE, log_mel, padded
from render.diffusion.sampler import SamplerOptions, Spectra, sample
from render.diffusion.synthesize import SOUND_REACH, sound, synthesize_bus
from render.diffusion.weights import Renderer
from render.score import Note, Part

EXCERPT_S = 12.0
PIANO, BAND = "piano", "band"
TEACHER, CEILING, OTHER = "teacher", "filter on the teacher's mel", "TimGM6mb"
SINES, NOISE = "sines", "noise of the mean spectrum"
UNLEVELLED = (OTHER, SINES, NOISE)
"""Systems that nobody taught the teacher's level: one gain each brings them to it."""
_LAST_ONSET_S, _LAST_RELEASE_S = 1.5, 1.0
"""Before the end of an excerpt."""
_FEWEST_NOTES = 8
_TRIES = 5000
_DATA = {of_piano: RendererData(piano_share=float(of_piano)) for of_piano in (False, True)}
_BAND = {
    "melody": (105, ("woodwind", "lead", "strings", "brass", "piano")),
    "counter": (85, ("strings", "pad", "brass", "mallets and harp", "guitar")),
    "harmony": (90, ("piano", "guitar", "organ", "strings", "pad")),
}
"""Role -> volume and the families that may play it."""
_PARTIALS = 8


@dataclass(frozen=True, slots=True)
class Voice:
    """One part of an excerpt: what a bus plays."""

    take: Take
    volume: int = 100
    """Controller 7."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some seconds of music from silence on.

    Attributes:
        name: of the song and the instruments, for people.
        group: the family of its instrument, or :data:`BAND`.
        voices: what is played; of families that differ.
    """

    name: str
    group: str
    voices: tuple[Voice, ...]

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes of all voices in order."""
        return tuple(sorted(note for voice in self.voices for note in voice.take.notes))


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """What a player made of a take.

    Attributes:
        wave: [L] mono.
        mel: [N_MELS, T] the normalised spectrogram that was drawn, if one was.
    """

    wave: Wave
    mel: torch.Tensor | None = None


System = Callable[[Take, Wave, int], Sound]
"""(take, what the teacher made of it, number of the voice) -> the same length of sound.

Only the ceiling and the noise look at what the teacher played.
"""


# --- excerpts ---------------------------------------------------------------------------------


def draw_excerpts(
    corpora: Mapping[str, Sequence[NoteSong]], per_family: int, seed: int
) -> list[Excerpt]:
    """Excerpts of songs: as many for every family of instruments, and as many bands.

    Takes are drawn as for training (:mod:`experiments.renderer.data`), every other one from EMOPIA
    for the piano, whose music it is; bands play POP909's three voices.
    """
    excerpts = []
    for number, family in enumerate(FAMILIES):
        for index in range(per_family):
            rng = np.random.default_rng([seed, number, index])
            of_piano = family.name == PIANO and index % 2 and corpora.get("emopia")
            songs = corpora["emopia" if of_piano else "pop909"]
            excerpts.append(_solo(rng, songs, family))
    for index in range(per_family):
        rng = np.random.default_rng([seed, len(FAMILIES), index])
        excerpts.append(_band(rng, corpora["pop909"]))
    return excerpts


def velocity_scale(family: Family, seed: int) -> Take:
    """One note again and again, at velocities from 16 to 127 in an order drawn by the seed."""
    program = family.programs[0]
    middle = 38 if program == DRUM_PROGRAM else (family.lowest + family.highest) // 2
    velocities = np.random.default_rng(seed).permutation(np.rint(np.linspace(16, 127, 11)))
    notes = tuple(
        Note(0.2 + index, 0.7 + index, middle, int(velocity))
        for index, velocity in enumerate(velocities.tolist())
    )
    return Take(family, program, notes)


def _solo(rng: np.random.Generator, songs: Sequence[NoteSong], family: Family) -> Excerpt:
    for _ in range(_TRIES if songs else 0):
        if family.name == DRUMS:
            name, take = "loop", drum_take(rng, EXCERPT_S)
        else:
            song = songs[int(rng.integers(len(songs)))]
            name, take = song.name, song_take(rng, song, _DATA[family.name == PIANO], EXCERPT_S)
        take = _trimmed(take)
        # Takes are drawn until one is of the family.
        if take.family == family and len(take.notes) >= _FEWEST_NOTES:
            return Excerpt(f"{name}, program {take.program}", family.name, (Voice(take),))
    raise _too_short(len(songs))


def _band(rng: np.random.Generator, songs: Sequence[NoteSong]) -> Excerpt:
    """Melody, counter-melody and harmony of one passage on instruments of three families."""
    for _ in range(_TRIES if songs else 0):
        song = songs[int(rng.integers(len(songs)))]
        start_s = float(rng.uniform(0, max(_seconds(song)[-1] - EXCERPT_S, 0.0)))
        voices: list[Voice] = []
        for role, (volume, names) in _BAND.items():
            taken = [voice.take.family for voice in voices]
            free = [f for f in FAMILIES if f.name in names and f not in taken]
            family = free[int(rng.integers(len(free)))]
            program = int(rng.choice(family.programs))
            voices.append(Voice(_line(song, role, family, program, start_s), volume))
        if all(len(voice.take.notes) >= _FEWEST_NOTES for voice in voices):
            playing = ", ".join(str(voice.take.program) for voice in voices)
            return Excerpt(f"{song.name}, programs {playing}", BAND, tuple(voices))
    raise _too_short(len(songs))


def _too_short(n_songs: int) -> InputError:
    return InputError(
        f"none of {n_songs} held-out songs has {_FEWEST_NOTES} notes of each voice within "
        f"{EXCERPT_S:g} s: give the whole corpus"
    )


def _line(song: NoteSong, role: str, family: Family, program: int, start_s: float) -> Take:
    """What a voice of a song plays from a second on, by octaves within a family's range."""
    rows = song.notes[song.notes[:, ROLE] == list(ROLES).index(role)]
    clock = _seconds(song)
    begins, ends = (
        np.interp(at / RESOLUTION, np.arange(len(clock)), clock) - start_s
        for at in (rows[:, ONSET], rows[:, ONSET] + rows[:, DURATION])
    )
    up = -(-np.maximum(family.lowest - rows[:, PITCH], 0) // 12)
    down = -(-np.maximum(rows[:, PITCH] - family.highest, 0) // 12)
    columns = (begins, ends, rows[:, PITCH] + 12 * (up - down), rows[:, VELOCITY])
    notes = sorted(Note(*row) for row in zip(*(c.tolist() for c in columns), strict=True))
    take = Take(family, program, tuple(notes))
    # As a part, notes that octaves have laid on one another do not sound at once.
    return _trimmed(replace(take, notes=part_of(Voice(take)).notes))


def _seconds(song: NoteSong) -> Floats:
    """When each beat begins, and the last one ends: [B + 1]."""
    return np.concatenate([[0.0], np.cumsum(60 / song.tempo_bpm)])


def _trimmed(take: Take) -> Take:
    """Only the notes that begin within the excerpt, ended so that they can die away in it."""
    last = EXCERPT_S - _LAST_RELEASE_S
    return replace(
        take,
        notes=tuple(
            replace(note, end_s=min(note.end_s, last))
            for note in take.notes
            if 0 <= note.start_s <= EXCERPT_S - _LAST_ONSET_S
        ),
    )


def part_of(voice: Voice) -> Part:
    """A voice as a part of a file, with the notes of each pitch one after another."""
    take = voice.take
    is_drum = take.program == DRUM_PROGRAM
    controls = [
        (0.0, mido.Message("program_change", program=0 if is_drum else take.program)),
        (0.0, mido.Message("control_change", control=7, value=voice.volume)),
    ]
    part = Part(take.family.name, is_drum, take.notes, tuple(controls))
    return part.sustained(EXCERPT_S)


# --- players ----------------------------------------------------------------------------------


def play_voices(
    excerpt: Excerpt, teacher: Teacher, players: Mapping[str, System]
) -> dict[str, list[Sound]]:
    """What everybody makes of each voice; the teacher comes first."""
    made: dict[str, list[Sound]] = {TEACHER: [], **{name: [] for name in players}}
    for number, voice in enumerate(excerpt.voices):
        true = teacher_wave(teacher, voice.take)
        made[TEACHER].append(Sound(true))
        for name, player in players.items():
            made[name].append(player(voice.take, true, number))
    return made


def mixed(excerpt: Excerpt, sounds: Sequence[Sound]) -> Wave:
    """The voices of an excerpt together in mono, at the gains of their buses."""
    buses, _ = assign([part_of(voice) for voice in excerpt.voices])
    # All stand in the middle, so left is right.
    return np.asarray(
        sum(
            gains(bus, 0, len(sound.wave))[0] * sound.wave
            for bus, sound in zip(buses, sounds, strict=True)
        ),
        np.float32,
    )


def teacher_wave(teacher: Teacher, take: Take) -> Wave:
    """What a teacher plays of a take, from its beginning on: [EXCERPT_S · SAMPLE_RATE]."""
    length = round(EXCERPT_S * SAMPLE_RATE)
    return teacher.play(take, EXCERPT_S)[round(LEAD_S * SAMPLE_RATE) :][:length]


def by_teacher(teacher: Teacher) -> System:
    """Plays on another soundfont."""
    return lambda take, _true, _number: Sound(teacher_wave(teacher, take))


def by_filter(renderer: Renderer) -> System:
    """Filters the source to what the teacher played: what a perfect predictor would reach."""

    def play(take: Take, true: Wave, number: int) -> Sound:
        bus, n_frames = bus_of(take), -(-len(true) // HOP) + 2 * SOUND_REACH
        device = device_of(renderer)
        mel = log_mel(padded(torch.from_numpy(true)[None].to(device)))[0]
        drawn = sample(renderer, bus.notes, -SOUND_REACH, n_frames, SamplerOptions(), number)
        asked = Spectra(F.pad(mel, (SOUND_REACH, SOUND_REACH), value=SILENCE), drawn.noise)
        return Sound(sound(bus, renderer, asked, -SOUND_REACH, number).numpy()[: len(true)])

    return play


def by_diffusion(renderer: Renderer, options: SamplerOptions) -> System:
    """Plays a take as a bus is rendered."""

    def play(take: Take, true: Wave, number: int) -> Sound:
        bus = bus_of(take)
        mel = sample(renderer, bus.notes, 0, -(-len(true) // HOP), options, number).mel
        blocks = [block[0] for block in synthesize_bus(bus, renderer, options, number)]
        wave = np.concatenate(blocks)[: len(true)]
        return Sound(np.pad(wave, (0, len(true) - len(wave))), mel.cpu())

    return play


def on_device(renderer: Renderer, name: str) -> Renderer:
    """The networks on ``cpu`` or ``cuda``.

    Raises:
        InputError: there is no such device here.
    """
    try:
        return Renderer(renderer.predictor.to(name), renderer.denoiser.to(name))
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"there is no device {name!r} here: choose cpu or cuda") from error


def device_of(renderer: Renderer) -> torch.device:
    """What the networks run on."""
    return next(renderer.denoiser.parameters()).device


def bus_of(take: Take) -> Bus:
    """The bus of a take, at the volume of training."""
    (bus,), _ = assign([part_of(Voice(take))])
    return bus


def by_sines(take: Take, true: Wave, _number: int) -> Sound:
    """Eight falling partials a note that die away; of drums, bursts of noise.

    Amplitude is velocity's square, as General MIDI level 2 has it.
    """
    rng = np.random.default_rng(0)
    wave = np.zeros(len(true))
    for note in take.notes:
        start = round(note.start_s * SAMPLE_RATE)
        held = note.end_s - note.start_s
        at = np.arange(min(round((held + 0.2) * SAMPLE_RATE), len(wave) - start)) / SAMPLE_RATE
        if take.program == DRUM_PROGRAM:
            tone = rng.normal(size=len(at)) * np.exp(-at / 0.05)
        else:
            pitch_hz = 440 * 2 ** ((note.pitch - 69) / 12)
            partials = [k for k in range(1, _PARTIALS + 1) if k * pitch_hz < SAMPLE_RATE / 2]
            waves = [np.sin(2 * np.pi * k * pitch_hz * at) / k for k in partials]
            tone = np.sum(waves, axis=0)
            tone = tone * np.exp(-at) * np.minimum(at / 0.01, 1)
            tone = tone * np.exp(-np.maximum(at - held, 0) / 0.05)
        wave[start : start + len(at)] += 0.05 * (note.velocity / 127) ** 2 * tone
    return Sound(wave.astype(np.float32))


def by_noise(_take: Take, true: Wave, number: int) -> Sound:
    """Noise that never changes, of the mean power spectrum of what the teacher played."""
    white = np.random.default_rng(number).normal(size=len(true))
    _, _, theirs = stft(true, SAMPLE_RATE, nperseg=1024)
    _, _, ours = stft(white, SAMPLE_RATE, nperseg=1024)
    shape = np.sqrt((np.abs(theirs) ** 2).mean(axis=1) / (np.abs(ours) ** 2).mean(axis=1))
    _, wave = istft(ours * shape[:, None], SAMPLE_RATE, nperseg=1024)
    return Sound(np.asarray(wave[: len(true)], np.float32))


def louder(player: System, gain_db: float) -> System:
    """The same player at another level."""
    factor = np.float32(10 ** (gain_db / 20))
    return lambda take, true, number: Sound(player(take, true, number).wave * factor)
