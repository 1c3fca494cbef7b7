"""Predictions that give a class to each row of an object (voxels, hits): what a report needs of them, in bounded memory.

Such a file has scores [R, K], label [R] and weight [R] with a row for each labelled row; rows offsets[i] to
offsets[i + 1] - 1 are of event i; inputs/<feature> [R] are features as they are stored, usually coordinates.
"""

from dataclasses import dataclass, field

import h5py
import numpy as np

VALUES_AT_ONCE = 1 << 22  # scores in memory
NUM_DISPLAYS = 3


class PredictionError(ValueError):
    """What does not fit together in a file of predictions, with the value and what was expected."""


@dataclass
class EventDisplay:
    """The rows of one event: where they are, what they are and what they were taken for."""

    sample_id: int
    coordinates: np.ndarray  # [n, 3]
    label: np.ndarray  # [n]
    found: np.ndarray  # [n]

    def num_wrong(self):
        return int(np.sum(self.label != self.found))


@dataclass
class Segmentation:
    """Sums over all rows, by true and found class, and a few events in full."""

    weights: np.ndarray  # [K, K]
    counts: np.ndarray  # [K, K]
    coordinate_names: list = field(default_factory=list)
    displays: list = field(default_factory=list)

    def percentages(self):
        """[K, K]: share of the weight of a true class that was taken for each class; NaN for a class without weight."""
        of_class = self.weights.sum(1, keepdims=True)
        return 100 * np.divide(self.weights, of_class, out=np.full_like(self.weights, np.nan), where=of_class > 0)


def check_shapes(file, num_classes):
    """Refuses datasets whose lengths contradict each other."""
    rows, events = len(file["label"]), len(file["sample_id"])
    for name, shape in (("label", (rows,)), ("scores", (rows, num_classes)), ("weight", (rows,)), ("offsets", (events + 1,))):
        if file[name].shape != shape:
            raise PredictionError(f"/{name} has the shape {list(file[name].shape)} ({list(shape)} fits {rows} labels of "
                                  f"{events} events and {num_classes} class names)")
    offsets = file["offsets"][:]
    if offsets[0] != 0 or offsets[-1] != rows or (np.diff(offsets) < 0).any():
        raise PredictionError(f"/offsets go from {offsets[0]} to {offsets[-1]}"
                              f"{' and fall in between' if (np.diff(offsets) < 0).any() else ''} "
                              f"(from 0 to the {rows} rows of /scores, never falling)")


def read_classes(file, rows):
    """True and found class [n] of a slice of rows; of equal scores the first class counts."""
    scores, label = file["scores"][rows], file["label"][rows].astype(np.int64)
    if not np.isfinite(scores).all():
        first = rows.start + np.flatnonzero(~np.isfinite(scores).all(1))[0]
        raise PredictionError(f"/scores of row {first} are not finite: {scores[first - rows.start].tolist()} (probabilities)")
    outside = np.flatnonzero((label < 0) | (label >= scores.shape[1]))
    if len(outside):
        raise PredictionError(f"/label of row {rows.start + outside[0]} is {label[outside[0]]} "
                              f"(0 to {scores.shape[1] - 1}: an index of /class_names)")
    return label, scores.argmax(1)


def sum_rows(file, num_classes):
    """Weights and counts [K, K] by true and found class, and which class is in which event [B, K]."""
    offsets, num_rows = file["offsets"][:], len(file["label"])
    weights, counts = np.zeros(num_classes**2), np.zeros(num_classes**2, dtype=np.int64)
    present = np.zeros((len(offsets) - 1, num_classes), dtype=bool)
    step = max(1, VALUES_AT_ONCE // num_classes)
    for start in range(0, num_rows, step):
        rows = slice(start, min(start + step, num_rows))
        label, found = read_classes(file, rows)
        weight = file["weight"][rows].astype(np.float64)
        if not np.isfinite(weight).all():
            raise PredictionError(f"/weight has {np.sum(~np.isfinite(weight))} values that are not finite (numbers)")
        weights += np.bincount(label * num_classes + found, weight, num_classes**2)
        counts += np.bincount(label * num_classes + found, minlength=num_classes**2)
        present[np.searchsorted(offsets, np.arange(rows.start, rows.stop), side="right") - 1, label] = True
    return weights.reshape(num_classes, -1), counts.reshape(num_classes, -1), present


def choose_events(offsets, present):
    """Events to show: those with most classes, and of these the ones whose number of rows is nearest the median.

    Depends on the truth alone, so runs that were tested on the same events show the same ones.
    """
    num_rows = np.diff(offsets)
    filled = np.flatnonzero(num_rows > 0)
    if not len(filled):
        return []
    from_median = np.abs(num_rows[filled] - np.median(num_rows[filled]))
    return filled[np.lexsort((filled, from_median, -present[filled].sum(1)))][:NUM_DISPLAYS].tolist()


def choose_coordinates(file):
    """Names of three inputs that place a row: x, y, z where they are there, else the first three; none if there are fewer."""
    inputs = file.get("inputs")
    names = [name for name in inputs if inputs[name].ndim == 1] if isinstance(inputs, h5py.Group) else []
    if {"x", "y", "z"} <= set(names):
        return ["x", "y", "z"]
    return names[:3] if len(names) >= 3 else []


def read_display(file, event, names):
    """One event with its coordinates."""
    rows = slice(*file["offsets"][event:event + 2].tolist())
    for name in names:
        if len(file["inputs"][name]) != len(file["label"]):
            raise PredictionError(f"/inputs/{name} has {len(file['inputs'][name])} rows ({len(file['label'])}, as /label)")
    coordinates = np.stack([file["inputs"][name][rows] for name in names], 1).astype(np.float64)
    if not np.isfinite(coordinates).all():
        raise PredictionError(f"/inputs/{', '.join(names)} of rows {rows.start} to {rows.stop - 1} hold "
                              f"{np.sum(~np.isfinite(coordinates))} values that are not finite (coordinates)")
    return EventDisplay(int(file["sample_id"][event]), coordinates, *read_classes(file, rows))


def read_segmentation(file, num_classes):
    """Reads an open file of predictions; PredictionError where it contradicts itself."""
    check_shapes(file, num_classes)
    weights, counts, present = sum_rows(file, num_classes)
    names = choose_coordinates(file)
    events = choose_events(file["offsets"][:], present) if names else []
    return Segmentation(weights, counts, names, [read_display(file, event, names) for event in events])
