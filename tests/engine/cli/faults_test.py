"""Files that break: stop with the place and the reason, or leave the events out and say so. And many files, known from an earlier run."""

import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

CONFIG = """\
data:
  reader: dense
  train: {folder}/train_*.h5
  val: {folder}/val.h5
  objects: {{event: {{field: x, as: [a, b, c, d]}}}}
  label: {{field: label, classes: [q, g]}}
  features: {{event: {{a: a, b: b}}}}
model: {{name: mlp, widths: [8]}}
train: {{epochs: 2, batch_size: 100, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)
        self.random = np.random.default_rng(3)
        for name in ("train_1", "train_2", "train_3", "val"):
            self.write(name, 30_000 if name == "val" else 1000)  # val: two units of reading
        (self.folder / "toy.yaml").write_text(CONFIG.format(folder=self.folder))

    def write(self, name, number=1000):
        with h5py.File(self.folder / f"{name}.h5", "w") as file:
            file.create_dataset("x", data=self.random.normal(0, 1, (number, 4)).astype("f4"), chunks=(250, 4), fletcher32=True)
            file.create_dataset("label", data=np.arange(number) % 2, chunks=(250,))

    def place(self, name, chunk):
        with h5py.File(self.folder / f"{name}.h5") as file:
            return file["x"].id.get_chunk_info(chunk).byte_offset

    def damage(self, name, chunk):
        """One bit of a chunk of x."""
        place = self.place(name, chunk)
        with open(self.folder / f"{name}.h5", "r+b") as file:
            file.seek(place + 100)
            byte = file.read(1)[0]
            file.seek(place + 100)
            file.write(bytes([byte ^ 1]))

    def train(self, *overrides, warns=False):
        return program.run(self.folder, "train", "toy.yaml", "--run", "run", *overrides, warns=warns)

    def test_a_damaged_chunk_stops_the_run(self):
        self.damage("train_2", 1)
        result = self.train()
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{self.folder}/train_2.h5: dataset '/x', chunk 1 (rows 250 to 499) cannot be read (fletcher32: the checksum does not fit the data)",
                      result.stderr)

    def test_or_its_events_are_left_out_and_named_once(self):
        self.damage("train_2", 1)
        self.damage("val", 0)
        result = self.train("data.faults=skip", warns=True)
        program.require(result)
        warnings = [line for line in result.stderr.splitlines() if "data.faults" in line]
        self.assertEqual(len(warnings), 2, result.stderr)
        self.assertIn("train_2.h5 are left out: ", warnings[0])
        self.assertIn("(rows 250 to 499) cannot be read", warnings[0])
        self.assertIn("val.h5 are left out: ", warnings[1])
        rows = [json.loads(line) for line in (self.folder / "run" / "metrics.jsonl").read_text().splitlines()]
        self.assertTrue(all(np.isfinite(row["loss"]) for row in rows if "loss" in row))

    def test_leaving_out_goes_with_weights_and_check(self):
        self.damage("train_2", 1)
        for overrides in (["data.weight.balance=equal"], ["data.weight.reweight.to=flat", "data.weight.reweight.variables.b={range: [-9, 9], bins: 2}"]):
            program.require(self.train("data.faults=skip", "--fresh", *overrides, warns=True))
        self.damage("train_1", 0)
        program.require(program.run(self.folder, "check", "toy.yaml", "data.faults=skip", warns=True))

    def test_what_leaves_every_event_out_is_named(self):
        remedies = {"data.select: 'a > 1e9'": "Correct the expression.",
                    "data.faults: 'skip'": "Copy the files that the warnings name again, or make them again.",
                    "data.label.other: 'drop'": "Let data.label.classes name values that are there.",
                    "data.weight.negative: 'drop'": "Correct data.weight or the file."}
        select, faults, other, negative = remedies
        classes = ["data.label.other=drop", "data.label.classes={q: 5, g: 6}"]
        for name in ("negative", "negative_val"):
            with h5py.File(self.folder / f"{name}.h5", "w") as file:
                file["x"], file["label"], file["weight"] = np.ones((60, 4), "f4"), np.arange(60) % 2, -np.ones(60)
        for name in ("damaged", "one"):
            self.write(name)
        for chunk in range(4):
            self.damage("damaged", chunk)
        self.damage("one", 0)
        damaged = [f"data.train={self.folder}/damaged.h5", "data.faults=skip"]
        for named, number, overrides in (
                ([select], 3000, ["data.select=a > 1e9"]),
                ([faults], 1000, damaged),
                ([other], 3000, classes),
                ([negative], 60, [f"data.train={self.folder}/negative.h5", f"data.val={self.folder}/negative_val.h5", "data.weight.field=weight",
                                  "data.weight.negative=drop"]),
                ([select, other], 3000, ["data.select=a > 1e9", *classes]),
                ([select, faults], 1000, ["data.select=a > 1e9", f"data.train={self.folder}/one.h5", "data.faults=skip"])):
            with self.subTest(named):
                result = self.train("--fresh", *overrides, warns="data.faults=skip" in overrides)
                verb = "leaves" if len(named) == 1 else "leave"
                self.assertEqual((result.returncode, result.stderr.splitlines()[-1]), (
                    2, f"tevatrain: {' and '.join(named)} {verb} none of the {number} training events. " + " ".join(remedies[key] for key in named)))

    def train_from(self, fault, *overrides, warns=False):
        """With a disk on which reads of a chunk of train_2.h5 go wrong."""
        library = Path(os.environ["TEVATRAIN_BUILD"]) / "lib" / "libfaulty_disk.so"
        return program.run(self.folder, "train", "toy.yaml", "--run", "run", *overrides, warns=warns,
                           LD_PRELOAD=str(library), ASAN_OPTIONS="verify_asan_link_order=0", FAULTY_DISK=f"{self.folder}/train_2.h5", FAULTY_DISK_AT=str(self.place("train_2", 1)),
                           FAULTY_DISK_DOES=fault)

    def test_a_disk_that_fails_stops_the_run_or_its_events_are_left_out(self):
        result = self.train_from("EIO")
        self.assertEqual(result.returncode, 1)
        place = self.place("train_2", 1)
        message = f"{self.folder}/train_2.h5: bytes {place} to {place + 4003} cannot be read (Input/output error). Copy the file again, or check its disk."
        self.assertIn(message, result.stderr)
        result = self.train_from("EIO", "data.faults=skip", warns=True)
        program.require(result)
        self.assertIn("train_2.h5 are left out: " + message, result.stderr)

    def test_a_slow_disk_is_named_once(self):
        result = self.train_from("sleep", "train.epochs=1", warns=True)  # read by the passes of statistics and of training
        program.require(result)
        self.assertRegex(result.stderr, r"train_2\.h5: \d+ bytes took 5(\.\d)? s to be read")
        self.assertEqual(result.stderr.count("to be read"), 1, result.stderr)

    def test_a_truncated_file_stops_or_is_left_out(self):
        whole = (self.folder / "train_3.h5").read_bytes()
        (self.folder / "train_3.h5").write_bytes(whole[:len(whole) // 2])
        result = self.train()
        self.assertEqual(result.returncode, 2)
        self.assertIn("train_3.h5: is truncated", result.stderr)
        result = self.train("data.faults=skip", warns=True)
        program.require(result)
        self.assertIn("data.train: a file is left out: ", result.stderr)
        self.assertIn("train_3.h5: is truncated", result.stderr)
        wrong = self.train("data.faults=skip", "data.objects.event.field=y", "--fresh")  # not the files' fault
        self.assertIn("has no field 'y'", wrong.stderr)

    def test_files_are_indexed_by_processes_and_known_afterwards(self):
        for i in range(4, 44):
            shutil.copy(self.folder / "train_1.h5", self.folder / f"train_{i}.h5")
        output = program.require(program.run(self.folder, "index", "toy.yaml", "--jobs", 3))
        self.assertIn("44 files indexed by 3 processes", output)
        plans = list((self.folder / "cache" / "index").glob("*/*.plan"))
        self.assertEqual(len(plans), 44)
        program.require(program.run(self.folder, "check", "toy.yaml"))
        self.assertEqual(len(list((self.folder / "cache" / "index").glob("*/*.plan"))), 44)
        first = self.train()
        program.require(first)
        shutil.rmtree(self.folder / "cache")
        shutil.move(self.folder / "run", self.folder / "before")
        program.require(self.train())
        self.assertEqual(*((self.folder / name / "metrics.jsonl").read_text() for name in ("before", "run")))
        (self.folder / "train_9.h5").write_text("no HDF5")
        wrong = program.run(self.folder, "index", "toy.yaml", "--jobs", 2)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("train_9.h5: is not an HDF5 file", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
