"""The report on the neural renderer as Markdown tables, and spectrograms as pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.common.tables import markdown, number, with_interval
from experiments.renderer.metrics import AUDIBLE_DB, Floats
from render.diffusion.mel import FRAME_RATE
from render.score import Note

MOST_F1_LOST = 0.05
MOST_REAL_TIME = 1.0
PICTURE_S = 6.0
_MOST_BYTES = 58_000
_COLOURS = (48, 32, 24, 20, 16, 12)
_COLUMNS = {
    "f1": "note F1", "f1_offsets": "with offsets", "f1_agreed": "same as the teacher's",
    "drum_f1": "drum onset F1", "band_f1": "note F1 of bands",
    "band_f1_agreed": "of bands, same as the teacher's",
    "mel": "log-mel L1, dB", "mel_audible": "audible log-mel L1, dB",
    "stft": "multi-resolution STFT", "loudness": "loudness error, dB",
}  # fmt: skip
_EMBEDDINGS = {"statistics": "log-mel statistics", "posteriors": "Basic Pitch posteriors"}


def text_of(report: Mapping[str, Any]) -> str:
    """All tables of what was measured."""
    parts = [
        _title(report),
        _figures(report["figures"]),
        _families(report["families"]),
        _times(report["times"]),
        _velocity(report["velocity"], report["main"]),
        _seams(report["seams"]),
        _frechet(report["frechet"]),
    ]
    if "speed" in report:
        parts.append(_speed(report["speed"]))
    return "\n\n".join([*parts, _targets(report)])


def _title(report: Mapping[str, Any]) -> str:
    return (
        f"Renderer ({report['weights']}) beside its teacher ({report['soundfont']}) on "
        f"{len(report['excerpts'])} excerpts of {report['excerpt_s']:g} s of held-out songs, "
        f"{report['songs']} of each family and as many bands of three, seed {report['seed']}; in "
        f"brackets 95 % intervals over excerpts of {report['bootstrap']} resamples. TimGM6mb and "
        "the baselines are brought to the teacher's level by one gain each."
    )


def _figures(figures: Mapping[str, Any]) -> str:
    scores = ("f1", "f1_offsets", "band_f1", "drum_f1")
    agreed = ("f1_agreed", "band_f1_agreed")
    distances = ("mel", "mel_audible", "stft", "loudness")
    rows = [[system, *(_cell(row[c]) for c in scores + agreed)] for system, row in figures.items()]
    gaps = [
        [system, *(_cell(row[f"{c}_gap"], signed=True) for c in scores)]
        for system, row in figures.items()
    ]
    far = [[system, *(_cell(row[c], 2) for c in distances)] for system, row in figures.items()]
    note_head, gap_head, far_head = (
        ["", *(_COLUMNS[c] for c in group)] for group in (scores + agreed, scores, distances)
    )
    return "\n\n".join(
        [
            "Notes that Basic Pitch finds in the rendering against those written (onset within "
            "50 ms; with offsets: the release too, within 50 ms or a fifth of the note), and "
            "onsets of drums by spectral flux. Where attacks are slow or voices many, Basic Pitch "
            "finds little of the score in anybody's playing; so the notes that it finds are also "
            "compared with those that it finds in the teacher's.",
            markdown(note_head, rows),
            "The same less what the teacher scores.",
            markdown(gap_head, gaps),
            "Distance to what the teacher plays. Audible: only where one of the two is within "
            f"{AUDIBLE_DB:g} dB of the excerpt's loudest band. Loudness: K-weighted, second by "
            "second.",
            markdown(far_head, far),
        ]
    )


def _families(families: Mapping[str, Any]) -> str:
    systems = list(next(iter(families.values())))
    parts = []
    for measure, title, digits in (
        ("notes", "F1 of notes by family (of drums: of onsets).", 2),
        ("f1_agreed", "F1 against the notes that are found in the teacher's playing.", 2),
        ("mel_audible", "Audible log-mel L1 by family, dB.", 1),
        ("loudness", "Loudness error by family, dB.", 1),
    ):
        rows = [
            [group, *(number(row[system][measure], digits) for system in systems)]
            for group, row in families.items()
        ]
        parts += [title, markdown(["", *systems], rows)]
    return "\n\n".join(parts)


def _times(times: Mapping[str, Any]) -> str:
    rows = [
        [
            system,
            *(
                f"{number(row[kind]['median'], 1)} ({number(row[kind]['late'], 1, signed=True)}; "
                f"{number(row[kind]['worst'], 0)}; {100 * row[kind]['missed']:.0f} %)"
                for kind in ("rise_ms", "fall_ms")
            ),
        ]
        for system, row in times.items()
    ]
    counts = next(iter(times.values()))
    title = (
        f"Time at which the sound rises at {counts['rise_ms']['notes']} isolated onsets and falls "
        f"at {counts['fall_ms']['notes']} isolated releases, of excerpts and velocity scales, "
        "against the teacher's: median size of the error in ms (median with its sign; ninth "
        "decile of sizes; share at which the sound does not rise by 6 dB or fall by 10)."
    )
    return f"{title}\n\n{markdown(['', 'onset', 'release'], rows)}"


def _velocity(velocity: Mapping[str, Any], main: str) -> str:
    systems = [s for s in velocity if s == main or not s.startswith("diffusion")]
    rows = [
        [
            family,
            *(
                f"{number(velocity[s][family]['rho'], 2)}, {number(velocity[s][family]['r'], 2)},"
                f" {number(velocity[s][family]['range_db'], 0)}"
                for s in systems
            ),
        ]
        for family in velocity[main]
    ]
    title = (
        "One note of each family at 11 velocities from 16 to 127: Spearman's rho of velocity and "
        "level, correlation of levels with the teacher's, range in dB."
    )
    return f"{title}\n\n{markdown(['', *systems], rows)}"


def _seams(seams: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{system}, {kind}",
            f"{row['at']:.2f}",
            f"{row['elsewhere']:.2f}",
            f"{row['at'] / row['elsewhere']:.2f}" if row["elsewhere"] else "-",
            _cell(row["percentile"], 1),
            _cell(row["of_teacher"], 1),
            f"{100 * row['extreme']:.1f} %",
        ]
        for system, kinds in seams.items()
        for kind, row in kinds.items()
    ]
    n = next(iter(seams.values()))["spectral"]["seams"]
    title = (
        f"Seams: change from frame to frame of the drawn spectrogram in dB (median) at the {n} "
        "places where windows join, and elsewhere; the teacher's at the same places, which are "
        "nothing to it. Percentile of a seam's among the other places of its own voice (50: like "
        "any other) and among the teacher's; share of seams above the teacher's 95th percentile."
    )
    header = ["", "at seams", "elsewhere", "ratio", "percentile", "among the teacher's", "extreme"]
    return f"{title}\n\n{markdown(header, rows)}"


def _frechet(frechet: Mapping[str, Mapping[str, float]]) -> str:
    systems = list(frechet["statistics"])
    rows = [[s, *(number(found[s], 2) for found in frechet.values())] for s in systems]
    title = (
        "Fréchet distance to the teacher's seconds, to be read beside the paired distances and "
        "never alone. Log-mel statistics: mean, deviation and change of 32 bands, an embedding "
        "nobody trained. Basic Pitch posteriors: mean of 88 onsets and 88 notes, which has "
        "pitch and no timbre; without drums. The teacher's halves are other songs on the same "
        "families of instruments."
    )
    return f"{title}\n\n{markdown(['', *(_EMBEDDINGS[name] for name in frechet)], rows)}"


def _speed(speed: Mapping[str, Any]) -> str:
    cost = speed["gflops"]
    rows = []
    for row in speed["rows"]:
        needed = cost["predictor"] + (row["steps"] - 1) * cost["step"]
        rows.append(
            [
                f"{row['steps']}", f"{row['threads']}", f"{row['networks']:.3f}",
                f"{row['sound']:.3f}", f"{row['networks'] + row['sound']:.3f}",
                f"{needed / speed['machine_gflops'][str(row['threads'])]:.3f}",
            ]
        )  # fmt: skip
    title = (
        f"Speed on {speed['device']}, of {speed['cores']} cores: seconds for a second of one bus "
        f"(best of {speed['runs']}). The predictor, which is the first step, takes "
        f"{cost['predictor']:.2f} GFLOP a second of sound and each further step "
        f"{cost['step']:.2f}; the floor is what they take at the speed of a large matrix product "
        "on it. Source and filter cost more where more notes sound."
    )
    return (
        f"{title}\n\n{markdown(['steps', 'threads', 'networks', 'sound', 'both', 'floor'], rows)}"
    )


def _targets(report: Mapping[str, Any]) -> str:
    """What is wanted of the diffusion, and whether it is reached."""
    main = report["main"]
    ours, velocity = report["figures"][main], report["velocity"][main]
    rows: list[list[Any]] = []
    for column in ("f1", "band_f1", "drum_f1"):
        gap = ours[f"{column}_gap"]
        wanted = f"at most {MOST_F1_LOST} below the teacher's"
        rows.append([_COLUMNS[column], wanted, _cell(gap, signed=True),
                     gap["figure"] >= -MOST_F1_LOST])  # fmt: skip
    rho = {family: row["rho"] for family, row in velocity.items()}
    least = min(rho, key=lambda family: rho[family])
    rows.append(["louder with velocity", "rho of at least 0.9 in every family",
                 f"{rho[least]:.2f} ({least})", rho[least] >= 0.9])  # fmt: skip
    for kind in ("spectral", "level"):
        at = report["seams"][main][kind]["of_teacher"]
        rows.append([f"{kind} jump at seams", "no higher than the teacher's elsewhere",
                     f"percentile {_cell(at, 1)}", at["interval"][0] <= 50])  # fmt: skip
    if "speed" in report:
        steps = int(main.split()[1])
        row = [row for row in report["speed"]["rows"] if row["steps"] == steps][-1]
        taken = row["networks"] + row["sound"]
        rows.append([f"real-time factor of a bus, {row['threads']} threads",
                     f"at most {MOST_REAL_TIME:g}", f"{taken:.3f}",
                     taken <= MOST_REAL_TIME])  # fmt: skip
    lines = [[*row[:3], "yes" if row[3] else "no"] for row in rows]
    return f"{main}:\n\n{markdown(['target', 'wanted', 'found', 'reached'], lines)}"


def _cell(found: Mapping[str, Any], digits: int = 3, *, signed: bool = False) -> str:
    return with_interval(found["figure"], found["interval"], digits, signed=signed)


# --- pictures ---------------------------------------------------------------------------------


def draw_spectrograms(
    spectrograms: Mapping[str, Floats], notes: Sequence[Note], title: str, path: Path
) -> None:
    """Draw the first :data:`PICTURE_S` seconds of renderings above each other, as a small PNG.

    Args:
        spectrograms: who plays -> [N_MELS, T] in dB; the first sets the scale of colours.
        notes: whose onsets are marked below each.
        title: of the picture.
        path: of the picture.
    """
    from matplotlib.figure import Figure
    from PIL import Image

    n_frames = round(PICTURE_S * FRAME_RATE)
    loudest = float(next(iter(spectrograms.values())).max())
    figure = Figure(figsize=(8, 1.9 * len(spectrograms)), layout="constrained")
    rows = figure.subplots(len(spectrograms), 1, sharex=True, squeeze=False)[:, 0]
    onsets = [note.start_s for note in notes if note.start_s < PICTURE_S]
    for axes, (name, mel) in zip(rows, spectrograms.items(), strict=True):
        axes.imshow(
            mel[:, :n_frames], origin="lower", aspect="auto", cmap="magma",
            vmin=loudest - AUDIBLE_DB, vmax=loudest, extent=(0, PICTURE_S, 0, len(mel)),
        )  # fmt: skip
        axes.plot(onsets, [-3] * len(onsets), "|", color="#2a7f62", markersize=5, clip_on=False)
        axes.set(ylabel="mel band", yticks=(0, 64, 128), ylim=(-6, len(mel)), xlim=(0, PICTURE_S))
        axes.set_title(name, fontsize=8, loc="left", pad=2)
    rows[-1].set(xlabel="seconds; note onsets are marked below")
    figure.suptitle(title, fontsize=9)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    picture = Image.open(drawn).convert("RGB")
    # Spectrograms are all texture, which only a small palette makes small: as many as fit.
    for n_colours in _COLOURS:
        packed = io.BytesIO()
        picture.quantize(n_colours).save(packed, format="PNG", optimize=True)
        if len(packed.getvalue()) <= _MOST_BYTES:
            break
    path.write_bytes(packed.getvalue())
