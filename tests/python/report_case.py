"""What the tests of reports share: made-up runs that give a class to each event, and the call of the program."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

import h5py
import matplotlib.pyplot as plt
import numpy as np

from tevatrain import report


def write_metrics(folder, rejection=150.0):
    rows = []
    for epoch in range(1, 4):
        rows += [{"kind": "train", "epoch": epoch, "step": 80 * (epoch - 1) + 20 * i,
                  "loss": 5 / (epoch + i), "lr": 1e-3} for i in range(1, 5)]
        rows.append({"kind": "validation", "epoch": epoch, "step": 80 * epoch, "loss": 0.5 / epoch, "auc": 0.9})
    rows.append({"kind": "test", "epoch": 3, "step": 160, "loss": 0.31, "accuracy": 0.87, "auc": 0.9437,
                 "rejection_30": rejection, "rejection_30_error": rejection and 11.0, "rejection_30_cut": 0.9312,
                 "rejection_50": 48.25, "rejection_50_error": 3.1, "rejection_50_cut": 0.81})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_predictions(folder, classes=("QCD", "top"), events=4000, only=None):
    random = np.random.default_rng(3)
    label = random.integers(0, len(classes), events) if only is None else np.full(events, only)
    logits = random.normal(size=(events, len(classes)))
    logits[np.arange(events), label] += 1.5
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    (folder / "predictions").mkdir()
    with h5py.File(folder / "predictions" / "test.h5", "w") as file:
        file["scores"], file["label"] = scores.astype("f4"), label
        file["weight"], file["sample_id"] = random.uniform(0.5, 2, events).astype("f4"), np.arange(events)
        file["class_names"] = np.array(classes, dtype=h5py.string_dtype())
        file.attrs["signal"] = len(classes) - 1


def write_inputs(folder):
    bins = np.linspace(-5, 5, 51)[:-1]
    counts = [np.exp(-((bins - shift) ** 2)).tolist() for shift in (0, 1)]
    features = [{"object": "part", "name": "pt", "low": -5.0, "high": 5.0, "counts": counts}]
    features.append({"object": "part", "name": "constant", "low": 1.0, "high": 1.0, "counts": counts})
    (folder / "inputs.json").write_text(json.dumps({"classes": ["QCD", "top"], "features": features}))


class ReportCase(unittest.TestCase):
    """A temporary folder for runs; a warning, also one that matplotlib only logs, is a failure."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.addCleanup(plt.close, "all")
        self.folder = Path(temporary.name)
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("error")
        self.enterContext(self.assertNoLogs("matplotlib", "WARNING"))

    def run_folder(self, name, predictions=True, **metrics):
        folder = self.folder / name
        folder.mkdir(parents=True)
        write_metrics(folder, **metrics)
        if predictions:
            write_predictions(folder)
            write_inputs(folder)
            (folder / "config.yaml").write_text("seed: 1 # <&>\n")
        return folder

    def report(self, *arguments):
        """Exit code, standard output, standard error."""
        out, error = io.StringIO(), io.StringIO()
        with mock.patch.object(sys, "argv", ["report", *map(str, arguments)]), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(error):
            code = report.main()
        return code, out.getvalue().strip(), error.getvalue()
