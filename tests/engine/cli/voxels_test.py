"""A class for each voxel of events: labels of rows from the file to the prediction, the sparse U-ResNet, and its export."""

import json
import re
import shutil
import sys
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.metrics import confusion_matrix, jaccard_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
import voxels  # noqa: E402
from variant import PARITY, PRINTED, Variant  # noqa: E402



class VoxelsTest(Variant):
    """Toy events of a liquid-argon detector, divided by extents as larcv3 does."""

    text = voxels.CONFIG
    classes = ("shower", "track", "michel", "delta", "low_energy")

    @classmethod
    def write_data(cls):
        voxels.write_events(cls.folder)
        with h5py.File(cls.folder / "test.h5") as file:
            extents, rows = file["Data/voxel_toy_group/extents"][:], file["Data/voxel_toy_group/voxels"][:]
        kept = rows["value"] > np.float32(voxels.LEAST_MEV)
        cls.voxels = rows[kept]
        cls.offsets = np.concatenate([[0], np.cumsum(kept)[np.cumsum(extents["N"].astype(int)) - 1]])

    def test_a_prediction_has_the_label_of_its_voxel(self):
        with h5py.File(self.folder / "scores.h5") as file:
            np.testing.assert_array_equal(file["offsets"][:], self.offsets)
            np.testing.assert_array_equal(file["sample_id"][:], np.arange(9))
            for name in "xyz":
                np.testing.assert_array_equal(file["inputs"][name][:], self.voxels[name])
            self.assertNotIn("log_energy", file["inputs"])
        np.testing.assert_array_equal(self.found["label"], self.voxels["semantic"])
        np.testing.assert_array_equal(self.found["weight"], np.ones(len(self.voxels), np.float32))  # balance is of training alone
        np.testing.assert_allclose(self.found["scores"].sum(1), 1, rtol=1e-6)

    def test_a_prediction_keeps_its_own_names(self):
        refused = program.run(self.folder, "predict", self.run_directory, "--columns", "inputs/x=Events/event_id:event", "--out", self.folder / "clash.h5")
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("'inputs/x' is a name that predictions use themselves", refused.stderr)

    def test_metrics_agree_with_scikit_learn(self):
        self.check_loss_and_accuracy()
        label, choice = self.found["label"], self.found["scores"].argmax(1)
        there = np.union1d(label, choice)
        ious = dict(zip(there, jaccard_score(label, choice, labels=there, average=None, zero_division=0)))
        np.testing.assert_allclose(self.values["mean_iou"], np.mean(list(ious.values())), rtol=PRINTED)
        matrix = confusion_matrix(label, choice, labels=range(5))
        for i, name in enumerate(self.classes):
            with np.errstate(invalid="ignore", divide="ignore"):
                expected = {"iou": ious.get(i, np.nan), "efficiency": matrix[i, i] / matrix[i].sum(), "purity": matrix[i, i] / matrix[:, i].sum()}
            for metric, value in expected.items():
                np.testing.assert_allclose(self.values[f"{metric}_{name}"], value, rtol=PRINTED, err_msg=f"{metric}_{name}")

    def test_the_inputs_are_drawn_in_full(self):
        with h5py.File(self.folder / "train.h5") as file:
            rows = file["Data/voxel_toy_group/voxels"][:]
        rows = rows[rows["value"] > np.float32(voxels.LEAST_MEV)]
        features = json.loads((self.run_directory / "inputs.json").read_text())["features"]
        self.assertEqual([feature["name"] for feature in features], ["x", "y", "z", "log_energy"])
        for feature in features[:3]:
            self.assertEqual((feature["low"], round(feature["high"])), (rows[feature["name"]].min(), rows[feature["name"]].max()))
            np.testing.assert_allclose(np.sum(feature["counts"]), len(rows), rtol=1e-5)  # balance leaves the sum of all weights

    def test_training_lowers_the_loss(self):
        losses = [row["loss"] for row in self.rows(self.run_directory, "train")]
        self.assertEqual(len(losses), 8)
        self.assertLess(losses[-1], losses[0])

    def test_goes_on_bit_for_bit(self):
        stopped = self.folder / "stopped"
        step = program.kill_beyond_checkpoint(self.folder, stopped, "train", self.config, "--run", stopped, "train.checkpoint_every=1", lines=1)
        self.assertLess(step, 8)
        self.program("train", self.config, "--run", stopped)
        self.assertEqual(program.differences(self.run_directory, stopped), [])

    def arguments(self, first, last, order):
        """Events [first, last) of the test file, each with its rows in another order, for the exported model."""
        pieces = [self.voxels[self.offsets[i]:self.offsets[i + 1]][order(self.offsets[i + 1] - self.offsets[i])] for i in range(first, last)]
        rows = np.concatenate(pieces)
        columns = torch.from_numpy(np.stack([rows[name].astype(np.float32) for name in ("x", "y", "z", "value")], axis=1))
        return columns, torch.tensor([0, *np.cumsum([len(piece) for piece in pieces])])

    def test_the_export_takes_other_events_in_any_order_of_their_voxels(self):
        self.assertEqual(self.model.labelled_object(), "voxel")
        self.assertEqual(self.model.input_names(), {"voxel": ["x", "y", "z", "energy"]})
        expected = self.found["scores"][self.offsets[2]:self.offsets[5]]
        for order, back in ((np.arange, np.arange), (lambda n: np.arange(n)[::-1], lambda n: np.arange(n)[::-1])):
            columns, offsets = self.arguments(2, 5, order)
            found = self.model(columns, offsets, torch.zeros(3, 0)).detach().numpy()
            found = np.concatenate([found[a:b][back(b - a)] for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist())])
            np.testing.assert_allclose(found, expected, atol=PARITY)

    def test_balance_makes_the_weights_of_classes_equal(self):
        checked = self.program("check", self.config)
        self.assertIn("rows", checked)
        weights = [float(line.split()[-1]) for line in checked.splitlines() if line.split()[:1] and line.split()[0] in self.classes]
        self.assertEqual(len(weights), 5)
        np.testing.assert_allclose(weights, weights[0], rtol=1e-4)

    def test_a_network_of_single_rows_trains_too(self):
        run = self.folder / "mlp"
        config = self.folder / "mlp.yaml"
        config.write_text(self.config.read_text().replace(voxels.MODEL, "{name: mlp, widths: [16]}"))
        self.program("train", config, "--run", run)
        self.program("export", run)
        self.assertEqual(self.rows(run, "test")[0].keys(), self.rows(self.run_directory, "test")[0].keys())

    def test_repack_takes_the_labels_of_rows_along(self):
        printed = self.program("repack", self.folder / "test.h5", self.folder / "packed.h5", "--config", self.config, "--check", "--keep-order")
        self.assertIn("label: {object: voxel, field: voxel/label, classes: [shower, track, michel, delta, low_energy]}", printed)
        with h5py.File(self.folder / "packed.h5") as file:
            np.testing.assert_array_equal(file["voxel/label"][:], self.voxels["semantic"])
            np.testing.assert_array_equal(file["voxel/values"][:, 3], self.voxels["value"])
            np.testing.assert_array_equal(file["voxel/extents"]["N"], np.diff(self.offsets))
        text = self.config.read_text()
        section = re.sub(r"  train: .*\n", f"  train: {self.folder}/packed.h5\n  val: {self.folder}/val.h5\n", printed[printed.index("data:"):])
        config = self.folder / "packed.yaml"
        config.write_text(section + text[text.index("  weight:"):].replace("epochs: 2", "epochs: 1"))
        self.assertIn("val.h5 has no field 'voxel/values'", program.run(self.folder, "check", config).stderr)  # the other layout
        config.write_text(config.read_text().replace(f"{self.folder}/val.h5", f"{self.folder}/packed2.h5"))
        self.program("repack", self.folder / "val.h5", self.folder / "packed2.h5", "--config", self.config)
        self.program("train", config, "--run", self.folder / "packed")

    def refusal(self, **changes):
        text = self.config.read_text()
        for old, new in changes.values():
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        path = self.folder / "wrong.yaml"
        path.write_text(text)
        result = program.run(self.folder, "train", path, "--run", self.folder / "wrong", "--fresh")
        self.assertEqual(result.returncode, 2, result.stderr)
        return result.stderr

    def test_mistakes_are_named(self):
        for change, message in (
                (("object: voxel, column", "object: voxle, column"), "data.label.object: no object 'voxle' (objects: voxel). Did you mean 'voxel'?"),
                (("column: semantic", "column: semantics"), "data.label.column: train.h5: 'Data/voxel_toy_group/voxels' has no member 'semantics'"),
                (("delta, low_energy]", "delta]"), "of 'voxel': data.label is 4 (expected 0 to 3 for the classes shower, track, michel, delta)"),
                (("raw_features: [voxel.x, voxel.y, voxel.z]", "raw_features: [voxel.x, voxel.y]"),
                 "model.coordinates: 'z' is standardised (voxels need whole numbers). Add voxel.z to data.raw_features."),
                (("monitor: mean_iou", "monitor: auc"), "train.monitor: 'auc' is not measured where rows have classes (known: loss, accuracy, mean_iou)."),
                ((voxels.MODEL[1:-1], "name: pfn"), "data.label.object: 'voxel' (this model gives one answer an event, not one a row)"),
                (("object: voxel, column: semantic", "field: Data/voxel_toy_group/extents, column: N"), "train.monitor: 'mean_iou' is not measured where events have classes"),
        ):
            refused = self.refusal(change=change)
            self.assertIn(message, refused.replace(f"{self.folder}/", ""))

    def test_voxels_at_one_place_are_an_error_or_one_voxel(self):
        same = ("{x: x, y: y, z: z,", "{x: x * 0, y: y, z: z,")
        refused = self.refusal(change=same)
        self.assertRegex(refused, r"sample id \d+: model.coordinates: two rows are at x 0, y \d+, z \d+ \(one was expected\). Set model.duplicates to sum, mean or first, or remove one.")
        shutil.copy(self.folder / "train.h5", self.folder / "doubled.h5")
        with h5py.File(self.folder / "doubled.h5", "r+") as file:
            rows, counts = file["Data/voxel_toy_group/voxels"], file["Data/voxel_toy_group/extents"]["N"].astype(int)
            event = rows[counts[:5].sum():counts[:6].sum()]
            first, last = np.flatnonzero(event["value"] > voxels.LEAST_MEV)[[0, -1]]
            for name in "xyz":
                event[name][last] = event[name][first]
            rows[counts[:5].sum():counts[:6].sum()] = event
        self.assertIn(f"train: sample id 5: model.coordinates: two rows are at x {event['x'][first]}, y {event['y'][first]}, z {event['z'][first]} ",
                      self.refusal(change=("train.h5", "doubled.h5")))
        exported = program.run(self.folder, "export", self.run_directory, "--data", self.folder / "doubled.h5")
        self.assertEqual(exported.returncode, 2)
        self.assertIn("export: selected event 5 (from 0) of --data: model.coordinates: two rows are at x ", exported.stderr)
        config = self.folder / "same.yaml"
        config.write_text(self.config.read_text().replace(*same).replace("reps: 1}", "reps: 1, duplicates: mean}").replace("epochs: 2", "epochs: 1"))
        self.program("train", config, "--run", self.folder / "same")
        self.program("export", self.folder / "same")

    def test_voxels_between_whole_numbers_are_an_error(self):
        self.assertRegex(self.refusal(change=("{x: x, y: y, z: z,", "{x: x * 0 + 0.5, y: y, z: z,")),
                         r"sample id \d+: model.coordinates: 0.5 in the column 'x' of 'voxel' \(whole numbers from -32768 to 32767 were expected\). "
                         r"Change it in data.features, e.g. floor\(x / 3\).")
        self.assertIn("model.coordinates: 4.29497e+09 in the column 'x' of 'voxel'", self.refusal(change=("{x: x, y: y, z: z,", "{x: x * 0 + 4294967296.0, y: y, z: z,")))


if __name__ == "__main__":
    unittest.main()
