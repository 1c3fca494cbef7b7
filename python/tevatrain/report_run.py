"""Reads run directories for a report: metrics.jsonl, inputs.json and predictions."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from tevatrain.report_segmentation import PredictionError, Segmentation, read_segmentation


class ReportError(Exception):
    """A run directory that cannot be reported on; the message says which file and what to do."""


@dataclass
class Run:
    """What a report needs of a run directory."""

    path: Path
    name: str = ""
    train: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    test: dict | None = None
    split: str = "test"      # the events of `test` and of the predictions
    classes: list = field(default_factory=list)
    scores: np.ndarray | None = None  # [N, K]
    label: np.ndarray | None = None  # [N]
    weight: np.ndarray | None = None  # [N]
    signal: int = 0
    segmentation: Segmentation | None = None  # in place of scores, label and weight where rows have classes
    inputs: dict = field(default_factory=dict)

    @property
    def labels_rows(self):
        """Whether the run gives a class to each row of an object rather than to each event."""
        found = any("mean_iou" in row for row in (*self.validation, self.test or {}))
        return self.segmentation is not None or (found and self.scores is None)

    @property
    def unit(self):
        """What gets a class, in the singular: event, or the object that the inputs name, else row."""
        if not self.labels_rows:
            return "event"
        objects = {feature["object"] for feature in self.inputs.get("features", ())}
        return objects.pop().removesuffix("s") if len(objects) == 1 else "row"

    def row_classes(self):
        """Names of the classes of rows, also before there are predictions."""
        rows = (self.test or {}, *self.validation)
        return self.classes or list(dict.fromkeys(key[4:] for row in rows for key in row if key.startswith("iou_")))

    def test_value(self, metric):
        """A test metric, of the signal class where there is one for every class; None if there is none."""
        test = self.test or {}
        names = (metric, f"{metric}_{self.classes[self.signal]}") if self.classes else (metric,)
        return next((test[name] for name in names if test.get(name) is not None), None)

    def working_points(self):
        """Signal efficiencies for which the test metrics give a rejection, else the usual two."""
        found = {float(match.group(1)) / 100 for key in self.test or {} if (match := REJECTION.match(key))}
        return sorted(found) or [0.3, 0.5]


# Kinds of lines that hold the metrics of the best weights, and on which events.
SPLITS = {"test": "test", "best_validation": "validation"}
REJECTION = re.compile(r"rejection_(\d+(?:\.\d+)?)")


def read_metrics(run, path):
    """Sorts the lines of metrics.jsonl by their kind."""
    if not path.is_file():
        raise ReportError(f"report: {run.path} has no metrics.jsonl (expected a run directory). "
                          "Give the folder that `tevatrain train` wrote.")
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            kind = row["kind"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ReportError(f"report: {path}:{number}: not a line of metrics: {error!r}. "
                              "Continue the run (the same `tevatrain train`) to repair it.") from error
        if kind == "train":
            run.train.append(row)
        elif kind == "validation":
            run.validation.append(row)
        elif kind in SPLITS:
            run.test = row


def read_predictions(run, path):
    """Scores, labels and weights of events, or the sums over labelled rows."""
    again = f"Write it anew: tevatrain predict {run.path} --out {path}."
    try:
        with h5py.File(path) as file:
            run.classes = list(file["class_names"].asstr()[:])
            if "offsets" in file:
                run.segmentation = read_segmentation(file, len(run.classes))
            else:
                run.scores, run.label, run.weight = file["scores"][:], file["label"][:], file["weight"][:]
                run.signal = int(file.attrs["signal"])
    except PredictionError as error:
        raise ReportError(f"report: {path}: {error}. {again}") from error
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(f"report: {path}: cannot be read: {error}. {again}") from error
    if run.scores is not None:
        check_events(run, path, again)


def check_events(run, path, again):
    """Refuses what has no ROC curve."""
    for name, chosen in (("signal", run.label == run.signal), ("background", run.label != run.signal)):
        if not run.weight[chosen].sum() > 0:
            raise ReportError(f"report: {path}: no {name} events of positive weight (signal class "
                              f"'{run.classes[run.signal]}', {len(run.label)} events; a ROC curve needs signal and "
                              "background). Test on data that hold both.")
    if not np.isfinite(run.scores).all():
        raise ReportError(f"report: {path}: {np.sum(~np.isfinite(run.scores))} scores are not finite. {again}")


def read_run(path):
    """Reads a run directory; predictions and inputs are optional, metrics are not."""
    run = Run(Path(path))
    run.name = run.path.resolve().name
    read_metrics(run, run.path / "metrics.jsonl")
    inputs = run.path / "inputs.json"
    for name, split in (("test", "test"), ("val", "validation")):
        predictions = run.path / "predictions" / f"{name}.h5"
        if predictions.is_file():
            run.split = split
            read_predictions(run, predictions)
            break
    if inputs.is_file():
        try:
            run.inputs = json.loads(inputs.read_text())
        except json.JSONDecodeError as error:
            raise ReportError(f"report: {inputs}: {error}. Remove it: the report goes without inputs.") from error
    return run


def read_runs(paths):
    """Runs with names of their own: where two are equal, more of the path is shown, and at last a number."""
    runs = [read_run(path) for path in paths]
    for parts in (2, 3):
        names = [run.name for run in runs]
        for run in runs:
            if names.count(run.name) > 1:
                run.name = "/".join(run.path.resolve().parts[-parts:])
    names = [run.name for run in runs]
    for number, run in enumerate(runs, 1):
        if names.count(run.name) > 1:
            run.name += f" ({number})"
    return runs
