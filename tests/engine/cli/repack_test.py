"""tevatrain repack: what h5py finds in the output against what the field's writers put into the input."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
from tevatrain.flat import FlatWriter  # noqa: E402

TRACK = np.dtype([("pt", "f4"), ("d0", "f8"), ("hits", "i2", (3,)), ("valid", "?"), ("name", "S5")])


class RepackTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)
        self.random = np.random.default_rng(7)

    def repack(self, *arguments, code=0, **options):
        return program.require(program.run(self.folder, "repack", *arguments, **options), code)

    def refusal(self, *arguments, code=2):
        result = program.run(self.folder, "repack", *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        return result.stderr

    def write(self, name, **datasets):
        with h5py.File(self.folder / name, "w") as file:
            for path, values in datasets.items():
                file.create_dataset(path.replace("__", "/"), data=values)
        return self.folder / name

    def test_dense_datasets_keep_their_types_and_rows_stay_aligned(self):
        number = 5000
        columns = {"index": np.arange(number), "image": self.random.integers(0, 9, (number, 3, 5)).astype("u1"),
                   "half": self.random.normal(0, 1, number).astype("f2"), "big": self.random.normal(0, 1, (number, 2)).astype(">f8"),
                   "flag": self.random.integers(0, 2, number).astype("?"), "name": self.random.integers(0, 99, number).astype("S3"),
                   "kind": self.random.integers(0, 2, number).astype("i2")}
        with h5py.File(self.folder / "in.h5", "w") as file:
            for name, values in columns.items():
                file.create_dataset("events/" + name, data=values, chunks=(700, *values.shape[1:]), compression="gzip", shuffle=True, fletcher32=True)
            file["events/image"].attrs["unit"] = "GeV"
            file["events"].attrs["made by"] = np.array([1, 2])
            file.attrs["names"] = ["a", "bcd"]
        out = self.repack("in.h5", "out.h5", "--check")
        self.assertIn("check: 5000 events in the input, 5000 in the output, all columns equal", out)
        with h5py.File(self.folder / "out.h5") as file:
            order = file["events/index"][:]
            self.assertFalse(np.array_equal(order, np.arange(number)))
            np.testing.assert_array_equal(np.sort(order), np.arange(number))
            for name, values in columns.items():
                found = file["events/" + name]
                self.assertEqual(found.dtype, values.dtype, name)
                np.testing.assert_array_equal(found[:], values[order], err_msg=name)
            self.assertEqual(file["events/image"].attrs["unit"], "GeV")
            np.testing.assert_array_equal(file["events"].attrs["made by"], [1, 2])
            np.testing.assert_array_equal(file.attrs["names"], ["a", "bcd"])
            self.assertEqual(set(file["events/image"]._filters), {"shuffle", str(hdf5plugin.Zstd.filter_id)})

    def test_the_order_follows_the_seed_and_can_be_kept(self):
        path = self.write("in.h5", x=np.arange(3000))
        orders = {}
        for name, options in {"a": ["--seed", 1], "b": ["--seed", 1, "--workers", 1], "c": ["--seed", 2], "kept": ["--keep-order"]}.items():
            self.repack(path, f"{name}.h5", *options)
            with h5py.File(self.folder / f"{name}.h5") as file:
                orders[name] = file["x"][:]
        np.testing.assert_array_equal(orders["a"], orders["b"])
        self.assertFalse(np.array_equal(orders["a"], orders["c"]))
        np.testing.assert_array_equal(orders["kept"], np.arange(3000))

    def test_records_with_arrays_enums_and_text(self):
        number = 900
        tracks = np.zeros((number, 6), TRACK)
        tracks["pt"] = np.arange(number)[:, None] + 0.1 * np.arange(6)
        tracks["d0"] = self.random.normal(0, 1, (number, 6))
        tracks["hits"] = self.random.integers(0, 99, (number, 6, 3))
        tracks["valid"] = self.random.integers(0, 2, (number, 6))
        tracks["name"] = b"track"
        kind = h5py.enum_dtype({"light": 0, "b": 5}, basetype="i1")
        with h5py.File(self.folder / "in.h5", "w") as file:
            file.create_dataset("tracks", data=tracks, chunks=(100, 6), **hdf5plugin.LZ4())
            file.create_dataset("jets/kind", data=np.where(np.arange(number) % 3, 5, 0), dtype=kind)
        self.repack("in.h5", "out.h5", "--check", "--compression", "gzip", "--level", 6)
        with h5py.File(self.folder / "out.h5") as file:
            order = np.rint(file["tracks"]["pt"][:, 0]).astype(int)
            np.testing.assert_array_equal(np.sort(order), np.arange(number))
            np.testing.assert_array_equal(file["tracks"][:], tracks[order])
            self.assertEqual(h5py.check_enum_dtype(file["jets/kind"].dtype), {"light": 0, "b": 5})
            np.testing.assert_array_equal(file["jets/kind"][:], np.where(order % 3, 5, 0))
            self.assertEqual((file["tracks"].compression, file["tracks"].compression_opts), ("gzip", 6))

    def test_what_only_the_library_reads(self):
        values = self.random.integers(0, 99, (2000, 4)).astype("i4")
        values[:, 0] = np.arange(2000)
        with h5py.File(self.folder / "in.h5", "w") as file:
            file.create_dataset("szip", data=values, chunks=(128, 4), **hdf5plugin.Bitshuffle())
            file.create_dataset("tiles", data=values, chunks=(300, 3), scaleoffset=0)
        self.repack("in.h5", "out.h5", "--check")
        with h5py.File(self.folder / "out.h5") as file:
            for name in ("szip", "tiles"):
                np.testing.assert_array_equal(file[name][:], values[file["szip"][:, 0]])

    def test_rows_of_variable_length_become_flat(self):
        counts = self.random.integers(0, 7, 1500)
        rows = [np.arange(count, dtype="f4") + 10 * i for i, count in enumerate(counts)]
        with h5py.File(self.folder / "in.h5", "w") as file:
            target = file.create_dataset("hits", (1500,), dtype=h5py.vlen_dtype("f4"))
            for i, row in enumerate(rows):
                target[i] = row
            file["index"] = np.arange(1500)
        result = program.run(self.folder, "repack", "in.h5", "out.h5", "--check")
        program.require(result)
        self.assertIn("'/hits' becomes '/hits/values' with '/hits/extents'", result.stderr)
        self.check_flat(self.folder / "out.h5", "index", "hits/values", "hits/extents", rows)
        self.repack("out.h5", "again.h5", "--check", "--seed", 5)  # its own output
        self.check_flat(self.folder / "again.h5", "index", "hits/values", "hits/extents", rows)

    def check_flat(self, path, index, values, extents, rows):
        with h5py.File(path) as file:
            places, found, chunk = file[extents][:], file[values][:], file[values].chunks[0]
            order = file[index][:]
            np.testing.assert_array_equal(np.sort(order), np.arange(len(rows)))
            for (first, count), event in zip(places.tolist(), order):
                np.testing.assert_array_equal(found[first:first + count], rows[event])
                self.assertTrue(count == 0 or first // chunk == (first + count - 1) // chunk)

    def test_flat_files_with_extents(self):
        rows = []
        for name, number in (("one", 7000), ("two", 13000)):  # several chunks of rows
            counts = self.random.integers(0, 20, number)
            pt = self.random.exponential(1, counts.sum()).astype("f4")
            with FlatWriter(self.folder / f"{name}.h5", {}) as writer:
                writer.append({"index": len(rows) + np.arange(number)}, {"part": ({"pt": pt, "id": np.arange(len(pt))}, counts)})
            rows += np.split(pt, np.cumsum(counts)[:-1])
        self.repack("one.h5", "two.h5", "out.h5", "--check")
        self.check_flat(self.folder / "out.h5", "event/index", "part/pt", "part/extents", rows)

    def test_pandas_reads_its_own_frames_back(self):
        frame = pd.DataFrame({"index": np.arange(4000), **{f"f{i}": self.random.normal(0, 1, 4000) for i in range(6)}, "label": np.arange(4000) % 2})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame.to_hdf(self.folder / "table.h5", key="table", format="table", complib="blosc", complevel=5, index=True)
            frame.to_hdf(self.folder / "fixed.h5", key="df", complevel=5)
        for name, key in (("table", "table"), ("fixed", "df")):
            self.repack(f"{name}.h5", f"out-{name}.h5", "--compression", "gzip", "--check")
            found = pd.read_hdf(self.folder / f"out-{name}.h5", key)
            self.assertFalse(found["index"].is_monotonic_increasing)
            pd.testing.assert_frame_equal(found.sort_values("index").reset_index(drop=True), frame, check_freq=False)

    def test_a_configuration_turns_padded_jets_into_flat_ones(self):
        program.write_data(self.folder)
        config = program.write_config(self.folder)
        out = self.repack(self.folder / "train.h5", "flat", "--config", config, "--keep-order", "--check", "--columns", "values_block_1:0")
        jets, label = program.toy_jets(1000, 0)
        with h5py.File(self.folder / "flat" / "part-00000.h5") as file:
            valid = jets[:, :, 0] > 0
            np.testing.assert_array_equal(file["part/extents"]["N"], valid.sum(1))
            np.testing.assert_array_equal(np.concatenate([file["part/values"][first:first + n] for first, n in file["part/extents"][:].tolist()]),
                                          jets[valid])
            np.testing.assert_array_equal(file["label"][:], label)
        text = config.read_text()
        section = out[out.index("data:"):]
        features = text[text.index("  features:"):]
        rest = f"  val: {self.folder}/val-flat.h5\n  test: {self.folder}/test-flat.h5\n" + features
        for name in ("val", "test"):
            self.repack(self.folder / f"{name}.h5", f"{name}-flat.h5", "--config", config, "--keep-order")
        (self.folder / "flat.yaml").write_text("seed: 1\n" + section + rest)
        shown = [program.require(program.run(self.folder, "check", self.folder / f"{name}.yaml")) for name in ("toy", "flat")]
        classes = [text[text.index("classes of the training split"):text.index("event 0")] for text in shown]
        self.assertIn("part.log_pt", classes[0])
        self.assertEqual(classes[0], classes[1])
        self.assertIn("spread of class fractions at most 1.00 times a perfect shuffle's", shown[0])  # what is predicted is less

    def test_memory_and_shuffle_of_a_configuration_hold_where_no_option_says_otherwise(self):
        program.write_data(self.folder)
        config = program.write_config(self.folder)
        config.write_text(config.read_text().replace("data:\n", "data:\n  shuffle_rows: 300\n  budget_mib: 24\n"))
        for options, mib in ((), 6), (("--budget-mib", 16), 4):
            self.assertIn(f"of {mib} MiB for them (a quarter of the budget). Raise --budget-mib.",
                          self.refusal(self.folder / "train.h5", "flat", "--config", config, *options))
        for options, rows in ((), 300), (("--shuffle-rows", 200), 200):
            self.repack(self.folder / "train.h5", f"of_{rows}", "--config", config, "--budget-mib", 128, *options)
            self.assertEqual(json.loads((self.folder / f"of_{rows}" / "repack.json").read_text())["shuffle_rows"], rows)

    def test_a_configuration_that_means_other_events_does_not_go_on(self):
        program.write_data(self.folder)
        config = program.write_config(self.folder)
        text = config.read_text()
        self.repack(self.folder / "train.h5", "flat", "--config", config)
        for old, new, message in (("classes: [QCD, top]", "classes: {QCD: 1, top: 0}", "was begun with data.label.classes"),
                                  ("valid: E > 0", "valid: E > 1", "was begun with data.objects.part.valid")):
            self.assertIn(old, text)
            config.write_text(text.replace(old, new))
            self.assertIn(message, self.refusal(self.folder / "train.h5", "flat", "--config", config))
        config.write_text(text.replace("log_Erel: ", "log_relative_E: ").replace("data:\n", "data:\n  faults: skip\n"))  # no part of what is written
        self.repack(self.folder / "train.h5", "flat", "--config", config, "--workers", 1)
        config.write_text(text.replace("classes: [QCD, top]", "classes: {QCD: 1, top: 0}"))
        self.repack(self.folder / "train.h5", "of_map", "--config", config)
        config.write_text(text)
        self.assertIn("was begun with data.label.classes", self.refusal(self.folder / "train.h5", "of_map", "--config", config))

    def test_large_chunks_need_no_more_memory_than_they_take(self):
        self.write("in.h5", x=self.random.normal(0, 1, (16_384, 512)).astype("f4"), label=np.arange(16_384) % 2)
        with h5py.File(self.folder / "chunked.h5", "w") as file, h5py.File(self.folder / "in.h5") as source:
            file.create_dataset("x", data=source["x"][:], chunks=(4096, 512))
            file["label"] = source["label"][:]
        config = self.folder / "config.yaml"
        config.write_text("data:\n  reader: dense\n  train: chunked.h5\n  val: in.h5\n  objects: {cell: {field: x, as: [energy]}}\n"
                          "  label: {field: label, classes: [even, odd]}\n  features: {cell: {energy: energy}}\nmodel: {name: pfn}\n"
                          "optimizer: {name: adam, lr: 1e-3}\n")
        self.repack("chunked.h5", "out", "--config", config, "--budget-mib", 320, "--shuffle-rows", 4000, "--check")
        refusal = self.refusal("chunked.h5", "small", "--config", config, "--budget-mib", 96)
        self.assertIn("--budget-mib: the events of a few chunks", refusal)
        self.assertTrue(refusal.endswith(" loading). Raise it.\n"), refusal)  # not by repack, which this is

    def test_goes_on_where_it_was_stopped(self):
        number = 400_000
        with h5py.File(self.folder / "in.h5", "w") as file:
            file["x"] = self.random.normal(0, 1, (number, 64)).astype("f4")
            file["index"] = np.arange(number)
        arguments = ["in.h5", "out", "--shard-mib", 4, "--budget-mib", 256]
        process = subprocess.Popen([program.BINARY, "repack", *map(str, arguments)], cwd=self.folder, stderr=subprocess.PIPE, text=True,
                                   env=program.environment(self.folder))
        deadline = time.monotonic() + 60
        while not (self.folder / "out" / "part-00001.h5").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        self.assertIn("Run the same command again to go on", process.communicate()[1])
        self.assertEqual(process.returncode, 75)
        self.assertEqual(list((self.folder / "out").glob("*.tmp")), [])
        first = os.stat(self.folder / "out" / "part-00000.h5").st_mtime_ns
        self.assertIn("was begun with seed 1, not 2", self.refusal(*arguments, "--seed", 2))
        lease = self.folder / "out" / "lease"
        lease.write_text(json.dumps({"host": "elsewhere", "boot": "b", "process": 12, "start": "1"}))
        begun = (self.folder / "out" / "repack.json").read_text()
        self.assertEqual(json.loads(begun)["shuffle_rows"], number)
        self.assertIn("out: is being written by process 12 on host elsewhere", self.refusal(*arguments, "--seed", 2))
        self.assertEqual((self.folder / "out" / "repack.json").read_text(), begun)
        lease.unlink()
        self.repack(*arguments, "--check")
        self.assertEqual(os.stat(self.folder / "out" / "part-00000.h5").st_mtime_ns, first)
        files = sorted((self.folder / "out").glob("part-*.h5"))
        self.assertGreater(len(files), 10)
        found = np.concatenate([h5py.File(path)["index"][:] for path in files])
        np.testing.assert_array_equal(np.sort(found), np.arange(number))
        self.assertIn("complete", self.repack(*arguments))

    def test_a_virtual_file_with_what_lies_beside_its_datasets(self):
        for number in (1, 2):
            with h5py.File(self.folder / f"part_{number}.h5", "w") as file:
                file["x"] = np.arange(500.0) + 500 * number
                file["total"] = number
        layout = h5py.VirtualLayout((1000,), "f8")
        for number in (1, 2):
            layout[500 * number - 500:500 * number] = h5py.VirtualSource(self.folder / f"part_{number}.h5", "x", shape=(500,))
        with h5py.File(self.folder / "all.h5", "w") as file:
            file.create_virtual_dataset("x", layout)
            file["total"] = 3
            file.attrs["sample"] = "both"
        self.repack("all.h5", "out.h5", "--check", "--copy", "total")
        with h5py.File(self.folder / "out.h5") as file:
            np.testing.assert_array_equal(np.sort(file["x"]), np.arange(1000.0) + 500)
            self.assertEqual(file["total"][()], 3)
            self.assertEqual(file.attrs["sample"], "both")

    def test_a_budget_that_is_too_small_names_what_fits(self):
        path = self.write("in.h5", x=self.random.normal(0, 1, (40_000, 512)).astype("f4"))
        refusal = self.refusal(path, "out", "--budget-mib", 64)
        self.assertIn("40000 events that are shuffled together do not fit into 64 MiB. Raise --budget-mib, or set --shuffle-rows 9980.", refusal)
        self.repack(path, "out", "--budget-mib", 64, "--shuffle-rows", 9980, "--check")
        refusal = self.refusal(path, "other", "--budget-mib", 16, "--shuffle-rows", 512)
        self.assertIn("--budget-mib: chunks that wait to be written take 6 MiB, of 4 MiB for them (a quarter of the budget). Raise --budget-mib.", refusal)
        self.assertIn("--budget-mib: batches take 7 MiB, of 6 MiB for reading", self.refusal(path, "other", "--budget-mib", 8))

    def test_check_finds_what_is_not_equal(self):
        self.write("in.h5", x=np.arange(1000.0))
        self.write("out.h5", x=np.r_[np.arange(999.0), 7])
        result = program.run(self.folder, "repack", "in.h5", "out.h5", "--check")
        self.assertEqual(result.returncode, 1)
        self.assertIn("check: 1000 events in the input, 1000 in the output, NOT equal", result.stdout)
        self.assertIn("out.h5: holds other events than the input. It is no repack of these files", result.stderr)

    def test_nothing_of_a_file_is_dropped_in_silence(self):
        with h5py.File(self.folder / "in.h5", "w") as file:
            file["x"] = np.arange(100)
            file["version"] = 3
            file.create_group("meta").attrs["lumi"] = 139.0
        self.repack("in.h5", "out.h5")
        with h5py.File(self.folder / "out.h5") as file:
            self.assertEqual((file["version"][()], file["meta"].attrs["lumi"]), (3, 139.0))
        with h5py.File(self.folder / "in.h5", "a") as file:
            file["y"] = h5py.SoftLink("/x")
        self.assertIn("'/y' is a link to what lies elsewhere", self.refusal("in.h5", "o.h5"))
        self.repack("in.h5", "o.h5", "--leave-out", "y")

    def test_all_files_have_the_same_datasets(self):
        for name, extra in (("a", {}), ("b", {"cut": np.array([5])}), ("c", {"cut": np.array([7])})):
            self.write(f"{name}.h5", x=np.arange(100), **extra)
        self.assertIn("a.h5: has no dataset '/cut', but b.h5 has", self.refusal("a.h5", "b.h5", "o.h5"))
        self.assertIn("c.h5: dataset '/cut' is not that of b.h5", self.refusal("b.h5", "c.h5", "o.h5", "--copy", "cut"))
        self.repack("b.h5", "c.h5", "o.h5", "--leave-out", "cut")

    def test_texts_that_belong_to_no_event_are_compared_by_what_they_say(self):
        for name, version, cuts in (("a", "3.1", ["pt > 1", ""]), ("b", "3.1", ["pt > 1", ""]), ("c", "3.2", ["pt > 1", ""]), ("d", "3.1", ["pt >", " 1"])):
            with h5py.File(self.write(f"{name}.h5", x=self.random.normal(0, 1, (20_000, 16))), "a") as file:
                file["meta/version"] = version
                file["meta/cuts"] = cuts
        copied = ["--copy", "meta/cuts"]
        self.repack("a.h5", "b.h5", "out", "--shard-mib", 1, "--check", *copied)
        shards = sorted((self.folder / "out").glob("*.h5"))
        self.assertGreater(len(shards), 1)
        for shard in shards:
            with h5py.File(shard) as file:
                self.assertEqual((file["meta/version"].asstr()[()], file["meta/cuts"].asstr()[:].tolist()), ("3.1", ["pt > 1", ""]))
        self.assertIn("c.h5: dataset '/meta/version' is not that of a.h5", self.refusal("a.h5", "c.h5", "o.h5", *copied))
        self.assertIn("d.h5: dataset '/meta/cuts' is not that of a.h5", self.refusal("a.h5", "d.h5", "o.h5", *copied))

    def test_rows_of_variable_length_that_belong_to_no_event_cannot_be_compared(self):
        for name in ("a", "b"):
            with h5py.File(self.write(f"{name}.h5", x=np.arange(100)), "a") as file:
                file.create_dataset("bins", (2,), dtype=h5py.vlen_dtype("f4"))[:] = [np.zeros(2, "f4"), np.zeros(3, "f4")]
        self.assertIn("a.h5: dataset '/bins' cannot be compared with that of b.h5", self.refusal("a.h5", "b.h5", "o.h5", "--copy", "bins"))
        self.repack("a.h5", "b.h5", "o.h5", "--leave-out", "bins")

    def test_shards_of_another_plan_are_not_mixed(self):
        path = self.write("in.h5", x=self.random.normal(0, 1, (40_000, 64)))
        self.repack(path, "out", "--shard-mib", 4)
        os.remove(self.folder / "out" / "part-00000.h5")
        self.assertIn("was begun with steps_per_shard", self.refusal(path, "out", "--shard-mib", 8))
        self.repack(path, "out", "--shard-mib", 4, "--check")

    def test_events_larger_than_a_share_of_the_budget(self):
        path = self.write("in.h5", x=self.random.normal(0, 1, (48, 1 << 19)))
        for options in (["--keep-order"], ["--shuffle-rows", 8]):
            self.repack(path, "out.h5", "--budget-mib", 256, "--check", *options)
            os.remove(self.folder / "out.h5")

    def test_offsets_that_could_mean_two_things(self):
        self.write("in.h5", part__offsets=np.array([0, 2, 2, 3]), part__pt=np.arange(3.0), part__weight=np.arange(3.0))
        self.assertIn("has as many rows as there are events and rows of '/part/offsets'", self.refusal("in.h5", "o.h5"))

    def test_what_cannot_be_repacked(self):
        path = self.write("in.h5", x=np.zeros((50, 40)), y=np.zeros(7), jets__pt=np.zeros(50))
        self.assertIn("dataset '/y' has 7 rows, but there are 50 events", self.refusal(path, "out.h5"))
        self.assertIn("--leave-out: ", self.refusal(path, "out.h5", "--leave-out", "z"))
        self.repack(path, "out.h5", "--copy", "y", "--leave-out", "jets")
        with h5py.File(self.folder / "out.h5") as file:
            self.assertEqual(sorted(file), ["x", "y"])
        self.assertIn("out.h5: is there already", self.refusal(path, "out.h5", "--copy", "y"))
        self.assertIn("repack: in.h5 is one of the files that are read", self.refusal(path, "in.h5"))
        self.assertIn("an input and an output are needed", self.refusal(path))
        self.assertIn("a folder of shards", program.run(self.folder, "repack", "--help").stdout)
        with h5py.File(self.folder / "text.h5", "w") as file:
            file["names"] = ["a", "bc"]
        self.assertIn("'/names' is string", self.refusal("text.h5", "t.h5"))
        other = self.write("other.h5", x=np.zeros((50, 40), "f4"), y=np.zeros(7), jets__pt=np.zeros(50))
        self.assertIn("'/x' has 160 values an event, but 320", self.refusal(path, other, "o.h5", "--leave-out", "y"))
        self.assertEqual(sorted(p.name for p in self.folder.glob("*.tmp")), [])


if __name__ == "__main__":
    unittest.main()
