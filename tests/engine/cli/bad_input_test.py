"""Bad input: each case pins the one-line error and the exit code."""

import resource
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = program.write_data(cls.temporary.name, train=300, held_back=100)
        cls.config = program.write_config(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def refused(self, message, *overrides, code=2, config=None, run="bad"):
        """The training ends with the code, and its last line matches the pattern."""
        result = program.run(self.folder, "train", config or self.config, "--run", self.folder / run, "--fresh", *overrides)
        program.require(result, code)
        self.assertRegex(result.stderr, "tevatrain: .*" + message)
        self.assertNotIn("Traceback", result.stderr)
        return result

    def changed_file(self, name, change):
        """A copy of train.h5 whose jets and labels were changed."""
        jets, label = program.toy_jets(300, 0)
        change(jets, label)
        path = self.folder / name
        program.write_table(path, jets, label)
        return path

    def test_missing_file(self):
        self.refused(r"data\.train: .*nowhere\.h5", f"data.train={self.folder}/nowhere.h5")

    def test_glob_without_match(self):
        self.refused(r"data\.train: .*nothing-\*\.h5", f"data.train={self.folder}/nothing-*.h5")

    def test_not_hdf5(self):
        path = self.folder / "text.h5"
        path.write_text("no HDF5 here\n" * 100)
        self.refused(r"text\.h5.*not an HDF5 file", f"data.train={path}")

    def test_truncated_file(self):
        whole = (self.folder / "train.h5").read_bytes()
        path = self.folder / "truncated.h5"
        path.write_bytes(whole[:len(whole) // 2])
        self.refused(r"truncated\.h5.*truncated", f"data.train={path}")

    def test_missing_column_suggests_the_nearest(self):
        self.refused(r"data\.objects\.part\.field: .*no field 'values_blok_0'.*Did you mean 'values_block_0'\?",
                     "data.objects.part.field=values_blok_0")

    def test_range_beyond_the_column(self):
        self.refused(r"data\.objects\.part\.take: .*804", "data.objects.part.take=[0, 900]")

    def test_wrong_dtype(self):
        path = self.folder / "strings.h5"
        with h5py.File(path, "w") as file:
            file["part"] = np.array([b"a", b"b"])
            file["label"] = np.array([0, 1])
        self.refused(r"data\.objects\.part\.field: .*string", f"data.train={path}", "data.reader=dense", "data.objects.part.field=part",
                     "data.objects.part.take=[]", "data.label.field=label", "data.label.index=0")

    def test_nan_and_infinity_name_file_event_and_column(self):
        for value, word in ((np.nan, "nan"), (np.inf, "inf")):
            def spoil(jets, label):
                jets[7, 0, 1] = value
            path = self.changed_file(f"{word}.h5", spoil)
            self.refused(rf"{word}\.h5: .*px.*{word}.*event 7", f"data.train={path}")

    def test_label_out_of_range(self):
        def spoil(jets, label):
            label[11] = 3
        path = self.changed_file("label.h5", spoil)
        self.refused(r"label\.h5: event 11: data\.label is 3 \(expected 0 to 1", f"data.train={path}")

    def test_a_class_without_weight(self):
        for value in (0, -1):
            def spoil(jets, label):
                jets[:, 0, 3] = value
            path = self.changed_file(f"weight{value}.h5", spoil)
            self.refused(r"data\.weight: the weights of class '\w+' add up to -?\d+ over", f"data.train={path}",
                         "data.weight.field=values_block_0", "data.weight.index=3",)

    def test_empty_selection(self):
        self.refused(r"data\.select: 'truth_E > 1' leaves none of the 300 training events", "data.select='truth_E > 1'",
                     "data.objects.event={field: values_block_0, take: [800, 801], as: [truth_E]}")

    def test_a_feature_that_is_not_finite_names_file_event_and_expression(self):
        def spoil(jets, label):
            jets[9, 0, 3] = 0
        path = self.changed_file("feature.h5", spoil)
        self.refused(r"feature\.h5: event 9: data\.features\.part\.log_pz: NaN or infinite in 1 of \d+ rows \(log\(abs\(pz\)\)\)",
                     f"data.train={path}", "data.features.part.log_pz=log(abs(pz))")

    def test_mistake_in_a_feature(self):
        self.refused(r"data\.features\.part\.bad: .*unknown name 'pxx'.*Did you mean 'px'\?", "data.features.part.bad=log(pxx)")
        self.refused(r"data\.features\.part\.bad: (.|\n)*log\(px", "data.features.part.bad='log(px'")

    def test_unwritable_run_directory(self):
        blocker = self.folder / "file"
        blocker.write_text("")
        result = program.run(self.folder, "train", self.config, "--run", blocker / "run")
        program.require(result, 2)
        self.assertIn(str(blocker), result.stderr)

    def test_misspelt_key(self):
        self.refused(r"train\.epocs.*unknown key.*Did you mean 'epochs'\?", "train.epocs=3")
        text = program.CONFIG.replace("optimizer:", "optimiser:")
        (self.folder / "misspelt.yaml").write_text(text.format(folder=self.folder))
        self.refused(r"misspelt\.yaml:\d+: .*unknown key.*Did you mean 'optimizer'\?", config=self.folder / "misspelt.yaml")

    def test_override_of_the_wrong_type(self):
        self.refused(r"override train\.epochs=many: .*integer", "train.epochs=many")

    def test_resume_with_other_data(self):
        program.require(program.run(self.folder, "train", self.config, "--run", self.folder / "other", "train.epochs=1"))

        def change(jets, label):
            jets[:, 0, 1] += 1
        path = self.changed_file("changed.h5", change)
        result = program.run(self.folder, "train", self.config, "--run", self.folder / "other", "train.epochs=2", f"data.train={path}")
        program.require(result, 2)
        self.assertRegex(result.stderr, r"other: data\.train: the files are not those of the run \(fingerprint .* [0-9a-f]{16}, now [0-9a-f]{16}\)")
        # A finished run does not hide it, and the events that choose the weights are guarded like those that train them.
        for split in ("train", "val", "test"):
            result = program.run(self.folder, "train", self.config, "--run", self.folder / "other", "train.epochs=1", f"data.{split}={path}")
            program.require(result, 2)
            self.assertRegex(result.stderr, rf"data\.{split}: the files are not those of the run")
        copy = self.folder / "moved.h5"
        copy.write_bytes((self.folder / "val.h5").read_bytes())
        program.require(program.run(self.folder, "train", self.config, "--run", self.folder / "other", "train.epochs=2", f"data.val={copy}"))

    def test_resume_with_another_model(self):
        program.require(program.run(self.folder, "train", self.config, "--run", self.folder / "model", "train.epochs=1"))
        result = program.run(self.folder, "train", self.config, "--run", self.folder / "model", "train.epochs=2", "model.f=[8]")
        program.require(result, 2)
        self.assertRegex(result.stderr, r"model\.f: \[16, 16\], now \[8\]")

    def test_a_full_disk_during_a_checkpoint_leaves_the_earlier_one(self):
        run = self.folder / "full"
        program.require(program.run(self.folder, "train", self.config, "--run", run, "train.epochs=1"))
        before = {path: path.read_bytes() for path in (run / "checkpoints").rglob("*") if path.is_file()}

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        result = subprocess.run([program.BINARY, "train", str(self.config), "--run", str(run), "train.epochs=3"],
                                capture_output=True, text=True, timeout=120, env=program.environment(self.folder), preexec_fn=limit)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, r"tevatrain: .*step-\d+.*File too large")
        for path, content in before.items():
            if path.parent.name.startswith("step-"):
                self.assertEqual(path.read_bytes(), content, path)
        program.require(program.run(self.folder, "train", self.config, "--run", run, "train.epochs=3"))

    def test_commands_name_what_is_missing(self):
        for arguments, message in ((["evaluate", self.folder / "norun"], "norun: no run"),
                                   (["inspect", self.folder / "nofile.h5"], "nofile.h5"),
                                   (["metrics", self.folder / "train.h5", "--score", "x", "--label", "y"], "train.h5")):
            result = program.run(self.folder, *arguments)
            program.require(result, 2)
            self.assertIn(message, result.stderr)

    def test_wrong_usage_is_exit_code_2(self):
        self.assertEqual(program.run(self.folder, "trian").returncode, 2)
        self.assertEqual(program.run(self.folder, "train").returncode, 2)
        self.assertEqual(program.run(self.folder, "--help").returncode, 0)


if __name__ == "__main__":
    unittest.main()
