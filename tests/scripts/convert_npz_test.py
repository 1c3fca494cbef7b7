"""Tests of scripts/convert_npz.py. Run: python tests/scripts/convert_npz_test.py"""

import unittest

import numpy as np
from convert_support import ConvertTest, columns_of

RNG = np.random.default_rng(1)
COLUMNS = ["pt", "y", "phi", "pid"]
PARTICLE = ["--object", "particle=X:pt,y,phi,pid"]


def make_jets(counts, most, dtype="f8"):
    """X [events, most, 4] padded with zeros and y, as EnergyFlow's quark and gluon jets; and the rows that are no padding."""
    mask = np.arange(most) < np.asarray(counts)[:, None]
    rows = RNG.normal(size=(mask.sum(), 4)).astype(dtype)
    rows[:, 0] = abs(rows[:, 0]) + 0.1
    padded = np.zeros((*mask.shape, 4), dtype)
    padded[mask] = rows
    return {"X": padded, "y": RNG.integers(0, 2, len(mask)).astype("f8")}, rows


class ConvertNpz(ConvertTest):

    script = "convert_npz.py"

    def save(self, name, arrays, save=np.savez):
        save(self.folder / name, **arrays)

    def test_quark_and_gluon_jets_of_files_of_different_widths(self):
        files = []
        for name, most, save in (("a.npz", 139, np.savez), ("b.npz", 150, np.savez_compressed)):
            counts = RNG.integers(0, 100, 300)
            arrays, rows = make_jets(counts, most)
            self.save(name, arrays, save)
            files.append((counts, arrays, rows))
        file, text = self.convert(*PARTICLE, "--valid", "pt", "a.npz", "b.npz", "out.h5")
        stored, counts = columns_of(file, "particle")
        np.testing.assert_array_equal(counts, np.concatenate([item[0] for item in files]))
        self.check(stored, {name: np.concatenate([rows[:, index] for _, _, rows in files]) for index, name in enumerate(COLUMNS)})
        self.check(columns_of(file, "event"), {"y": np.concatenate([arrays["y"] for _, arrays, _ in files])})
        self.assertIn("particle: pt, y, phi, pid, rows of X where pt is not 0\n", text)

    def test_padding_is_what_is_zero_in_the_valid_column_or_in_all(self):
        X = np.array([[[0, 1], [2, 0], [0, 0]], [[0, 0], [0, 0], [5, 6]]], "f4")
        self.save("a.npz", {"X": X})
        file, _ = self.convert("--object", "hit=X:e,t", "a.npz", "all.h5")
        stored, counts = columns_of(file, "hit")
        self.assertEqual((stored["e"].tolist(), stored["t"].tolist(), counts.tolist()), ([0, 2, 5], [1, 0, 6], [2, 1]))
        file, _ = self.convert("--object", "hit=X:e,t", "--valid", "e", "a.npz", "valid.h5")
        stored, counts = columns_of(file, "hit")
        self.assertEqual((stored["e"].tolist(), stored["t"].tolist(), counts.tolist()), ([2, 5], [0, 6], [1, 1]))

    def test_general_arrays_are_event_columns_of_their_type(self):
        arrays = {"x": RNG.normal(size=(50, 7)).astype("f4"), "image": RNG.integers(0, 255, (50, 3, 4), "u1"), "flag": RNG.random(50) < 0.5,
                  "run": np.arange(50), "name": np.array([b"qcd", b"tt"] * 25), "big-endian": np.arange(50, dtype=">i4")}
        others = {"edges": np.arange(9.0), "scalar": np.array(1.0), "text": np.array(["a"] * 50), "fortran": np.asfortranarray(arrays["x"])}
        self.save("a.npz", arrays | others)
        file, text = self.convert("a.npz", "out.h5")
        self.check(columns_of(file, "event"), {"x": arrays["x"], "image": arrays["image"].reshape(50, 12), "flag": arrays["flag"], "run": arrays["run"],
                                               "name": arrays["name"], "big_endian": np.arange(50, dtype="i4")})
        for name in others:
            self.assertRegex(text, rf"left out: .*{name} \(")

    def test_chosen_columns_and_two_objects(self):
        arrays, rows = make_jets([2, 0, 1], 5, "f4")
        arrays |= {"pt": np.array([[1, 2], [0, 0], [3, 0]], "i2"), "z": np.zeros(3)}
        self.save("a.npz", arrays)
        file, _ = self.convert(*PARTICLE, "--object", "track=pt:pt", "--event", "y", "a.npz", "out.h5")
        self.assertEqual((sorted(file), list(file["event"])), (["event", "particle", "track"], ["y"]))
        self.check(columns_of(file, "particle")[0], {name: rows[:, index] for index, name in enumerate(COLUMNS)})
        stored, counts = columns_of(file, "track")
        self.check(stored, {"pt": np.array([1, 2, 3], "i2")})
        self.assertEqual(counts.tolist(), [2, 0, 1])

    def test_more_events_than_a_block(self):
        arrays, rows = make_jets(RNG.integers(0, 30, 30000), 40)
        self.save("a.npz", arrays, np.savez_compressed)
        file, _ = self.convert(*PARTICLE, "a.npz", "out.h5")
        self.check(columns_of(file, "particle")[0], {name: rows[:, index] for index, name in enumerate(COLUMNS)})

    def test_no_events(self):
        arrays, _ = make_jets(np.zeros(0, int), 10)
        self.save("a.npz", arrays)
        file, _ = self.convert(*PARTICLE, "a.npz", "out.h5")
        self.assertEqual((file["event/y"].shape, file["particle/pt"].shape, file["particle/pt"].dtype), ((0,), (0,), "f8"))

    def test_later_files_must_have_the_same_arrays(self):
        first, _ = make_jets([1, 2], 5)
        self.save("a.npz", first)
        for second, text in (({"X": first["X"]}, "b.npz: has no array 'y' to convert (there are: X)"), (first | {"y": first["y"].astype("f4")}, "'y' is float32"),
                             (first | {"X": first["X"][..., :3]}, "the array 'X' is float64 [2, 5, 3] (expected float64 [2, 5, 4]"),
                             (first | {"y": np.zeros(3)}, "b.npz: the arrays have different numbers of events (y 3, X 2"),
                             (first | {"X": np.asfortranarray(first["X"])}, "X (column by column in memory)"),
                             (first | {"X": np.array([None, 1])}, "X (object [2])")):
            self.save("b.npz", second)
            self.refused([*PARTICLE, "a.npz", "b.npz", "out.h5"], text)

    def test_truncated_and_damaged_input(self):
        arrays, _ = make_jets(RNG.integers(0, 30, 3000), 40)
        self.save("a.npz", arrays, np.savez_compressed)
        data = (self.folder / "a.npz").read_bytes()
        (self.folder / "a.npz").write_bytes(data[:len(data) // 2])
        self.refused([*PARTICLE, "a.npz", "out.h5"], "a.npz: cannot be read: BadZipFile")
        damaged = bytearray(data)
        damaged[len(data) // 3] ^= 255
        (self.folder / "a.npz").write_bytes(damaged)
        self.refused([*PARTICLE, "a.npz", "out.h5"], "a.npz: cannot be read: ")
        self.save("a.npz", {"X": np.arange(3)})
        with open(self.folder / "b.npy", "wb") as file:
            np.save(file, np.arange(3))
        self.refused(["b.npy", "out.h5"], "b.npy: cannot be read")

    def test_bad_arguments(self):
        arrays, _ = make_jets([1, 2], 5)
        self.save("a.npz", arrays)
        for words, text in ((["--object", "particle=X"], "--object particle=X: names no columns (expected name=array:columns)"),
                            (["--object", "particle=X:pt,y,phi"], "names 3 columns (expected 4: X is [2, 5, 4])"),
                            (["--object", "particle=Z:pt"], "nothing fits 'Z' (there are: X)"), (["--object", "particle=y:pt"], "nothing fits 'y'"),
                            (["--object", "particle=X:pt,pt,y,phi"], "particle: 'pt' and 'pt' would both be the column 'pt'"),
                            ([*PARTICLE, "--valid", "e"], "--valid e: is no column of an object"), ([*PARTICLE, *PARTICLE], "names an object twice"),
                            (["--event", "w"], "--event, arrays: nothing fits 'w'"), (["--event", ""], "has nothing to convert")):
            self.refused([*words, "a.npz", "out.h5"], text)

    def test_existing_output_and_one_file_for_each(self):
        for name in "ab":
            self.save(f"{name}.npz", make_jets([1, 2], 5)[0])
        result = self.run_script(*PARTICLE, "--per-file", "--jobs", "2", "a.npz", "b.npz", "made")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([self.opened(f"made/{name}.h5")["particle/extents"]["N"].tolist() for name in "ab"], [[1, 2]] * 2)
        self.out.write_text("precious")
        self.refused([*PARTICLE, "a.npz", "out.h5"], "out.h5: is there already")

    def test_a_stopped_conversion_leaves_nothing(self):
        self.save("a.npz", make_jets(RNG.integers(0, 30, 20000), 40)[0])
        self.check_stops(*PARTICLE, *["a.npz"] * 20, "out.h5")

    def test_help_and_missing_package(self):
        self.check_help()
        (self.folder / "a.npz").touch()
        self.check_missing_package("h5py", "a.npz", "out.h5")


if __name__ == "__main__":
    unittest.main()
