"""What the tests of scripts/convert_*.py share: running a script, reading a file of the flat layout, stopping a conversion."""

import contextlib
import importlib
import io
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
import hdf5plugin  # noqa: F401  registers zstd
import numpy as np

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))


def columns_of(file, name):
    """{column: values} of an object, row by row as its extents name them, and the counts; of `event`: its columns."""
    group = file[name]
    if name == "event":
        return {column: group[column][:] for column in group}
    extents = group["extents"][:]
    first, counts = extents["first"].astype(np.int64), extents["N"].astype(np.int64)
    rows = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return {column: group[column][:][rows] for column in group if column != "extents"}, counts


class ConvertTest(unittest.TestCase):
    """A test of one script, self.script, in a folder of its own."""

    script = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out.h5"

    def command(self, *words):
        return [sys.executable, str(SCRIPTS / self.script), *map(str, words)]

    def run_script(self, *words, env=None):
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, cwd=self.folder, env={**os.environ, **(env or {})})

    def convert(self, *words):
        """Converts; returns the file, open, and what the script printed."""
        result = self.run_script(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("Warning", result.stderr)
        return self.opened(words[-1]), result.stdout

    def opened(self, name):
        file = h5py.File(self.folder / name)
        self.addCleanup(file.close)
        self.assertEqual((file.attrs["tevatrain_format"], file.attrs["tevatrain_format_version"]), ("flat", 1))
        self.assertTrue(file.attrs["command"].startswith(self.script))
        return file

    def check(self, stored, expected):
        """That columns have these names, types and values."""
        self.assertEqual(set(stored), set(expected))
        for name, values in expected.items():
            self.assertEqual(stored[name].dtype, np.asarray(values).dtype, name)
            np.testing.assert_array_equal(stored[name], values, name)

    def refused(self, words, *texts):
        """That the script refuses with one line that has these texts, and makes no file. In this process: there are many such tests."""
        before, errors = sorted(self.folder.rglob("*")), io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            code = importlib.import_module(self.script[:-3]).main(list(map(str, words)))
        self.assertEqual((code, len(errors.getvalue().splitlines())), (2, 1), errors.getvalue())
        for text in (f"{self.script[:-3]}: ", *texts):
            self.assertIn(text, errors.getvalue())
        self.assertRegex(errors.getvalue(), r"\((expected|there are:) .*\)\. .*\n|; expected")
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def check_stop(self, number, *words):
        """That a conversion stopped by a signal while it writes leaves no file."""
        before = sorted(self.folder.rglob("*"))
        with subprocess.Popen(self.command(*words), text=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 60
            while not list(self.folder.rglob(".*.part")) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            for _ in range(20):     # batch systems send a signal more than once
                process.send_signal(number)
                time.sleep(0.001)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("stopped", errors)
        self.assertNotIn("Traceback", errors)
        self.assertEqual([path for path in sorted(self.folder.rglob("*")) if path.is_file() and path not in before], [])

    def check_stops(self, *words):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.check_stop(number, *words)

    def check_help(self):
        result = self.run_script("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("examples:", result.stdout)

    def check_missing_package(self, package, *words):
        (self.folder / f"{package}.py").write_text(f"raise ImportError(\"No module named '{package}'\")\n")
        result = self.run_script(*words, env={"PYTHONPATH": str(self.folder)})
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertRegex(result.stderr, rf"^\w+: packages: No module named '{package}'.*requirements.txt\n$")
