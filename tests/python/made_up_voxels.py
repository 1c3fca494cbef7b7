"""Made-up runs that give a class to each voxel: tracks and blobs in 768^3, and what metrics.jsonl holds of them."""

import json

import h5py
import numpy as np
from report_case import ReportCase

from tevatrain import report, report_plots

CLASSES = ("shower", "track", "michel", "delta", "low_energy")


def line(random, start, length, spread):
    """[n, 3] voxels along a line that bends a little."""
    direction = random.normal(size=3)
    directions = direction / np.linalg.norm(direction) + np.cumsum(random.normal(scale=0.004, size=(length, 3)), 0)
    return start + np.cumsum(directions, 0) + random.normal(scale=spread, size=(length, 3))


def cone(random, start, length, count):
    """[n, 3] voxels of a shower: wider and thinner the further from its start."""
    direction = random.normal(size=3)
    depth = random.gamma(2.0, length / 4, size=(count, 1))
    return start + depth * direction / np.linalg.norm(direction) + random.normal(size=(count, 3)) * 0.13 * depth


def event(random, scale):
    """Voxels [n, 3] and classes [n]."""
    parts = []
    for _ in range(random.integers(1, 3)):
        parts.append((0, cone(random, random.uniform(200, 568, 3), 130 * scale, int(900 * scale))))
    for _ in range(random.integers(2, 5)):
        track = line(random, random.uniform(200, 568, 3), int(350 * scale) + 2, 0.6)
        parts += [(1, track), (3, line(random, track[len(track) // 2], int(18 * scale) + 1, 0.6))]
        if random.random() < 0.7:
            parts.append((2, line(random, track[-1], int(30 * scale) + 1, 1.0)))
    for _ in range(random.integers(5, 15)):
        parts.append((4, random.uniform(20, 748, 3) + random.normal(scale=2, size=(int(8 * scale) + 1, 3))))
    voxels = np.clip(np.concatenate([places for _, places in parts]).round(), 0, 767)
    return voxels, np.concatenate([np.full(len(places), index) for index, places in parts])


def write_voxel_predictions(folder, events=12, scale=1.0, quality=2.0, name="test", inputs=("x", "y", "z")):
    """Returns true classes [R] and scores [R, K]; the same events for every quality."""
    random = np.random.default_rng(5)
    made = [event(random, scale) for _ in range(events)]
    label = np.concatenate([classes for _, classes in made])
    voxels = np.concatenate([places for places, _ in made])
    logits = random.gumbel(size=(len(label), len(CLASSES))) + 0.5 * np.bincount(label, minlength=5).astype(bool)
    logits[np.arange(len(label)), label] += quality * np.array([1.3, 1.6, 0.8, 0.6, 1.0])[label]
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    (folder / "predictions").mkdir(exist_ok=True)
    with h5py.File(folder / "predictions" / f"{name}.h5", "w") as file:
        file["scores"], file["label"] = scores.astype("f4"), label.astype("i8")
        file["weight"] = (1 / np.bincount(label, minlength=5))[label].astype("f4")
        file["sample_id"] = 100 + 7 * np.arange(events)
        file["offsets"] = np.concatenate([[0], np.cumsum([len(classes) for _, classes in made])])
        file["class_names"] = np.array(CLASSES, dtype=h5py.string_dtype())
        for column, values in zip(inputs, voxels.T):
            file[f"inputs/{column}"] = values.astype("f4")
    return label, scores


def metrics(iou):
    """Metrics of one pass over the events; the Michel electrons come late."""
    ious = {name: max(0.0, iou * factor) for name, factor in zip(CLASSES, (0.97, 1.05, 0.72, 0.55, 0.83))}
    return {"loss": 1.2 - iou, "accuracy": min(1.0, iou + 0.13), "mean_iou": float(np.mean(list(ious.values()))),
            **{f"iou_{name}": value for name, value in ious.items()},
            **{f"efficiency_{name}": min(1.0, value + 0.1) for name, value in ious.items()},
            **{f"purity_{name}": min(1.0, value + 0.06) for name, value in ious.items()}}


def write_voxel_metrics(folder, iou=0.85, test="test"):
    """iou: the mean at the end, about. The first validation finds no delta rays: null."""
    rows = []
    for epoch in range(1, 9):
        rows += [{"kind": "train", "epoch": epoch, "step": 100 * (epoch - 1) + 20 * i,
                  "loss": 1.3 - iou * (1 - np.exp(-(epoch + i / 5) / 2)), "lr": 1e-3 * 0.8**epoch} for i in range(1, 6)]
        rows.append({"kind": "validation", "epoch": epoch, "step": 100 * epoch} | metrics(iou * (1 - np.exp(-epoch / 2))))
        if epoch == 1:
            rows[-1] |= {"iou_delta": None, "efficiency_delta": None, "purity_delta": None}
    if test:
        rows.append({"kind": test, "epoch": 8, "step": 800} | metrics(iou))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_voxel_inputs(folder):
    """Histograms by class of one feature of the object that is labelled."""
    bins = np.linspace(-5, 5, 51)[:-1]
    counts = [np.exp(-((bins - shift / 2) ** 2)).tolist() for shift in range(len(CLASSES))]
    features = [{"object": "voxel", "name": "log_energy", "low": -5.0, "high": 5.0, "counts": counts}]
    (folder / "inputs.json").write_text(json.dumps({"classes": CLASSES, "features": features}))


class VoxelCase(ReportCase):
    """A temporary folder for such runs."""

    def setUp(self):
        super().setUp()
        report_plots.use_style()

    def voxel_folder(self, name="uresnet", **predictions):
        folder = self.folder / name
        folder.mkdir(parents=True)
        write_voxel_metrics(folder)
        write_voxel_predictions(folder, **predictions)
        write_voxel_inputs(folder)
        return folder

    def voxel_run(self, *arguments, **predictions):
        return report.read_runs([self.voxel_folder(*arguments, **predictions)])[0]

    @staticmethod
    def edit(folder, name, change):
        """Replaces a dataset of the predictions by what change makes of it; None removes it."""
        with h5py.File(folder / "predictions" / "test.h5", "r+") as file:
            values = change(file[name][()])
            del file[name]
            if values is not None:
                file[name] = values
