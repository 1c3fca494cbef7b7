"""Jets in dense padded arrays, an energy flow network."""

import sys
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
from variant import PARITY, PRINTED, Variant  # noqa: E402

CONFIG = """\
data:
  reader: dense
  train: {folder}/train.h5
  val: {folder}/val.h5
  test: {folder}/test.h5
  objects:
    particle: {{field: X, as: [pt, y, phi, pid], valid: pt > 0}}
  label: {{field: label, classes: [gluon, quark]}}
  raw_features: [particle.z]
  features:
    event: {{sum_pt: event_sum(pt), jet_y: event_sum(pt * y) / sum_pt, jet_phi: event_sum(pt * phi) / sum_pt}}
    particle: {{z: pt / sum_pt, delta_y: y - jet_y, delta_phi: "delta_phi(phi, jet_phi)"}}
model: {{name: efn, phi: [16, 16], f: [16]}}
train: {{epochs: 6, batch_size: 50, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 3e-3}}
"""


class PaddedTest(Variant):
    """[N, P, F] arrays with zeros where there is no particle, as EnergyFlow keeps its jets."""

    text = CONFIG

    @classmethod
    def write_data(cls):
        for seed, (name, number) in enumerate((("train", 600), ("val", 200), ("test", 200))):
            jets, label = program.toy_jets(number, seed)
            E, px, py, pz = (jets[3:, :20, i].astype(float) for i in range(4))  # the first three are degenerate
            with np.errstate(divide="ignore", invalid="ignore"):
                particles = np.stack([np.hypot(px, py), np.arcsinh(pz / np.hypot(px, py)), np.arctan2(py, px),
                                      np.full(px.shape, 211.0)], -1)
            particles[E == 0] = 0
            cls.write(f"{name}.h5", particles, label[3:])
        cls.particles, cls.label = particles, label[3:]

    @classmethod
    def write(cls, name, particles, label):
        with h5py.File(cls.folder / name, "w") as file:
            file.create_dataset("X", data=particles, chunks=(64, *particles.shape[1:]), compression="gzip")
            file["label"] = label
        return cls.folder / name

    def test_metrics_agree_with_scikit_learn(self):
        self.check_loss_and_accuracy()
        np.testing.assert_array_equal(self.found["label"], self.label)
        np.testing.assert_array_equal(self.found["weight"], 1)
        self.assertAlmostEqual(self.values["auc"], roc_auc_score(self.label, self.found["scores"][:, 1]), delta=PRINTED)
        self.assertGreater(self.values["auc"], 0.75)

    def test_padding_leaves_the_scores_alone(self):
        wide = np.zeros((len(self.label), 50, 4))
        wide[:, 5:45:2] = self.particles
        found = self.predict("wide-scores.h5", "--data", self.write("wide.h5", wide, self.label))
        np.testing.assert_array_equal(found["scores"], self.found["scores"])

    def test_a_collinear_splitting_leaves_the_scores_alone(self):
        split = np.repeat(self.particles, 2, axis=1)
        split[:, 0::2, 0] *= 0.25
        split[:, 1::2, 0] *= 0.75
        found = self.predict("split-scores.h5", "--data", self.write("split.h5", split, self.label))
        np.testing.assert_allclose(found["scores"], self.found["scores"], atol=1e-5, rtol=0)

    def test_the_export_gives_the_same(self):
        particles = torch.from_numpy(self.particles.astype(np.float32))
        mask, event = particles[:, :, 0] > 0, torch.zeros(len(particles), 0)
        self.check_export(particles[mask], torch.cat([torch.zeros(1, dtype=torch.long), mask.sum(1).cumsum(0)]), event)
        with torch.no_grad():
            padded = self.model.forward_padded(particles, mask, event)
        np.testing.assert_allclose(padded.numpy(), self.found["scores"], atol=PARITY, rtol=0)

    def test_the_report_shows_the_same_metrics(self):
        self.check_report("loss", "accuracy", "auc")


if __name__ == "__main__":
    unittest.main()
