"""Three flavours of jets from compound data sets."""

import sys
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from variant import PARITY, PRINTED, Variant, printed_values, signed_rejection  # noqa: E402

CONFIG = """\
data:
  reader: compound
  train: {folder}/train.h5
  val: {folder}/val.h5
  test: {folder}/test.h5
  objects:
    event: {{field: jets, columns: [pt, eta]}}
    track: {{field: tracks, columns: [d0, dphi, valid], valid: valid > 0}}
  label: {{field: jets, column: flavour, classes: [light, c, b]}}
  weight: {{field: jets, column: weight}}
  features:
    event: {{log_pt: log(pt), abs_eta: abs(eta)}}
    track: {{d0: d0, log_d0: log(abs(d0) + 1e-3), abs_dphi: abs(dphi)}}
model: {{name: pfn, phi: [16, 16], f: [16], use_event: true}}
train: {{epochs: 6, batch_size: 50, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 3e-3}}
"""


class FlavourTest(Variant):
    """Jets and tracks as ATLAS flavour tagging writes them: compound, tracks padded with NaN and marked by `valid`."""

    text = CONFIG
    classes = ("light", "c", "b")

    @classmethod
    def write_data(cls):
        for seed, (name, number) in enumerate((("train", 900), ("val", 300), ("test", 300))):
            random = np.random.default_rng(seed)
            jets = np.zeros(number, [("pt", "f4"), ("eta", "f2"), ("flavour", "u1"), ("weight", "f8"), ("eventNumber", "u8")])
            jets["flavour"] = random.integers(0, 3, number)
            jets["pt"], jets["eta"] = 20 + random.exponential(50, number), random.uniform(-2.5, 2.5, number)
            jets["weight"] = np.exp(random.normal(0, 1, number))
            jets["eventNumber"] = 10**6 * (seed + 1) + np.arange(number)
            tracks = np.zeros((number, 12), [("d0", "f4"), ("dphi", "f2"), ("valid", "?")])
            tracks["valid"] = np.arange(12) < random.integers(0, 13, number)[:, None]
            tracks["d0"] = random.normal(0, 1, (number, 12)) * np.array([0.3, 0.6, 1.2])[jets["flavour"]][:, None]
            tracks["dphi"] = random.uniform(-0.4, 0.4, (number, 12))
            for column in ("d0", "dphi"):
                tracks[column][~tracks["valid"]] = np.nan
            with h5py.File(cls.folder / f"{name}.h5", "w") as file:
                file.create_dataset("jets", data=jets, chunks=(100,), compression="gzip")
                file.create_dataset("tracks", data=tracks, chunks=(100, 12), compression="gzip")
        cls.jets, cls.tracks = jets, tracks

    def test_metrics_of_every_class_agree_with_scikit_learn(self):
        self.check_loss_and_accuracy()
        label, scores, weight = (self.found[name] for name in ("label", "scores", "weight"))
        np.testing.assert_array_equal(label, self.jets["flavour"])
        np.testing.assert_allclose(weight, self.jets["weight"], rtol=1e-6)
        expected = [roc_auc_score(label == i, scores[:, i], sample_weight=weight) for i in range(3)]
        np.testing.assert_allclose([self.values[f"auc_{name}"] for name in self.classes], expected, rtol=PRINTED)
        np.testing.assert_allclose(self.values["auc"], np.mean(expected), rtol=PRINTED)
        for i, name in enumerate(self.classes):
            np.testing.assert_allclose(self.values[f"rejection_50_{name}"], signed_rejection(label == i, scores[:, i], weight, 0.5),
                                       rtol=PRINTED, err_msg=name)
        self.assertGreater(self.values["auc_b"], 0.75)

    def test_metrics_measures_each_class_and_a_chosen_one(self):
        command = ["metrics", self.folder / "scores.h5", "--score", "scores", "--label", "label", "--weight", "weight"]
        self.assertEqual(list(printed_values(self.program(*command)).values()), list(self.values.values()))
        for i, name in enumerate(self.classes):
            chosen = printed_values(self.program(*command, "--signal", i))
            self.assertEqual((chosen["auc"], chosen["rejection_30"]), (self.values[f"auc_{name}"], self.values[f"rejection_30_{name}"]))

    def test_columns_of_the_jets_go_along(self):
        self.predict("columns.h5", "--columns", "pt,number=jets:eventNumber")
        with h5py.File(self.folder / "columns.h5") as file:
            np.testing.assert_array_equal(file["pt"][:], self.jets["pt"])
            np.testing.assert_array_equal(file["number"][:], self.jets["eventNumber"])
            np.testing.assert_array_equal(file["scores"][:], self.found["scores"])

    def test_the_export_gives_the_same(self):
        self.assertEqual(self.model.input_names(), {"track": ["d0", "dphi", "valid"], "event": ["pt", "eta"]})
        self.assertEqual(self.model.class_names(), list(self.classes))
        valid = self.tracks["valid"]
        tracks = np.stack([self.tracks[name].astype(np.float32) for name in ("d0", "dphi", "valid")], -1)
        event = torch.from_numpy(np.stack([self.jets["pt"], self.jets["eta"].astype(np.float32)], -1))
        offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(valid.sum(1))]))
        self.check_export(torch.from_numpy(tracks[valid]), offsets, event)
        with torch.no_grad():
            padded = self.model.forward_padded(torch.from_numpy(np.nan_to_num(tracks)), torch.from_numpy(valid), event)
        np.testing.assert_allclose(padded.numpy(), self.found["scores"], atol=PARITY, rtol=0)

    def test_the_report_shows_every_class(self):
        self.check_report("loss", "accuracy", "auc", "auc_light", "auc_c", "auc_b")


if __name__ == "__main__":
    unittest.main()
