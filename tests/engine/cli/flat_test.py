"""Jets in flat files. The same events as padded arrays give the same weights and scores, bit for bit: every file is one unit in both,
so that the order of the events is the same."""

import json
import sys
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
from tevatrain.flat import FlatWriter  # noqa: E402
from variant import PRINTED, Variant, read_scores  # noqa: E402

CONFIG = """\
data:
  reader: flat
  train: [{folder}/train-1.h5, {folder}/train-2.h5]
  val: {folder}/val.h5
  test: {folder}/test.h5
  objects:
    event: {{field: event, columns: [met]}}
    part: {{field: part, columns: [E, px, py, pz]}}
  label: {{field: event/label, classes: [QCD, top]}}
  weight: {{field: event/weight}}
  features:
    event: {{log_met: log(met)}}
    part: {{log_E: log(E), log_pt: "log(pt(px, py))"}}
model: {{name: pfn, phi: [16, 16], f: [16], use_event: true}}
train: {{epochs: 4, batch_size: 50, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 3e-3}}
"""

PADDED = ["data.reader=dense", "data.objects.event.field=met", "data.objects.event.columns=[]", "data.objects.event.as=[met]",
          "data.objects.part.field=part", "data.objects.part.columns=[]", "data.objects.part.as=[E, px, py, pz]",
          "data.objects.part.valid=E > 0", "data.label.field=label", "data.weight.field=weight"]


class FlatTest(Variant):
    text = CONFIG

    @classmethod
    def write_data(cls):
        for seed, (name, number) in enumerate((("train-1", 400), ("train-2", 200), ("val", 200), ("test", 200))):
            jets, label = (values[3:] for values in program.toy_jets(number + 3, seed))  # the first three are longer
            jets = jets[:, :40]
            random = np.random.default_rng(seed)
            event = {"met": random.exponential(50, number).astype("f4"), "label": label.astype("u1"), "weight": random.uniform(0.5, 2, number)}
            cls.write(name, jets, event, blocks=3 if name == "train-2" else 1)
        cls.jets, cls.event = jets, event

    @classmethod
    def write(cls, name, jets, event, blocks):
        """The flat file, in blocks, and the padded one beside it."""
        with FlatWriter(cls.folder / f"{name}.h5", {}) as writer:
            for part in np.array_split(np.arange(len(jets)), blocks):
                valid = jets[part][:, :, 0] > 0
                columns = {column: jets[part][:, :, i][valid] for i, column in enumerate(("E", "px", "py", "pz"))}
                writer.append({key: values[part] for key, values in event.items()}, {"part": (columns, valid.sum(1))})
        with h5py.File(cls.folder / f"padded-{name}.h5", "w") as file:
            file.create_dataset("part", data=jets.reshape(len(jets), -1), chunks=(64, jets[0].size), compression="gzip")
            for key, values in event.items():
                file[key] = values

    def test_metrics_agree_with_scikit_learn(self):
        self.check_loss_and_accuracy()
        np.testing.assert_array_equal(self.found["label"], self.event["label"])
        np.testing.assert_allclose(self.found["weight"], self.event["weight"], rtol=1e-6)
        expected = roc_auc_score(self.event["label"], self.found["scores"][:, 1], sample_weight=self.event["weight"])
        np.testing.assert_allclose(self.values["auc"], expected, rtol=PRINTED)

    def test_padded_arrays_give_the_same_bits(self):
        run = self.folder / "padded"
        files = [f"data.train=[{self.folder}/padded-train-1.h5, {self.folder}/padded-train-2.h5]", f"data.val={self.folder}/padded-val.h5",
                 f"data.test={self.folder}/padded-test.h5"]
        self.program("train", self.config, "--run", run, *PADDED, *files)
        self.assertEqual((run / "metrics.jsonl").read_bytes(), (self.run_directory / "metrics.jsonl").read_bytes())
        self.program("predict", run, "--out", self.folder / "padded-scores.h5")
        found = read_scores(self.folder / "padded-scores.h5")
        np.testing.assert_array_equal(found["scores"], self.found["scores"])

    def test_columns_of_the_events_go_along(self):
        self.predict("columns.h5", "--columns", "met")
        with h5py.File(self.folder / "columns.h5") as file:
            np.testing.assert_array_equal(file["met"][:], self.event["met"])

    def test_a_label_with_rows_of_its_own_is_refused(self):
        result = program.run(self.folder, "check", self.config, "data.label.field=part", "data.label.column=E")
        program.require(result, 2)
        self.assertEqual(result.stderr, f"tevatrain: data.label.field: {self.folder}/train-1.h5: 'part' has rows by 'part/extents' (one row an event "
                                        "was expected). Choose a field of the events.\n")

    def test_decoding_counts_into_the_budget(self):
        for path in ("large-chunk.h5", "no-chunk.h5"):
            with h5py.File(self.folder / path, "w") as file:
                chunked = {"chunks": (4000, 5000), "compression": "gzip"} if path == "large-chunk.h5" else {}
                file.create_dataset("part", data=np.ones((4000, 5000), "f4"), **chunked)
                file["met"], file["label"], file["weight"] = np.ones(4000, "f4"), np.arange(4000) % 2, np.ones(4000)
        changes = [*PADDED, "data.budget_mib=128", "data.workers=2", "data.shuffle_rows=100", f"data.val={self.folder}/padded-val.h5",
                   f"data.test={self.folder}/padded-test.h5"]
        result = program.run(self.folder, "bench", "data", self.config, *changes, f"data.train={self.folder}/large-chunk.h5")
        program.require(result, 2)
        self.assertIn("data.budget_mib: 2 workers need 305 MiB to decode chunks of these files, of 112 MiB for events", result.stderr)
        streamed = self.program("bench", "data", self.config, *changes, f"data.train={self.folder}/no-chunk.h5", "--json", "--stage", "read")
        line = json.loads(streamed)
        self.assertEqual((line["events"], line["stage"], round(line["decoded_mib"])), (4000, "read", 76))
        self.assertNotIn("first_batch_s", line)
        first = json.loads(self.program("bench", "data", self.config, "--json", "--first-batch"))
        self.assertEqual((first["events"], "raw_read_mib_s" in first), (50, False))

    def test_the_export_gives_the_same(self):
        valid = self.jets[:, :, 0] > 0
        offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(valid.sum(1))]))
        self.check_export(torch.from_numpy(self.jets[valid]), offsets, torch.from_numpy(self.event["met"][:, None]))


if __name__ == "__main__":
    unittest.main()
