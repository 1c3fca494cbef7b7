"""tevatrain inspect: what will be slow, and files that end the library."""

import json
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
import hdf5plugin
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

VALUES = np.arange(3 << 20, dtype="f4").reshape(-1, 1024)


class InspectTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)

    def test_says_what_will_be_slow(self):
        with h5py.File(self.folder / "jets.h5", "w") as file:
            file.create_dataset("good", data=VALUES, chunks=(256, 1024), **hdf5plugin.Zstd())
            file.create_dataset("bits", data=VALUES, chunks=(256, 1024), **hdf5plugin.Bitshuffle())
            file.create_dataset("gzip", data=VALUES, chunks=(256, 1024), compression="gzip")
            file.create_dataset("huge", data=np.tile(VALUES, (2, 1)), chunks=(6144, 1024))
            file.create_dataset("tiny", data=VALUES, chunks=(1, 1024))
            rows = file.create_dataset("rows", (2,), dtype=h5py.vlen_dtype("f4"))
            rows[0] = VALUES.reshape(-1)[:2 << 20]
            texts = file.create_dataset("texts", (300_000,), dtype=h5py.string_dtype())
            texts[:] = "a"
            file["version"] = "3"
            file.create_dataset("plain", data=VALUES)
        output = program.require(program.run(self.folder, "inspect", "jets.h5"))
        slow = output[output.index("slow to read\n"):].splitlines()[1:]
        self.assertEqual(slow, [
            "  /bits: only the HDF5 library reads it (the filter bitshuffle): one thread, whatever data.workers says",
            "  /gzip: gzip is decoded more slowly than zstd",
            "  /huge: its chunks of 24 MiB make few units of reading, which mix badly and take much memory",
            "  /rows: only the HDF5 library reads it (values of variable length): one thread, whatever data.workers says",
            "  /tiny: its chunks of 4096 bytes cost more to find than to read",
            "  Written anew, it is fast:",
            "    tevatrain repack jets.h5 jets_fast.h5 --leave-out /texts"])
        program.require(program.run(self.folder, "repack", "jets.h5", "again.h5", "--leave-out", "rows", "--leave-out", "huge", "--leave-out", "texts", "--check"))
        self.assertNotIn("slow to read", program.require(program.run(self.folder, "inspect", "again.h5")))

    def test_a_crash_of_the_library_is_a_message(self):
        with h5py.File(self.folder / "jets.h5", "w") as file:
            file["x"] = np.arange(9)
        for number, text in ((signal.SIGSEGV, "crashes the HDF5 library (signal 11, "), (signal.SIGXCPU, "does not end (signal 24, ")):
            process = subprocess.Popen([program.BINARY, "inspect", "jets.h5"], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True, env=program.environment(self.folder))
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while process.poll() is None and not children.read_text():
                time.sleep(0.0005)
            os.kill(int(children.read_text().split()[0]), number)
            self.assertIn(f"tevatrain: jets.h5: reading its structure {text}", process.communicate()[1])
            self.assertEqual(process.returncode, 2)

    def test_reading_through_the_library_is_a_warning_with_its_remedy(self):
        with h5py.File(self.folder / "jets.h5", "w") as file:
            file.create_dataset("x", data=VALUES, chunks=(256, 1024), **hdf5plugin.Bitshuffle())
            file["label"] = np.arange(len(VALUES)) % 2
        (self.folder / "jets.yaml").write_text(
            f"data:\n  reader: dense\n  train: {self.folder}/jets.h5\n  val: {self.folder}/val.h5\n"
            "  objects: {event: {field: x, take: [0, 2], as: [a, b]}}\n  label: {field: label, classes: [q, g]}\n"
            "  features: {event: {a: a}}\nmodel: {name: mlp, widths: [4]}\noptimizer: {name: adam, lr: 1e-3}\n")
        shutil.copy(self.folder / "jets.h5", self.folder / "val.h5")
        result = program.run(self.folder, "bench", "data", "jets.yaml", warns=True)
        program.require(result)
        self.assertIn("jets.h5: '/x' (the filter bitshuffle) can be read by the HDF5 library alone", result.stderr)
        self.assertIn("tevatrain repack FILE... FOLDER", result.stderr)

    def test_the_one_thread_of_the_library_is_named_as_the_limit(self):
        random = np.random.default_rng(1)
        for name in ("jets", "val"):
            with h5py.File(self.folder / f"{name}.h5", "w") as file:
                rows = file.create_dataset("x", (20_000,), dtype=h5py.vlen_dtype("f4"), chunks=(1000,))
                rows[:] = np.array([random.random(1 + i % 20, "f4") for i in range(20_000)], dtype=object)
                file["label"] = np.arange(20_000) % 2
        (self.folder / "jets.yaml").write_text(
            f"data:\n  reader: dense\n  train: {self.folder}/jets.h5\n  val: {self.folder}/val.h5\n"
            "  objects: {hit: {field: x, as: [a]}}\n  label: {field: label, classes: [q, g]}\n"
            "  features: {hit: {a: a}}\nmodel: {name: pfn, phi: [4], f: [4]}\noptimizer: {name: adam, lr: 1e-3}\n")
        run = lambda *options: program.require(program.run(
            self.folder, "bench", "data", "jets.yaml", "data.workers=4", "--stage", "read", "--epochs", 5, *options, warns=True))
        self.assertRegex(run(), r"limit: HDF5 library: its one thread is busy \d+ % of the time\. Write the files anew: tevatrain repack FILE\.\.\. FOLDER")
        self.assertRegex(run("--cold"), r"raw read .* MiB/s by as many threads; the stream .*\n *raw read .* MiB/s by as many threads in shuffled blocks of 1 MiB; the stream")
        line = json.loads(run("--json"))
        self.assertLess(line["stages"]["convert"], line["stages"]["HDF5 library"])  # it holds no waiting
        self.assertLessEqual(line["stages"]["HDF5 library"], line["seconds"])


if __name__ == "__main__":
    unittest.main()
