"""What the tests of analyses of other shapes share: one trained run, and what the program says of it compared with scikit-learn."""

import json
import tempfile
import unittest
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filter)
import numpy as np
import torch
from sklearn.metrics import accuracy_score, log_loss

import program

PARITY = 1e-6
PRINTED = 1e-4  # metrics are printed with five digits


def printed_values(text):
    return {line.split()[0]: float(line.split()[1].replace("undefined", "nan")) for line in text.splitlines()}


def read_scores(path):
    with h5py.File(path) as file:
        return {name: file[name][:] for name in ("scores", "label", "weight", "sample_id")}


def signed_rejection(is_signal, score, weight, efficiency):
    """1 / background efficiency where the cut, moved down, first keeps this share of the signal; NaN where weights of both signs
    leave less than nothing of the background."""
    for cut in np.unique(score)[::-1]:
        kept = score >= cut
        if weight[kept & is_signal].sum() >= efficiency * weight[is_signal].sum():
            if not (kept & ~is_signal).any():
                return np.inf
            background = weight[kept & ~is_signal].sum()
            return weight[~is_signal].sum() / background if background > 0 else np.nan
    raise AssertionError(f"no cut keeps {efficiency} of the signal")


class Variant(unittest.TestCase):
    """A trained run of the configuration `text`, evaluated, predicted and exported."""

    text = ""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        cls.write_data()
        cls.config = program.write_config(cls.folder, cls.text)
        cls.run_directory = cls.folder / "run"
        cls.program("train", cls.config, "--run", cls.run_directory)
        cls.evaluated = cls.program("evaluate", cls.run_directory)
        cls.values = printed_values(cls.evaluated)
        cls.found = cls.predict("scores.h5")
        cls.program("export", cls.run_directory)
        cls.model = torch.jit.load(cls.run_directory / "export" / "model.pt")

    @classmethod
    def program(cls, *arguments):
        return program.require(program.run(cls.folder, *arguments))

    @classmethod
    def predict(cls, name, *arguments):
        cls.program("predict", cls.run_directory, "--out", cls.folder / name, *arguments)
        return read_scores(cls.folder / name)

    def rows(self, run, kind):
        return [row for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if row["kind"] == kind]

    def check_loss_and_accuracy(self):
        label, scores, weight = (self.found[name] for name in ("label", "scores", "weight"))
        expected = {"loss": log_loss(label, scores, sample_weight=weight),
                    "accuracy": accuracy_score(label, scores.argmax(1), sample_weight=weight)}
        for name, value in expected.items():
            np.testing.assert_allclose(self.values[name], value, rtol=PRINTED, err_msg=name)

    def check_export(self, *inputs):
        """The exported model gives the scores of predict; its own proof says the same."""
        with torch.no_grad():
            np.testing.assert_allclose(self.model(*inputs).numpy(), self.found["scores"], atol=PARITY, rtol=0)
        parity = json.loads((self.run_directory / "export" / "parity.json").read_text())
        self.assertLessEqual(parity["max_difference"], PARITY)
        self.assertGreaterEqual(parity["events"], len(self.found["label"]))

    def check_report(self, *names):
        """The page shows the metrics as evaluate prints them, the picture those of its own ROC curve."""
        page = Path(self.program("report", self.run_directory).strip().splitlines()[-1])
        for name in names:
            self.assertIn(f"<td>{self.values[name]:.5g}</td>", page.read_text(), name)
        return (page.parent / "roc.svg").read_text()
