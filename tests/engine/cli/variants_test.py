"""Analyses of other shapes than the toy of the other tests: weights of both signs and one set of files, three flavours from
compound data, padded arrays. What the program says of them is compared with scikit-learn and NumPy."""

import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filter)
import numpy as np
import torch
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

PARITY = 1e-6
PRINTED = 1e-4  # metrics are printed with five digits

SIGNED = """\
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

FLAVOUR = """\
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

PADDED = """\
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


def printed_values(text):
    return {line.split()[0]: float(line.split()[1].replace("undefined", "nan")) for line in text.splitlines()}


def read_scores(path):
    with h5py.File(path) as file:
        return {name: file[name][:] for name in ("scores", "label", "weight", "sample_id")}


def signed_auc(is_signal, score, weight):
    """Share of the pairs of a signal and a background event that are in order. scikit-learn refuses negative weights here."""
    order = np.sign(score[is_signal][:, None] - score[~is_signal][None])
    pairs = weight[is_signal][:, None] * weight[~is_signal][None]
    return np.sum(pairs * (order + 1) / 2) / np.sum(pairs)


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


def median_width(values):
    low, median, high = np.quantile(values, (0.16, 0.5, 0.84))
    return median, (high - low) / 2


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


class SignedWeightTest(Variant):
    """Jets with the right label weigh 1; as many have the wrong one, and weights of both signs that cancel. Without the signs
    the labels say nothing or the opposite."""

    text = SIGNED

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


class FlavourTest(Variant):
    """Jets and tracks as ATLAS flavour tagging writes them: compound, tracks padded with NaN and marked by `valid`."""

    text = FLAVOUR
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


class PaddedTest(Variant):
    """[N, P, F] arrays with zeros where there is no particle, as EnergyFlow keeps its jets."""

    text = PADDED

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
