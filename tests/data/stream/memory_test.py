"""Files of two to four byte budgets are read, or repacked, within one, whatever their chunks.

Peak memory is compared with that of the same command on a tiny file (program, model, activations), plus the budget.
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

BUDGET_MIB = 64
MIB = 1 << 20


def write_full_jets(path, events):
    """Jets of 200 valid constituents as dense datasets, written in pieces: nothing is dropped when read."""
    random = np.random.default_rng(3)
    piece = 4096
    with h5py.File(path, "w") as file:
        part = file.create_dataset("part", (events, 800), "f4", chunks=(64, 800))
        file["label"] = np.arange(events) % 2
        for first in range(0, events, piece):
            count = min(piece, events - first)
            momentum = random.exponential(10, (count, 200, 3)).astype(np.float32) + 1
            energy = np.linalg.norm(momentum, axis=2, keepdims=True)
            part[first:first + count] = np.concatenate([energy, momentum], 2).reshape(count, 800)


def peak_mib(folder, *arguments):
    """Peak resident memory of a run of the program, MiB."""
    script = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")
    result = subprocess.run([sys.executable, "-c", script, program.BINARY, *map(str, arguments)], capture_output=True, text=True,
                            env=program.environment(folder), timeout=300)
    program.require(result)
    return int(result.stdout.split()[-1]) / 1024


class MemoryTest(unittest.TestCase):
    def test_a_file_of_four_budgets_is_read_within_one(self):
        with tempfile.TemporaryDirectory() as folder:
            config = program.write_config(folder)
            held_back = Path(folder) / "held_back.h5"
            write_full_jets(held_back, 300)
            peaks, sizes = {}, {}
            for name, events in (("tiny", 300), ("large", 4 * BUDGET_MIB * MIB // 3200 + 1)):
                path = Path(folder) / f"{name}.h5"
                write_full_jets(path, events)
                sizes[name] = path.stat().st_size / MIB
                peaks[name] = peak_mib(folder, "train", config, "--run", Path(folder) / name, "data.reader=dense", "train.epochs=1",
                                       f"data.train={path}", f"data.val={held_back}", f"data.test={held_back}",
                                       "data.objects.part.field=part", "data.objects.part.take=[]", "data.label.field=label",
                                       "data.label.index=0", f"data.budget_mib={BUDGET_MIB}", "data.shuffle_rows=6000")
            self.assertGreaterEqual(sizes["large"], 4 * BUDGET_MIB)
            self.assertLessEqual(peaks["large"], peaks["tiny"] + 1.1 * BUDGET_MIB, peaks)
            print(f"file {sizes['large']:.0f} MiB, budget {BUDGET_MIB} MiB: peak {peaks['large']:.0f} MiB, "
                  f"tiny file {peaks['tiny']:.0f} MiB")


CONFIG = """\
data:
  reader: dense
  train: {folder}/{name}.h5
  val: {folder}/val.h5
  objects: {{cell: {{field: x, as: [energy]}}}}
  label: {{field: label, classes: [even, odd]}}
  features: {{cell: {{energy: energy}}}}
  standardise: none
  workers: 2
model: {{name: pfn}}
train: {{batch_size: 64, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""
EVENT_BYTES = 4096


def write_cells(path, mib, chunk_bytes):
    """Events of 1,024 numbers that compress well."""
    rows = mib * MIB // EVENT_BYTES
    chunk = max(1, min(rows, chunk_bytes // EVENT_BYTES))
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (rows, EVENT_BYTES // 4), "f4", chunks=(chunk, EVENT_BYTES // 4), compression="gzip", compression_opts=1)
        for first in range(0, rows, chunk):
            x[first:first + chunk] = 1 + first
        file["label"] = np.arange(rows) % 2


class ChunksTest(unittest.TestCase):
    def test_chunks_of_any_size_are_read_within_the_budget(self):
        with tempfile.TemporaryDirectory() as folder:
            def bench(name, *arguments):
                config = Path(folder) / f"{name}.yaml"
                config.write_text(CONFIG.format(folder=folder, name=name))
                return ["bench", "data", config, "--stage", "features", *arguments]

            write_cells(Path(folder) / "tiny.h5", 1, 64 << 10)
            write_cells(Path(folder) / "val.h5", 1, 64 << 10)
            base = peak_mib(folder, *bench("tiny"))
            for kib, mib, budget in ((64, 512, 128), (1 << 10, 512, 128), (8 << 10, 1024, 256), (64 << 10, 2048, 1024)):
                write_cells(Path(folder) / "large.h5", mib, kib << 10)
                arguments = [f"data.budget_mib={budget}", "--epochs", 2]
                refusal = program.run(folder, *bench("large", *arguments, "data.shuffle_rows=1000000000"))
                self.assertEqual(refusal.returncode, 2, refusal.stderr)
                fits = int(re.search(r"data\.shuffle_rows=(\d+)", refusal.stderr)[1])
                peak = peak_mib(folder, *bench("large", *arguments, f"data.shuffle_rows={fits}"))
                self.assertLessEqual(peak, base + 1.1 * budget, f"chunks of {kib} KiB")
                print(f"chunks of {kib} KiB, budget {budget} MiB: windows of {fits} events, peak {peak:.0f} MiB, tiny file {base:.0f} MiB")
                (Path(folder) / "large.h5").unlink()


class RepackTest(unittest.TestCase):
    def repack_within(self, folder, budget, *options):
        peaks = {name: peak_mib(folder, "repack", Path(folder) / f"{name}.h5", Path(folder) / f"{name}-fast.h5", "--check", f"--budget-mib={budget}", *options)
                 for name in ("tiny", "large")}
        self.assertLessEqual(peaks["large"], peaks["tiny"] + 1.1 * budget)
        print(f"repack, budget {budget} MiB: peak {peaks['large']:.0f} MiB, tiny file {peaks['tiny']:.0f} MiB")

    def write_dense(self, folder, name, rows, chunk_rows=512):
        """Rows of 500 random numbers."""
        with h5py.File(Path(folder) / f"{name}.h5", "w") as file:
            file.create_dataset("x", data=np.random.default_rng(5).normal(0, 1, (rows, 500)).astype("f4"),
                                chunks=(min(rows, chunk_rows), 500), compression="lzf")
            file["y"] = np.arange(rows)

    def most_shuffle_rows(self, folder, *options):
        """What the refusal of too many says."""
        refusal = program.run(folder, "repack", Path(folder) / "large.h5", Path(folder) / "out", *options, "--shuffle-rows", 10**9)
        self.assertEqual(refusal.returncode, 2, refusal.stderr)
        return int(re.search(r"shuffle[-_]rows[ =](\d+)", refusal.stderr)[1])

    def test_dense_rows_of_four_budgets(self):
        with tempfile.TemporaryDirectory() as folder:
            self.write_dense(folder, "tiny", 100)
            self.write_dense(folder, "large", 100_000)
            self.repack_within(folder, 48, "--shuffle-rows=4096")

    def test_as_many_threads_compress_as_there_is_memory_for(self):
        with tempfile.TemporaryDirectory() as folder:
            self.write_dense(folder, "tiny", 100)
            self.write_dense(folder, "large", 60_000, chunk_rows=32)
            self.repack_within(folder, 96, "--shuffle-rows=4096", "--workers=10", "--level=12")

    def test_batches_are_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            self.write_dense(folder, "large", 60_000, chunk_rows=32)
            fits = self.most_shuffle_rows(folder, "--budget-mib=48")
            self.assertLess(fits, 6000, "8,500 would fit if nothing were left to batches")
            self.assertGreater(fits, 5000)

    def test_events_of_unequal_size(self):
        """In the order of the files, where the large ones lie together."""
        with tempfile.TemporaryDirectory() as folder:
            for name, small, large in (("tiny", 100, 1), ("large", 1_000_000, 1000)):
                rows = np.r_[np.full(small, 2), np.full(large, 1 << 15)]
                with h5py.File(Path(folder) / f"{name}.h5", "w") as file:
                    extents = file.create_dataset("hits/extents", (len(rows),), dtype=[("first", "u8"), ("N", "u4")])
                    extents[:] = np.rec.fromarrays([rows.cumsum() - rows, rows], dtype=extents.dtype)
                    values = file.create_dataset("hits/adc", (rows.sum(),), "f8", chunks=(1 << 14,), compression="gzip", compression_opts=1)
                    values[:] = np.arange(rows.sum()) % 1000
            self.repack_within(folder, 96, "--keep-order")

    def test_what_a_configuration_reads(self):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.yaml"
            config.write_text(CONFIG.format(folder=folder, name="large"))
            for name, mib in (("val", 1), ("tiny", 1), ("large", 511)):  # windows that cut units
                write_cells(Path(folder) / f"{name}.h5", mib, 256 << 10)
            options = ["--config", config]
            fits = self.most_shuffle_rows(folder, "--budget-mib=128", *options)
            self.assertLess(fits, 12_000, "16,200 would fit if nothing were left to writing")
            self.repack_within(folder, 128, *options, f"--shuffle-rows={fits}")

    def test_rows_of_variable_length(self):
        """Of large chunks, which the library reads."""
        values = np.random.default_rng(5).normal(0, 1, 1000).astype("f4")
        with tempfile.TemporaryDirectory() as folder:
            for name, rows in (("tiny", 100), ("large", 60_000)):
                with h5py.File(Path(folder) / f"{name}.h5", "w") as file:
                    points = file.create_dataset("points", (rows,), dtype=h5py.vlen_dtype("f4"), chunks=(min(rows, 10_000),))
                    for first in range(0, rows, 1000):
                        count = min(rows, 1000)
                        points[first:first + count] = np.array([values[:i % 1000] for i in range(count)] + [None], dtype=object)[:-1]
            self.repack_within(folder, 128, "--shuffle-rows=16384")


if __name__ == "__main__":
    unittest.main()
