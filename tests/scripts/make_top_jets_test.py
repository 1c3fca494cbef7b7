"""Tests of scripts/make_top_jets.py. Run: python tests/scripts/make_top_jets_test.py"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_top_jets.py"
JETS = {"train": 201, "val": 40, "test": 40}
TTV = {"train": 0, "test": 1, "val": 2}
BLOSC = "32001"


def command(out, *extra):
    counts = [word for split, jets in JETS.items() for word in (f"--{split}", str(jets))]
    return [sys.executable, str(SCRIPT), "--out", str(out), "--block", "40", *counts, *extra]


def run(out, *extra, env=None):
    return subprocess.run(command(out, *extra), capture_output=True, text=True, check=False,
                          env={**os.environ, **(env or {})})


def vectors(frame):
    """Constituents [jets, 200, 4] as E, px, py, pz in double precision."""
    names = [f"{part}_{i}" for i in range(200) for part in ("E", "PX", "PY", "PZ")]
    return frame[names].to_numpy(np.float64).reshape(len(frame), 200, 4)


def truths(frame):
    return frame[["truthE", "truthPX", "truthPY", "truthPZ"]].to_numpy(np.float64)


def masses(four):
    return np.sqrt(np.maximum(four[:, 0] ** 2 - (four[:, 1:] ** 2).sum(axis=1), 0))


def eta_phi(four):
    return np.arcsinh(four[:, 3] / np.hypot(four[:, 1], four[:, 2])), np.arctan2(four[:, 2], four[:, 1])


class MadeJets(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for jobs in ("1", "2"):
            result = run(cls.folder / jobs, "--jobs", jobs)
            assert result.returncode == 0, result.stderr
            cls.result = result
        cls.frames = {split: pd.read_hdf(cls.folder / "1" / f"{split}.h5", key="table") for split in JETS}
        cls.all = pd.concat(cls.frames.values())

    def test_same_jets_for_any_number_of_processes(self):
        for split, frame in self.frames.items():
            pd.testing.assert_frame_equal(frame, pd.read_hdf(self.folder / "2" / f"{split}.h5", key="table"))

    def test_file_has_the_published_layout(self):
        for split, jets in JETS.items():
            with h5py.File(self.folder / "1" / f"{split}.h5") as file:
                table = file["/table/table"]
                self.assertEqual(table.shape, (jets,))
                self.assertEqual(table.dtype, np.dtype([("index", "<i8"), ("values_block_0", "<f4", (804,)),
                                                        ("values_block_1", "<i8", (2,))]))
                self.assertGreaterEqual(table.chunks[0], 1)
                self.assertEqual(list(table._filters), [BLOSC])

    def test_columns_have_the_published_names_and_types(self):
        for split, frame in self.frames.items():
            self.assertEqual(list(frame.columns[:5]), ["E_0", "PX_0", "PY_0", "PZ_0", "E_1"])
            self.assertEqual(list(frame.columns[-7:]),
                             ["PZ_199", "truthE", "truthPX", "truthPY", "truthPZ", "ttv", "is_signal_new"])
            self.assertEqual(len(frame.columns), 806)
            self.assertEqual(set(map(str, frame.dtypes)), {"float32", "int64"})
            self.assertTrue((frame["ttv"] == TTV[split]).all())
            np.testing.assert_array_equal(frame.index, np.arange(JETS[split]))

    def test_classes_are_balanced_and_mixed(self):
        for split, frame in self.frames.items():
            labels = frame["is_signal_new"].to_numpy()
            self.assertEqual(labels.sum(), JETS[split] // 2)
            self.assertGreater(np.count_nonzero(np.diff(labels)), JETS[split] // 4)

    def test_constituents_fall_in_pt_and_end_in_zeros(self):
        constituents = vectors(self.all)
        pt = np.hypot(constituents[..., 1], constituents[..., 2])
        self.assertTrue((np.diff(pt, axis=1) <= 1e-6 * pt[:, :1]).all())
        padding = np.cumsum(constituents[..., 0] == 0, axis=1) > 0
        self.assertTrue((constituents[padding] == 0).all())
        self.assertTrue((constituents[~padding][:, 0] > 0).all())
        self.assertTrue(((~padding).sum(axis=1) >= 5).all())
        self.assertTrue(np.isfinite(constituents).all())

    def test_jets_are_inside_the_window(self):
        jets = vectors(self.all).sum(axis=1)
        pt = np.hypot(jets[:, 1], jets[:, 2])
        self.assertGreater(pt.min(), 549.9)
        self.assertLess(pt.max(), 650.1)
        self.assertLess(abs(eta_phi(jets)[0]).max(), 2.0001)

    def test_constituents_are_central(self):
        constituents = vectors(self.all).reshape(-1, 4)
        self.assertLess(abs(eta_phi(constituents[constituents[:, 0] > 0])[0]).max(), 2.5001)

    def test_signal_has_its_top_inside_the_jet(self):
        tops = self.all[self.all["is_signal_new"] == 1]
        (eta, phi), (top_eta, top_phi) = eta_phi(vectors(tops).sum(axis=1)), eta_phi(truths(tops))
        turn = (top_phi - phi + np.pi) % (2 * np.pi) - np.pi
        self.assertLess(np.hypot(top_eta - eta, turn).max(), 0.8001)
        self.assertAlmostEqual(np.median(masses(truths(tops))), 172.5, delta=3)

    def test_background_has_no_top(self):
        self.assertTrue((truths(self.all[self.all["is_signal_new"] == 0]) == 0).all())

    def test_jet_masses_are_those_of_tops_and_of_dijets(self):
        signal_jets = self.all["is_signal_new"].to_numpy() == 1
        mass = masses(vectors(self.all).sum(axis=1))
        self.assertGreater(np.median(mass[signal_jets]), 140)
        self.assertLess(np.median(mass[signal_jets]), 200)
        self.assertLess(np.median(mass[~signal_jets]), 120)

    def test_no_jet_appears_twice(self):
        self.assertEqual(len(np.unique(self.all.iloc[:, :8].to_numpy(), axis=0)), sum(JETS.values()))

    def test_progress_is_a_line_in_a_log_file(self):
        self.assertRegex(self.result.stderr, r"281/281 jets, \d+ jets/s, 0 s left\n")
        self.assertNotIn("\r", self.result.stderr)

    def test_output_says_that_this_is_the_generator_level(self):
        self.assertIn("not comparable with published figures", self.result.stdout)
        self.assertNotIn("FastJet release", self.result.stdout)


class Reruns(unittest.TestCase):

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.small = ["--train", "4", "--val", "0", "--test", "0", "--jobs", "1"]

    def test_complete_files_are_skipped_others_refused_and_forced(self):
        train = self.folder / "train.h5"
        self.assertEqual(run(self.folder, *self.small).returncode, 0)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["train.h5"])
        made = train.stat().st_mtime_ns
        again = run(self.folder, *self.small)
        self.assertEqual((again.returncode, train.stat().st_mtime_ns), (0, made))
        self.assertIn("complete, skipped", again.stdout)
        other = run(self.folder, *self.small, "--seed", "7")
        self.assertEqual((other.returncode, train.stat().st_mtime_ns), (2, made))
        self.assertIn("was made with seed 1 (expected seed 7)", other.stderr)
        before = pd.read_hdf(train, key="table")
        self.assertEqual(run(self.folder, *self.small, "--seed", "7", "--force").returncode, 0)
        self.assertFalse(before.equals(pd.read_hdf(train, key="table")))

    def test_a_file_of_another_origin_is_never_replaced(self):
        (self.folder / "train.h5").write_text("precious")
        result = run(self.folder, *self.small)
        self.assertEqual(result.returncode, 2)
        self.assertIn("was not made by this script", result.stderr)
        self.assertEqual((self.folder / "train.h5").read_text(), "precious")

    def test_a_stopped_run_leaves_no_half_file(self):
        with subprocess.Popen(command(self.folder, "--train", "100000", "--jobs", "1"), text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 30
            while not list(self.folder.glob(".*.part")) and time.monotonic() < deadline:
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("stopped", errors)
        self.assertNotIn("Traceback", errors)
        self.assertEqual(list(self.folder.iterdir()), [])


class WrongInput(unittest.TestCase):

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def check(self, result, *texts):
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for text in ("make_top_jets: ", "(expected", *texts):
            self.assertIn(text, result.stderr)

    def test_numbers_out_of_range(self):
        for option, value in (("--train", "-1"), ("--jobs", "0"), ("--seed", "1500"), ("--block", "0")):
            self.check(run(self.folder, option, value), f"{option}: {value} is out of range")

    def test_folder_that_cannot_be_written(self):
        (self.folder / "file").touch()
        self.check(run(self.folder / "file" / "sub"), "file/sub: ", "Choose another --out")

    def test_missing_package(self):
        (self.folder / "fastjet.py").write_text("raise ImportError(\"No module named 'fastjet'\")\n")
        result = run(self.folder / "out", env={"PYTHONPATH": str(self.folder)})
        self.check(result, "No module named 'fastjet'", "requirements.txt")

    def test_help_has_examples(self):
        result = run(self.folder, "--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("examples:", result.stdout)
        self.assertIn("not comparable", result.stdout)


if __name__ == "__main__":
    unittest.main()
