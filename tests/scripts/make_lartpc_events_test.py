"""Tests of scripts/make_lartpc_events.py: the files that it writes, by h5py."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_lartpc_events.py"


def make(folder, *arguments):
    return subprocess.run([sys.executable, SCRIPT, "--out", folder, "--train", "45", "--val", "3", "--test", "0", *map(str, arguments)],
                          capture_output=True, text=True, timeout=300)


class MakeLArTPCEvents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)
        for layout in ("larcv", "pilarnet"):
            result = make(cls.folder / layout, "--layout", layout)
            assert result.returncode == 0, result.stderr
            assert "a toy: not comparable with published figures" in result.stdout

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_extents_divide_voxels_and_particles(self):
        with h5py.File(self.folder / "larcv" / "train.h5") as file:
            for group, rows in (("voxel_toy_group", "voxels"), ("particle_toy_group", "particles")):
                extents = file[f"Data/{group}/extents"][:]
                self.assertEqual(len(extents), 45)
                np.testing.assert_array_equal(extents["first"][1:], np.cumsum(extents["N"])[:-1])
                self.assertEqual(extents["N"].sum(), len(file[f"Data/{group}/{rows}"]))
            voxels, extents = file["Data/voxel_toy_group/voxels"][:], file["Data/voxel_toy_group/extents"][:]
            particles, of_event = file["Data/particle_toy_group/particles"][:], file["Data/particle_toy_group/extents"][:]
            for event in range(45):
                mine = voxels[extents["first"][event]:][:extents["N"][event]]
                self.assertTrue((np.diff(mine["id"].astype(np.int64)) > 0).all())
                np.testing.assert_array_equal((mine["x"].astype(int) * 768 + mine["y"]) * 768 + mine["z"], mine["id"])
                np.testing.assert_array_equal(particles[of_event["first"][event]:]["semantic"][mine["particle"]], mine["semantic"])
            np.testing.assert_array_equal(file["Events/event_id"]["event"], np.arange(45))
            showers = (particles["pdg"] == 11) & (particles["semantic"] == 0)
            expected = [showers[first:first + count].any() for first, count in of_event]
            np.testing.assert_array_equal(file["Events/truth"]["electron"], expected)
            self.assertTrue(10 < np.sum(expected) < 35, np.sum(expected))
            self.assertEqual(file.attrs["classes"].tolist(), ["shower", "track", "michel", "delta", "low_energy"])

    def test_rows_of_variable_length_hold_the_same_events(self):
        with h5py.File(self.folder / "larcv" / "train.h5") as flat, h5py.File(self.folder / "pilarnet" / "train.h5") as ragged:
            voxels, extents = flat["Data/voxel_toy_group/voxels"][:], flat["Data/voxel_toy_group/extents"][:]
            for event in range(45):
                mine = voxels[extents["first"][event]:][:extents["N"][event]]
                points, clusters = ragged["point"][event].reshape(-1, 8), ragged["cluster"][event].reshape(-1, 5)
                self.assertEqual(clusters[:, 0].sum(), len(points))
                found = np.rec.fromarrays([*points[:, :4].T, np.repeat(clusters[:, 4], clusters[:, 0]), np.repeat(clusters[:, 1], clusters[:, 0])])
                expected = np.rec.fromarrays([*(mine[name].astype("f4") for name in ("x", "y", "z", "value")), mine["semantic"].astype(int), mine["particle"].astype(int)])
                self.assertTrue(sorted(found.tolist()) == sorted(expected.tolist()), event)  # a difference of thousands of rows is not for reading

    def test_events_depend_neither_on_processes_nor_on_their_number(self):
        result = make(self.folder / "one", "--jobs", 1, "--train", 21)
        self.assertEqual(result.returncode, 0, result.stderr)
        with h5py.File(self.folder / "larcv" / "train.h5") as many, h5py.File(self.folder / "one" / "train.h5") as one:
            voxels = one["Data/voxel_toy_group/voxels"][:]
            np.testing.assert_array_equal(voxels, many["Data/voxel_toy_group/voxels"][:len(voxels)])

    def test_is_run_again_and_refuses_what_it_did_not_make(self):
        self.assertIn("train.h5: complete, skipped.", make(self.folder / "larcv").stdout)
        result = make(self.folder / "larcv", "--seed", 2)
        self.assertEqual(result.returncode, 2)
        self.assertIn("was made with seed 1 (expected seed 2)", result.stderr)
        self.assertIn("--jobs: 0 is out of range", make(self.folder / "larcv", "--jobs", 0).stderr)
        self.assertEqual(list((self.folder / "larcv").glob(".*")), [])


if __name__ == "__main__":
    unittest.main()
