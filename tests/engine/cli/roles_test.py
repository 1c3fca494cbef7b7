"""Classes that come from files, columns and text; training weights that balance and reweight them, and evaluation without."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
from safetensors.numpy import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
from variant import printed_values, read_scores  # noqa: E402

CONFIG = """\
data:
  reader: dense
  train: ["{folder}/bkg_train.h5", "{folder}/sig_*_train.h5"]
  val: "{folder}/*_val.h5"
  objects:
    event: {{field: event, as: [pt, eta, x]}}
  label: {{files: {{background: "bkg_*.h5", signal: ["sig_a_*.h5", "sig_b_*.h5"]}}}}
  weight:
    field: weight
    balance: {{signal: 1, background: 2}}
    reweight:
      to: signal
      variables:
        pt: {{range: [20, 120], bins: 5}}
        abs_eta: {{expression: abs(eta), edges: [0, 0.8, 2.5]}}
  features:
    event: {{x: x, log_pt: log(pt)}}
model: {{name: mlp, widths: [8]}}
train: {{epochs: 3, batch_size: 50, device: cpu, threads: 1, log_every: 1}}
optimizer: {{name: adam, lr: 1e-2}}
"""
EDGES = (np.linspace(20, 120, 6), np.array([0, 0.8, 2.5]))


def make_events(number, is_signal, seed):
    random = np.random.default_rng(seed)
    pt = 20 + np.minimum(random.exponential(45 if is_signal else 25, number), 99.9)
    eta = random.normal(0, 0.7 if is_signal else 1.2, number).clip(-2.4, 2.4)
    event = np.stack([pt, eta, random.normal(1.0 if is_signal else 0, 1, number)], 1).astype("f4")
    weight = random.exponential(1, number) * np.where(random.random(number) < 0.05, -0.2, 1)
    return event, weight.astype("f4")


def write_events(path, number, is_signal, seed, **extra):
    event, weight = make_events(number, is_signal, seed)
    with h5py.File(path, "w") as file:
        file.create_dataset("event", data=event, chunks=(64, 3), compression="gzip")
        file["weight"] = weight
        for name, values in extra.items():
            file[name] = values
    return event, weight


def histogram(event, weight):
    return np.histogram2d(event[:, 0].astype(float), np.abs(event[:, 1]).astype(float), EDGES, weights=weight)[0]


class FilesAndWeightsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        parts = [("bkg", 900), ("sig_a", 300), ("sig_b", 200)]
        train = [write_events(cls.folder / f"{name}_train.h5", number, name != "bkg", seed) for seed, (name, number) in enumerate(parts)]
        val = [write_events(cls.folder / f"{name}_val.h5", number // 3, name != "bkg", 10 + seed) for seed, (name, number) in enumerate(parts)]
        cls.event, cls.weight = (np.concatenate(values) for values in zip(*train))
        cls.val_event, cls.val_weight = (np.concatenate(values) for values in zip(*val))
        cls.label, cls.val_label = np.repeat([0, 1], [900, 500]), np.repeat([0, 1], [300, 166])
        cls.config = program.write_config(cls.folder, CONFIG)
        cls.run_directory = cls.folder / "run"
        cls.said = cls.train("run").stderr

    @classmethod
    def train(cls, name, *overrides, warns=False):
        result = program.run(cls.folder, "train", cls.config, "--run", cls.folder / name, *overrides, warns=warns)
        program.require(result)
        return result

    def factors(self, run="run"):
        return load_file(program.newest_checkpoint(self.folder / run) / "weights.safetensors")["factors"]

    def training_weights(self, run="run"):
        """As the documentation defines them, in float32."""
        index = tuple(np.clip(np.digitize(values.astype(float), edges) - 1, 0, len(edges) - 2)
                      for values, edges in zip((self.event[:, 0], np.abs(self.event[:, 1])), EDGES))
        factors = self.factors(run).reshape(2, 5, 2)
        return (self.weight.astype(float) * factors[(self.label, *index)]).astype("f4")

    def test_the_reweighted_distributions_are_those_of_the_reference(self):
        weight = self.training_weights()
        shapes = [histogram(self.event[self.label == i], weight[self.label == i]) for i in range(2)]
        np.testing.assert_allclose(shapes[0], 2 * shapes[1], rtol=1e-5)
        np.testing.assert_allclose(weight.sum(dtype=float), self.weight.sum(dtype=float), rtol=1e-6)
        reference = histogram(self.event[self.label == 1], self.weight[self.label == 1])
        np.testing.assert_allclose(shapes[1] / shapes[1].sum(), reference / reference.sum(), rtol=1e-5)

    def test_training_weighs_by_them_and_evaluation_does_not(self):
        """With a learning rate of 0 all batches meet the same network."""
        self.train("still", "optimizer.lr=0", "train.epochs=1")
        order = self.folder / "order.h5"
        program.require(program.run(self.folder, "check", self.config, "train.epochs=1", "--order", order))
        with h5py.File(order) as file:
            batches = np.split(file["sample_id"][:], file["offsets"][1:-1])
        scores = self.predict("still", *(self.folder / f"{name}_train.h5" for name in ("bkg", "sig_a", "sig_b")))
        np.testing.assert_array_equal(scores["label"], self.label)
        np.testing.assert_array_equal(scores["weight"], self.weight)
        weight = self.training_weights("still").astype(float)
        loss = -np.log(scores["scores"][np.arange(len(self.label)), self.label].astype(float))
        rows = [json.loads(line) for line in (self.folder / "still" / "metrics.jsonl").read_text().splitlines()]
        np.testing.assert_allclose([row["loss"] for row in rows if row["kind"] == "train"],
                                   [(weight * loss)[batch].sum() / (weight.mean() * len(batch)) for batch in batches], rtol=1e-4, atol=1e-5)
        scores = self.predict("still", *(self.folder / f"{name}_val.h5" for name in ("bkg", "sig_a", "sig_b")))
        loss = -np.log(scores["scores"][np.arange(len(self.val_label)), self.val_label].astype(float))
        validation = next(row["loss"] for row in rows if row["kind"] == "validation")
        np.testing.assert_allclose(validation, (self.val_weight * loss).sum() / self.val_weight.sum(), rtol=1e-4)

    def predict(self, run, *files):
        out = self.folder / "scores.h5"
        program.require(program.run(self.folder, "predict", self.folder / run, "--data", *files, "--out", out))
        return read_scores(out)

    def test_the_log_shows_what_the_classes_weigh(self):
        before = [self.weight[self.label == i].sum(dtype=float) for i in range(2)]
        for i, name in enumerate(("background", "signal")):
            after = sum(before) * (2, 1)[i] / 3
            self.assertIn(f"training weights of {name}: {(900, 500)[i]} events, sum {before[i]:.6g} before, {after:.6g} after; factors ", self.said)
        checked = program.require(program.run(self.folder, "check", self.config))
        self.assertRegex(checked, rf"background +900 events   weight {sum(before) * 2 / 3:.6g}\n")

    def test_neither_workers_nor_memory_change_a_bit(self):
        for name, overrides in (("workers", ["data.workers=3"]), ("budget", ["data.workers=2", "data.budget_mib=64"])):
            (self.folder / name).mkdir()
            other = self.folder / name / "run"
            program.require(program.run(self.folder / name, "train", self.config, "--run", other, *overrides))  # another cache
            self.assertEqual(program.result_of(other), program.result_of(self.run_directory))
            np.testing.assert_array_equal(self.factors(f"{name}/run"), self.factors())

    def test_a_killed_run_continues_with_the_weights_it_began_with(self):
        arguments = ["train.epochs=20", "train.batch_size=20", "train.keep_last=3"]
        self.train("whole", *arguments)
        killed = self.folder / "killed"
        program.kill_beyond_checkpoint(self.folder, killed, "train", self.config, "--run", killed, *arguments, "train.checkpoint_every=20")
        for summary in (self.folder / "cache").glob("summary-*.json"):
            summary.unlink()
        said = self.train("killed", *arguments).stderr
        self.assertNotIn("training weights of", said)  # they are not fitted again
        self.assertEqual(program.result_of(killed), program.result_of(self.folder / "whole"))

    def test_a_run_keeps_its_weights_and_classes(self):
        refused = program.run(self.folder, "train", self.config, "--run", self.run_directory, "train.epochs=4", "data.weight.balance=equal")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("data.weight.balance", refused.stderr)
        swapped = "data.label.files={background: ['sig_a*.h5', 'bkg*.h5'], signal: 'sig_b*.h5'}"
        refused = program.run(self.folder, "train", self.config, "--run", self.run_directory, "train.epochs=4", swapped)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("data.train: the files are not those of the run", refused.stderr)

    def test_a_file_of_no_class_or_two_is_one_error(self):
        path = self.folder / "bkg_train.h5"
        for patterns, message in (("{background: 'b_*.h5', signal: 'sig*.h5'}", "fits no class (patterns: b_*.h5, sig*.h5). Add a pattern for it, or take the file out."),
                                  ("{background: '*.h5', signal: 'bkg*.h5'}", "fits the classes background, signal (the events of a file are of one class). "
                                                                              "Make the patterns narrower.")):
            for command in (["check"], ["train", "--run", self.folder / "none"], ["bench", "data"]):
                result = program.run(self.folder, *command, self.config, f"data.label.files={patterns}")
                self.assertEqual((result.returncode, result.stderr), (2, f"tevatrain: data.label.files: {path} {message}\n"))
        other = self.folder / "data.h5"
        other.write_bytes(path.read_bytes())
        result = program.run(self.folder, "predict", self.run_directory, "--data", other)
        self.assertEqual((result.returncode, result.stderr), (2, f"tevatrain: data.label.files: {other} fits no class (patterns: bkg_*.h5, sig_a_*.h5, sig_b_*.h5). "
                                                                 "Add a pattern for it, or take the file out.\n"))

    def test_one_set_of_files_is_split_and_streamed(self):
        one_set = ["data.train=[]", "data.val=[]", f"data.files={self.folder}/*_train.h5", "data.split={train: 0.6, val: 0.2, test: 0.2}"]
        self.train("split", *one_set, "train.epochs=1")
        printed = printed_values(program.require(program.run(self.folder, "evaluate", self.folder / "split")))
        self.assertGreater(printed["auc"], 0.6)
        self.assertIn("840 events", program.require(program.run(self.folder, "bench", "data", self.config, *one_set)))

    def test_negative_weights_can_be_left_out_of_training(self):
        kept = int((self.weight >= 0).sum())
        said = self.train("positive", "data.weight.negative=drop", "train.epochs=1").stderr
        self.assertIn(f"data.weight.negative keeps {kept} of 1400 training events", said)
        rows = [json.loads(line) for line in (self.folder / "positive" / "metrics.jsonl").read_text().splitlines()]
        scores = self.predict("positive", *(self.folder / f"{name}_val.h5" for name in ("bkg", "sig_a", "sig_b")))
        np.testing.assert_array_equal(scores["weight"], self.val_weight)
        loss = -np.log(scores["scores"][np.arange(len(self.val_label)), self.val_label].astype(float))
        validation = next(row["loss"] for row in rows if row["kind"] == "validation")
        np.testing.assert_allclose(validation, (self.val_weight * loss).sum() / self.val_weight.sum(), rtol=1e-4)

    def test_a_bin_that_a_class_lacks_is_a_warning(self):
        warned = self.train("missing", "data.weight.reweight.variables.pt.range=[-20, 80]", "data.select=(x > -1) | (pt > 60)", "train.epochs=1",
                            "data.weight.negative=absolute", "data.weight.reweight.variables.x={range: [-4, 5], bins: 9}", warns=True).stderr
        self.assertIn("events outside the bins, counted in the nearest one", warned)
        self.assertRegex(warned, r"warning: data.weight.reweight: class '\w+' has no training event in \d+ of \d+ bins that others have events in \(the first: pt ")


LABELS = """\
data:
  reader: %s
  train: FOLDER/labelled.h5
  val: FOLDER/copy.h5
  objects:
    event: {field: %s, %s}
  label: {%s}
  features:
    event: {x: x}
model: {name: mlp, widths: [4]}
train: {epochs: 1, batch_size: 50, device: cpu, threads: 1}
optimizer: {name: adam, lr: 1e-2}
"""


class StoredLabelsTest(unittest.TestCase):
    """The same classes, stored as numbers, text, an enum and one-hot columns."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        random = np.random.default_rng(1)
        cls.flavour = random.choice([0, 4, 5, 15], 400, p=[0.4, 0.2, 0.3, 0.1])
        jets = np.zeros(400, [("x", "f4"), ("HadronConeExclTruthLabelID", "i4"), ("name", "S6"), ("is_b", "?"), ("is_c", "u1"), ("is_u", "f4")])
        jets["x"], jets["HadronConeExclTruthLabelID"] = random.normal(0, 1, 400), cls.flavour
        jets["name"] = [{0: b"light", 4: b"charm", 5: b"bottom", 15: b"tau"}[flavour] for flavour in cls.flavour]
        for name, value in (("is_b", 5), ("is_c", 4), ("is_u", 0)):
            jets[name] = cls.flavour == value
        onehot = np.stack([jets["is_b"], jets["is_c"], jets["is_u"]], 1).astype("i1")
        for name in ("labelled.h5", "copy.h5"):
            with h5py.File(cls.folder / name, "w") as file:
                file.create_dataset("jets", data=jets, chunks=(64,), compression="gzip")
                file["x"], file["onehot"], file["padded"] = jets["x"][:, None], onehot, np.pad(onehot, ((0, 0), (2, 0)), constant_values=1)
                file["name"] = jets["name"]
                enum = h5py.enum_dtype({"LIGHT": 0, "CHARM": 4, "BOTTOM": 5, "TAU": 15}, basetype=">i2")
                file.create_dataset("enum", data=cls.flavour.astype(">i2"), dtype=enum)
                file.create_dataset("any_length", data=[str(value) for value in cls.flavour], dtype=h5py.string_dtype())

    def run_with(self, label, command=("check",), reader="dense", field="x", columns="as: [x]"):
        config = self.folder / "labels.yaml"
        config.write_text((LABELS % (reader, field, columns, label)).replace("FOLDER", str(self.folder)))
        return program.run(self.folder, command[0], config, *command[1:])

    def classes_of(self, label, **layout):
        printed = program.require(self.run_with(label, **layout))
        return dict(class_counts(printed))

    def test_every_way_to_store_them_gives_the_same_classes(self):
        expected = {name: int((self.flavour == value).sum()) for name, value in (("b", 5), ("c", 4), ("u", 0))}
        jets = {"reader": "compound", "field": "jets", "columns": "columns: [x]"}
        for label, layout in (("field: jets, column: HadronConeExclTruthLabelID, classes: {b: 5, c: 4, u: [0, 1]}, other: drop", jets),
                              ("field: jets, column: name, classes: {b: bottom, c: charm, u: light}, other: drop", jets),
                              ("field: jets, one_hot: true, classes: {b: is_b, c: is_c, u: is_u}, other: drop", jets),
                              ("field: name, classes: {b: bottom, c: charm, u: light}, other: drop", {}),
                              ("field: enum, classes: {b: BOTTOM, c: CHARM, u: LIGHT}, other: drop", {}),
                              ("field: enum, classes: {b: 5, c: 4, u: 0}, other: drop", {}),
                              ("field: onehot, one_hot: true, classes: [b, c, u], other: drop", {}),
                              ("field: padded, index: 2, one_hot: true, classes: {b: 0, c: 1, u: 2}, other: drop", {})):
            with self.subTest(label):
                self.assertEqual(self.classes_of(label, **layout), expected)

    def test_other_values_are_an_error_unless_they_are_dropped(self):
        other = int(np.flatnonzero(self.flavour == 15)[0])
        for label, value in (("field: enum, classes: {b: 5, c: 4, u: 0}", "15 (expected 5, 4, 0"),
                             ("field: enum, classes: {b: BOTTOM, c: CHARM, u: LIGHT}", "'TAU' (expected BOTTOM, CHARM, LIGHT"),
                             ("field: name, classes: {b: bottom, c: charm, u: light}", "'tau' (expected bottom, charm, light"),
                             ("field: onehot, one_hot: true, classes: [b, c, u]", "0 0 0 (expected one 1 and else 0")):
            with self.subTest(label):
                result = self.run_with(label)
                self.assertEqual((result.returncode, result.stderr.splitlines()[-1]), (2, f"tevatrain: {self.folder}/labelled.h5: event {other}: data.label is {value} for "
                                 "the classes b, c, u). Correct data.label or list all classes; data.label.other=drop leaves events of no class out."))

    def test_dropped_events_are_in_no_batch_and_no_prediction(self):
        label = "field: enum, classes: {b: 5, c: 4, u: 0}, other: drop"
        self.assertEqual(self.run_with(label, ("train", "--run", self.folder / "run")).returncode, 0)
        program.require(program.run(self.folder, "predict", self.folder / "run", "--out", self.folder / "scores.h5"))
        found = read_scores(self.folder / "scores.h5")
        kept = np.flatnonzero(self.flavour != 15)
        np.testing.assert_array_equal(found["sample_id"], kept)
        np.testing.assert_array_equal(np.array([5, 4, 0])[found["label"]], self.flavour[kept])

    def test_what_is_no_label_is_refused(self):
        for label, message in (("field: any_length, classes: {b: '5 ', c: '4 '}", "data.label.field: {path}: 'any_length' is string of variable length (text of a "
                                "fixed length, an enum or integers were expected). Write it as one of them."),
                               ("field: onehot, index: 1, classes: {b: bottom, c: charm}", "data.label.field: {path}: 'onehot' is int8 (text was expected, as the values "
                                "of the classes are). Write their numbers there."),
                               ("field: name, classes: {b: 5, c: 4}", "data.label.field: {path}: 'name' is string (numbers were expected, as "
                                "data.label.classes gives no text). Give every class its text, as in classes: {QCD: qcd, top: t}, or "
                                "choose another field."),
                               ("field: name, classes: [b, c]", "data.label.field: {path}: 'name' is string (numbers were expected, as data.label.classes gives no "
                                "text). Give every class its text, as in classes: {QCD: qcd, top: t}, or "
                                "choose another field.")):
            with self.subTest(label):
                result = self.run_with(label)
                self.assertEqual((result.returncode, result.stderr), (2, "tevatrain: " + message.replace("{path}", f"{self.folder}/labelled.h5") + "\n"))


def class_counts(printed):
    lines = printed.split("classes of the training split\n")[1].split("\n\n")[0].splitlines()
    return [(line.split()[0], int(line.split()[1])) for line in lines]


if __name__ == "__main__":
    unittest.main()
