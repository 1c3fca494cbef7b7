"""Tests of scripts/convert_root.py. Run: python tests/scripts/convert_root_test.py"""

import os
import unittest

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uproot
from convert_support import ConvertTest, columns_of

RNG = np.random.default_rng(1)
FLAGS = "QCD Hbb Hcc Hgg H4q Hqql Zqq Wqq Tbqq Tbl".split()


def make_jets(counts):
    """Branches as JetClass has them: jagged part_*, jet_*, ten label_*; some more for the types."""
    counts = np.asarray(counts)

    def jagged(values):
        return ak.unflatten(values, counts)

    rows, events = counts.sum(), len(counts)
    flags = RNG.integers(0, 10, events)
    return {"part_px": jagged(RNG.normal(size=rows).astype("f4")), "part_d0val": jagged(RNG.normal(size=rows)),
            "part_charge": jagged(RNG.integers(-1, 2, rows).astype("i4")), "part_isMuon": jagged(RNG.random(rows) < 0.1),
            "jet_pt": RNG.normal(500, 100, events).astype("f4"), "jet_nparticles": counts.astype("i4"), "weight": RNG.normal(size=events),
            "run": np.arange(events, dtype="i8"), "is_data": RNG.random(events) < 0.5, "cov": RNG.normal(size=(events, 3)).astype("f4"),
            **{f"label_{name}": (flags == index).astype("i4") for index, name in enumerate(FLAGS)}}


def write_tree(path, *blocks, tree="tree"):
    with uproot.recreate(path) as file:
        kinds = {name: values.type if isinstance(values, ak.Array) else np.dtype((values.dtype, values.shape[1:]))
                 for name, values in blocks[0].items()}
        file.mktree(tree, kinds, counter_name=lambda name: "n_" + name)
        for block in blocks:
            file[tree].extend(block)


def rows(blocks, names):
    return {new: np.concatenate([ak.to_numpy(ak.flatten(block[old])) for block in blocks]) for new, old in names.items()}


def events(blocks, names):
    return {name: np.concatenate([np.asarray(block[name]) for block in blocks]) for name in names}


PART = {"px": "part_px", "d0val": "part_d0val", "charge": "part_charge", "isMuon": "part_isMuon"}
EVENT = ["jet_pt", "jet_nparticles", "weight", "run", "is_data", "cov", *(f"label_{name}" for name in FLAGS)]


class ConvertRoot(ConvertTest):

    script = "convert_root.py"

    def check_jets(self, file, blocks, event=EVENT):
        stored, counts = columns_of(file, "part")
        self.check(stored, rows(blocks, PART))
        np.testing.assert_array_equal(counts, np.concatenate([ak.to_numpy(ak.num(block["part_px"])) for block in blocks]))
        self.check(columns_of(file, "event"), events(blocks, event))

    def test_named_branches_of_several_files_of_several_baskets(self):
        blocks = [make_jets(RNG.poisson(40, count)) for count in (300, 1, 200)]
        write_tree(self.folder / "a.root", *blocks[:2])
        write_tree(self.folder / "b.root", blocks[2])
        file, text = self.convert("--object", "part=part_*", "--event", "jet_*,label_*,weight,run,is_data,cov", "a.root", "b.root", "out.h5")
        self.check_jets(file, blocks)
        self.assertIn("part: px, d0val, charge, isMuon\n", text)
        self.assertIn("out.h5: 501 events", text)
        self.assertEqual(file.attrs["source_files"], '["a.root", "b.root"]')

    def test_a_guess_takes_everything_and_says_so(self):
        block = make_jets([3, 0, 2, 5])
        block |= {"px": ak.Array([[1.0], [], [2.0], [3.0]]), "py": ak.Array([[4.0], [], [5.0], [6.0]]), "t": ak.Array([[1], [], [], [2]]),
                  "part_vertex": ak.Array([[1], [2], [3], [4]])}
        write_tree(self.folder / "a.root", block)
        file, text = self.convert("a.root", "out.h5")
        counters = {f"n_{name}": np.asarray(ak.num(block[name]), "i4") for name in block if isinstance(block[name], ak.Array)}
        self.check(columns_of(file, "event"), events([block], EVENT) | counters)
        self.check(columns_of(file, "part")[0], rows([block], PART))
        self.check(columns_of(file, "particle")[0], {"px": np.array([1.0, 2, 3]), "py": np.array([4.0, 5, 6])})
        self.check(columns_of(file, "particle2")[0], {"t": np.array([1, 2])})
        self.assertIn("left out: part_vertex (its counts are not those of part_px", text)

    def test_rntuple_with_text_and_nested_lists(self):
        block = make_jets([3, 0, 2, 5])
        with uproot.recreate(self.folder / "a.root") as file:
            file["ntuple"] = {**block, "name": ak.Array(["a", "b", "c", "d"]), "lists": ak.Array([[[1.0]], [], [], []])}
        file, text = self.convert("a.root", "out.h5")
        self.check_jets(file, [block])
        self.assertIn("left out: lists (neither numbers nor lists of them), name (neither numbers nor lists of them)", text)

    def test_parquet_with_jagged_records(self):
        counts = RNG.poisson(3, 50)
        part = ak.zip({"px": ak.unflatten(RNG.normal(size=counts.sum()).astype("f4"), counts),
                       "p4": ak.unflatten(RNG.normal(size=(counts.sum(), 4)), counts)}, depth_limit=2)
        part = ak.with_field(part, ak.unflatten(RNG.integers(0, 9, counts.sum()), counts), "id")
        ak.to_parquet(ak.Array({"part": part, "pt": np.arange(50.0), "ok": counts > 2, "v": np.ones((50, 3), "f4")}), self.folder / "a.parquet")
        file, text = self.convert("a.parquet", "out.h5")
        stored, numbers = columns_of(file, "part")
        np.testing.assert_array_equal(numbers, counts)
        self.check(stored, {"px": ak.to_numpy(ak.flatten(part.px)), "id": ak.to_numpy(ak.flatten(part.id)), "p4": ak.to_numpy(ak.flatten(part.p4))})
        self.check(columns_of(file, "event"), {"pt": np.arange(50.0), "ok": counts > 2, "v": np.ones((50, 3), "f4")})

    def test_parquet_of_many_row_groups_is_read_in_order(self):
        table = pa.table({"x": np.arange(1000), "l": [[float(i)] * (i % 3) for i in range(1000)]})
        pq.write_table(table, self.folder / "a.parquet", row_group_size=7)
        file, _ = self.convert("--object", "hit=l", "a.parquet", "out.h5")
        self.check(columns_of(file, "event"), {"x": np.arange(1000)})
        stored, counts = columns_of(file, "hit")
        self.check(stored, {"l": np.repeat(np.arange(1000.0), np.arange(1000) % 3)})
        np.testing.assert_array_equal(counts, np.arange(1000) % 3)

    def test_patterns_cut_prefixes(self):
        write_tree(self.folder / "a.root", make_jets([2, 1]))
        file, _ = self.convert("--event", "", "--object", "a=part_*", "--object", "b=part_d*,part_px", "--object", "c=*px", "a.root", "out.h5")
        self.assertEqual({name: set(file[name]) for name in file}, {"a": {"px", "d0val", "charge", "isMuon", "extents"},
                                                                    "b": {"_0val", "part_px", "extents"}, "c": {"part_px", "extents"}})

    def test_select_keeps_events_for_which_it_is_true(self):
        block = make_jets(RNG.poisson(5, 100))
        write_tree(self.folder / "a.root", block)
        file, _ = self.convert("--select", "jet_pt > 480 and not is_data or run == 3", "--event", "run", "--object", "part=part_*", "a.root", "out.h5")
        mask = (block["jet_pt"] > 480) & ~block["is_data"] | (block["run"] == 3)
        self.check(columns_of(file, "event"), {"run": block["run"][mask]})
        self.check(columns_of(file, "part")[0], rows([{name: values[mask] for name, values in block.items()}], PART))

    def test_empty_trees_and_events(self):
        none, zeros = make_jets(np.zeros(0, int)), make_jets([0, 0])
        write_tree(self.folder / "none.root", none)
        write_tree(self.folder / "zeros.root", zeros)
        words = ["--object", "part=part_*", "--event", "jet_*"]
        file, _ = self.convert(*words, "none.root", "out.h5")
        self.assertEqual((file["event/jet_pt"].shape, file["part/px"].shape, file["part/px"].dtype), ((0,), (0,), "f4"))
        file, _ = self.convert(*words, "none.root", "zeros.root", "none.root", "both.h5")
        self.assertEqual((file["event/jet_pt"].shape, file["part/extents"]["N"].tolist()), ((2,), [0, 0]))

    def test_one_file_for_each(self):
        blocks = {name: make_jets(RNG.poisson(9, 40)) for name in ("qcd.v1", "top")}
        for name, block in blocks.items():
            write_tree(self.folder / f"{name}.root", block)
        words = ["--object", "part=part_*", "--event", ",".join(EVENT), "--per-file", "--jobs", "2", "qcd.v1.root", "top.root", "made"]
        result = self.run_script(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        for name, block in blocks.items():
            self.check_jets(self.opened(f"made/{name}.h5"), [block])
        self.assertIn("80 events at", result.stdout)
        os.remove(self.folder / "made" / "top.h5")
        again = self.run_script(*words)
        self.assertIn("made/qcd.v1.h5: complete, skipped.", again.stdout)
        self.assertIn("made/top.h5: 40 events", again.stdout)

    def test_a_failure_in_one_of_many_files_keeps_the_others(self):
        for name in "abcd":
            write_tree(self.folder / f"{name}.root", make_jets([1, 2]))
        data = (self.folder / "d.root").read_bytes()
        (self.folder / "d.root").write_bytes(data[:-100])
        result = self.run_script("--per-file", "--jobs", "1", "a.root", "b.root", "c.root", "d.root", "made")
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
        self.assertIn("d.root: ends after", result.stderr)
        self.assertEqual(sorted(path.name for path in (self.folder / "made").iterdir()), ["a.h5", "b.h5", "c.h5"])

    def test_later_files_must_have_the_same_branches(self):
        first = make_jets([1, 2])
        px = ak.values_astype(ak.Array([[1.0, 2.0], [3.0]]), "float32")
        write_tree(self.folder / "a.root", first)
        for second, text in (({name: first[name] for name in first if name != "part_px"}, "b.root: has no branch 'part_px'"),
                             (first | {"jet_pt": first["jet_pt"].astype("f8")}, "'jet_pt' is float64 (expected float32 as in the first file)"),
                             (first | {"cov": first["cov"][:, :2].copy()}, "the branch 'cov' is 2 * float32 (expected 3 * float32"),
                             (first | {"jet_pt": px}, "the branch 'jet_pt' is jagged float32 (expected float32"),
                             (first | {"part_px": px}, "part_d0val has 1 values where part_px has 2 (expected equal numbers in every event")):
            write_tree(self.folder / "b.root", second)
            self.refused(["--event", "jet_*,cov", "--object", "part=part_*", "a.root", "b.root", "out.h5"], "b.root", text)

    def test_bad_arguments(self):
        write_tree(self.folder / "a.root", make_jets([1, 2]))
        for words, text in ((["--object", "part=pfcand_*"], "nothing fits 'pfcand_*' (there are: part_px, "),
                            (["--object", "part"], "--object part: names no branches"),
                            (["--object", "part=part_*", "--object", "part=part_px"], "for the second time"),
                            (["--event", "part_px"], "nothing fits 'part_px'"), (["--tree", "Events"], "has no tree 'Events' (there are: tree)"),
                            (["--select", "jet_pt >"], "--select jet_pt >: invalid syntax"), (["--select", "pt > 5"], "nothing fits 'pt'"),
                            (["--select", "jet_pt"], "gives float32"), (["--event", "", "--object", ""], "has nothing to convert"),
                            (["--jobs", "0"], "--jobs: 0 is out of range"), (["--object", "event=part_*"], "event: is no name of an object")):
            self.refused([*words, "a.root", "out.h5"], text)
        self.refused(["a.root", "b.root"], "b.root: is no name of an HDF5 file")
        self.refused(["b.root", "out.h5"], "b.root: is not there")
        self.refused(["a.root", "a.root"], "a.root: is IN and OUT")
        self.refused(["--per-file", "a.root", "a.root", "made"], "would be written to")

    def test_damaged_files(self):
        (self.folder / "text.root").write_text("no tree")
        self.refused(["text.root", "out.h5"], "text.root: begins with b'no t' (expected a ROOT or a Parquet file)")
        write_tree(self.folder / "a.root", make_jets(RNG.poisson(40, 100)))
        data = (self.folder / "a.root").read_bytes()
        for size in (10, len(data) // 2, len(data) - 60):
            (self.folder / "a.root").write_bytes(data[:size])
            self.refused(["a.root", "out.h5"], "a.root: ", "Copy or make it again")
        pq.write_table(pa.table({"x": np.arange(1000)}), self.folder / "a.parquet")
        data = (self.folder / "a.parquet").read_bytes()
        (self.folder / "a.parquet").write_bytes(data[:len(data) // 2])
        self.refused(["a.parquet", "out.h5"], "a.parquet: cannot be read")

    def test_missing_values(self):
        pq.write_table(pa.table({"x": [1, None], "l": [[1.0], [None]], "m": [[1.0], None]}), self.folder / "a.parquet")
        for words, name in ((["--object", ""], "x"), (["--event", "", "--object", "o=l"], "l"), (["--event", "", "--object", "o=m"], "m"),
                            ([], "m")):
            self.refused([*words, "a.parquet", "out.h5"], f"a.parquet: {name}: has missing values")

    def test_existing_output(self):
        write_tree(self.folder / "a.root", make_jets([1, 2]))
        self.convert("a.root", "out.h5")[0].close()
        made = self.out.stat().st_mtime_ns
        self.assertIn("complete, skipped", self.run_script("a.root", "out.h5").stdout)
        self.refused(["--event", "", "a.root", "out.h5"], "out.h5: is there already and was not made by this command")
        os.utime(self.folder / "a.root", ns=(made + 10**9, made + 10**9))
        self.refused(["a.root", "out.h5"], "out.h5: is older than a.root")
        self.assertEqual(self.out.stat().st_mtime_ns, made)
        self.out.write_text("precious")
        self.refused(["a.root", "out.h5"], "was not made by this command")
        self.assertEqual(self.out.read_text(), "precious")
        self.convert("--force", "a.root", "out.h5")

    def test_a_stopped_conversion_leaves_nothing(self):
        block = make_jets(RNG.poisson(40, 20000))
        write_tree(self.folder / "a.root", *[block] * 5)
        self.check_stops(*["a.root"] * 5, "out.h5")
        for name in "bc":
            os.link(self.folder / "a.root", self.folder / f"{name}.root")
        self.check_stops("--per-file", "--jobs", "2", "a.root", "b.root", "c.root", "made")

    def test_help_and_missing_package(self):
        self.check_help()
        (self.folder / "a.root").touch()
        self.check_missing_package("uproot", "a.root", "out.h5")


if __name__ == "__main__":
    unittest.main()
