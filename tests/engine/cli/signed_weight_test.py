"""Weights of both signs, one set of files split by the program, event features alone."""

import json
import re
import sys
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
from variant import PRINTED, Variant, printed_values, read_scores, signed_rejection  # noqa: E402

CONFIG = """\
data:
  reader: pandas_table
  files: [{folder}/jets-1.h5, {folder}/jets-2.h5]
  split: {{train: 0.6, val: 0.2, test: 0.2}}
  objects:
    part: {{field: values_block_0, take: [0, 800], as: [E, px, py, pz], valid: E > 0}}
  label: {{field: values_block_1, index: 1, classes: [QCD, top]}}
  weight: {{field: values_block_0, index: 800}}
  standardise: median_width
  features:
    event:
      sum_pt: "event_sum(pt(px, py))"
      jet_phi: phi(event_sum(px), event_sum(py))
      width: "event_sum(pt(px, py) * abs(delta_phi(phi(px, py), jet_phi))) / sum_pt"
      log_E: log(event_sum(E))
model: {{name: mlp, widths: [8]}}
train: {{epochs: 10, batch_size: 40, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-2}}
metrics: {{working_points: [0.3, 0.5, 0.8]}}
"""


def signed_auc(is_signal, score, weight):
    """Share of the pairs of a signal and a background event that are in order. scikit-learn refuses negative weights here."""
    order = np.sign(score[is_signal][:, None] - score[~is_signal][None])
    pairs = weight[is_signal][:, None] * weight[~is_signal][None]
    return np.sum(pairs * (order + 1) / 2) / np.sum(pairs)


def median_width(values):
    low, median, high = np.quantile(values, (0.16, 0.5, 0.84))
    return median, (high - low) / 2


class SignedWeightTest(Variant):
    """Jets with the right label weigh 1; as many have the wrong one, and weights of both signs that cancel. Without the signs
    the labels say nothing or the opposite."""

    text = CONFIG

    @classmethod
    def write_data(cls):
        jets, cls.truth = (values[3:] for values in program.toy_jets(803, 0))  # the first three are degenerate
        random = np.random.default_rng(1)
        wrong = random.permutation(np.repeat([0, 1], 400)).astype(bool)
        cls.label = np.where(wrong, 1 - cls.truth, cls.truth)
        cls.weight = np.ones(800)
        cls.weight[wrong] = random.permutation(np.repeat([1.5, -1.5], 200))
        cls.jets = jets
        for number, half in ((1, slice(0, 400)), (2, slice(400, 800))):
            program.write_table(cls.folder / f"jets-{number}.h5", jets[half], cls.label[half], cls.weight[half])

    def training_batches(self):
        order = self.folder / "order.h5"
        self.program("check", self.config, "train.epochs=1", "--order", order)
        with h5py.File(order) as file:
            return np.split(file["sample_id"][:], file["offsets"][1:-1])

    def test_the_signs_decide_what_is_learned(self):
        truth = self.truth[self.found["sample_id"]]
        self.assertGreater(roc_auc_score(truth, self.found["scores"][:, 1]), 0.85)

    def test_the_split_gives_every_event_one_use(self):
        train, test = np.concatenate(self.training_batches()), self.found["sample_id"]
        self.assertEqual((len(train), len(set(train))), (480, 480))
        self.assertEqual((len(test), len(set(test))), (160, 160))
        self.assertFalse(set(train) & set(test))
        self.assertTrue(set(train) | set(test) < set(range(800)))
        np.testing.assert_array_equal(self.found["label"], self.label[test])
        np.testing.assert_array_equal(self.found["weight"], self.weight[test])

    def test_metrics_are_weighted(self):
        self.check_loss_and_accuracy()
        is_signal, score = self.found["label"] == 1, self.found["scores"][:, 1].astype(float)
        np.testing.assert_allclose(self.values["auc"], signed_auc(is_signal, score, self.found["weight"]), rtol=PRINTED)
        for name, efficiency in (("rejection_30", 0.3), ("rejection_50", 0.5), ("rejection_80", 0.8)):
            np.testing.assert_allclose(self.values[name], signed_rejection(is_signal, score, self.found["weight"], efficiency),
                                       rtol=PRINTED, err_msg=name)
        printed = self.program("metrics", self.folder / "scores.h5", "--score", "scores", "--label", "label", "--weight", "weight",
                               "--working-points", "0.3,0.5,0.8")
        self.assertEqual(printed, self.evaluated)

    def test_positive_weights_give_the_auc_of_scikit_learn(self):
        path, weight = self.folder / "positive.h5", np.abs(self.found["weight"])
        with h5py.File(path, "w") as file:
            file["score"], file["label"], file["weight"] = self.found["scores"][:, 1], self.found["label"], weight
        printed = self.program("metrics", path, "--score", "score", "--label", "label", "--weight", "weight")
        expected = roc_auc_score(self.found["label"], self.found["scores"][:, 1], sample_weight=weight)
        np.testing.assert_allclose(printed_values(printed)["auc"], expected, rtol=PRINTED)

    def test_losses_are_weighted_means(self):
        """With a learning rate of 0 all batches meet the same network, which predict shows event by event. A training loss is
        per mean weight of the training events, so that the weights of a batch may cancel."""
        still = self.folder / "still"
        self.program("train", self.config, "--run", still, "optimizer.lr=0", "train.epochs=1", "train.log_every=1")
        out = self.folder / "still.h5"
        self.program("predict", still, "--data", self.folder / "jets-1.h5", self.folder / "jets-2.h5", "--out", out)
        found = read_scores(out)
        np.testing.assert_array_equal(found["sample_id"], np.arange(800))
        loss = -np.log(found["scores"][np.arange(800), self.label].astype(float)) * self.weight
        batches = self.training_batches()
        train = np.concatenate(batches)
        mean_weight = self.weight[train].mean()
        np.testing.assert_allclose([row["loss"] for row in self.rows(still, "train")],
                                   [loss[batch].sum() / (mean_weight * len(batch)) for batch in batches], rtol=1e-4, atol=1e-5)
        val = np.setdiff1d(np.arange(800), np.concatenate([train, self.found["sample_id"]]))
        for kind, ids in (("validation", val), ("test", self.found["sample_id"])):
            np.testing.assert_allclose(self.rows(still, kind)[0]["loss"], loss[ids].sum() / self.weight[ids].sum(), rtol=1e-4)

    def test_median_and_width_are_those_of_the_training_events(self):
        jets = self.jets[np.sort(np.concatenate(self.training_batches()))].astype(float)
        E, px, py = (jets[:, :, i] for i in range(3))
        pt, jet_phi = np.hypot(px, py), np.arctan2(py.sum(1), px.sum(1))
        delta_phi = np.mod(np.arctan2(py, px) - jet_phi[:, None] + np.pi, 2 * np.pi) - np.pi
        expected = {"sum_pt": pt.sum(1), "jet_phi": jet_phi, "width": (pt * np.abs(delta_phi)).sum(1) / pt.sum(1),
                    "log_E": np.log(E.sum(1))}
        exported = json.loads((self.run_directory / "export" / "preprocessing.json").read_text())
        features = {feature["name"]: feature for feature in exported["features"]["event"]}
        for name, values in expected.items():
            np.testing.assert_allclose((features[name]["mean"], features[name]["scale"]), median_width(values), rtol=1e-4, err_msg=name)

    def test_the_export_gives_the_same(self):
        jets = self.jets[self.found["sample_id"]]
        valid = jets[:, :, 0] > 0
        offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(valid.sum(1))]))
        self.check_export(torch.from_numpy(jets[valid]), offsets, torch.zeros(len(jets), 0))

    def test_the_report_shows_the_same_rejection(self):
        picture = self.check_report("loss", "accuracy", "auc")
        self.assertIn(f"AUC {self.values['auc']:.4f}", picture)
        shown = {f"rejection_{100 * float(efficiency):.0f}": float(value) for value, efficiency in
                 re.findall(r"varepsilon_B\$ = (\S+) ± \S+ at \$\\varepsilon_S\$ = (\S+)", picture)}
        expected = {name: value for name, value in self.values.items() if name.startswith("rejection") and np.isfinite(value)}
        self.assertEqual(shown.keys(), expected.keys())
        for name, value in expected.items():
            np.testing.assert_allclose(shown[name], value, rtol=0.1, err_msg=name)


if __name__ == "__main__":
    unittest.main()
