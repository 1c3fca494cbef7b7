"""Bad input: each case pins the whole one-line error and the exit code."""

import re
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

WEIGHT = ["data.weight.field=values_block_0", "data.weight.index=800"]
# The same value as weight, and as a column of the event that a selection looks at.
SELECTED = [*WEIGHT, "data.objects.event={field: values_block_0, take: [800, 801], as: [truth_E]}", "data.select=truth_E != 5"]


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = program.write_data(cls.temporary.name, train=300, held_back=100)
        cls.config = program.write_config(cls.folder)
        cls.selected = [*SELECTED]
        for seed, split in enumerate(("train", "val", "test")):
            program.write_table(cls.folder / f"weighted-{split}.h5", *program.toy_jets(300, seed), truth_e=1)
            cls.selected.append(f"data.{split}={cls.folder}/weighted-{split}.h5")
        cls.good = cls.folder / "good"
        program.require(program.run(cls.folder, "train", cls.config, "--run", cls.good, *cls.selected, "train.epochs=1"))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def check_error(self, result, message, code=2, excerpt=()):
        """The one line of the error is `message`, or matches it from end to end if it is a pattern; it is the last line but
        for the given lines of an excerpt."""
        program.require(result, code)
        lines = result.stderr.splitlines()
        starts = [i for i, line in enumerate(lines) if line.startswith("tevatrain: ")]
        self.assertEqual(len(starts), 1, result.stderr)
        line = lines[starts[0]].removeprefix("tevatrain: ")
        if isinstance(message, re.Pattern):
            self.assertTrue(message.fullmatch(line), f"{line}\ndoes not match\n{message.pattern}")
        else:
            self.assertEqual(line, message)
        self.assertEqual(lines[starts[0] + 1:], list(excerpt))

    def train(self, run, *overrides, config=None):
        return program.run(self.folder, "train", config or self.config, "--run", self.folder / run, *overrides)

    def refused(self, message, *overrides, config=None, excerpt=()):
        """A new training ends with exit code 2 and the message."""
        self.check_error(self.train("bad", "--fresh", *overrides, config=config), message, excerpt=excerpt)

    def changed_file(self, name, change, truth_e=0):
        """A copy of train.h5 whose jets and labels were changed."""
        jets, label = program.toy_jets(300, 0)
        change(jets, label)
        path = self.folder / name
        program.write_table(path, jets, label, truth_e)
        return path

    def weighted_file(self, name, truth_e):
        return self.changed_file(name, lambda jets, label: None, truth_e)

    def bad_events(self, key):
        """Files that are found bad only when their events are read, and what is said of them under the key that names them."""
        def label(jets, label):
            label[11] = 3

        def column(jets, label):
            jets[7, 0, 1] = np.nan
        path = self.changed_file("bad-label.h5", label, truth_e=1)
        yield path, f"{path}: event 11: data.label is 3 (expected 0 to 1 for the classes QCD, top). Correct data.label or list all classes."
        path = self.changed_file("bad-column.h5", column, truth_e=1)
        yield path, (f"{path}: column 'px' of object 'part' is nan in event 7 (inputs must be finite). "
                     "Correct the file, or drop such rows with data.objects.part.valid.")
        _, is_top = program.toy_jets(300, 0)
        yield self.weighted_file("bad-weight.h5", np.where(is_top, 1, -1)), (
            f"{key}: ROC curve of top: the weights of the background add up to -{np.sum(is_top == 0)} in 300 events "
            "(a positive total is needed). Check the selection, the label and the weights.")
        yield self.weighted_file("bad-selection.h5", 5), (
            f"{key}: loss: the weights of the events add up to 0 (a positive total is needed). Check the selection and the weights.")

    def test_missing_file(self):
        self.refused(f"data.train: {self.folder}/nowhere.h5: no such file. Check the path.", f"data.train={self.folder}/nowhere.h5")

    def test_glob_without_match(self):
        self.refused(f"data.train: '{self.folder}/nothing-*.h5' matches no file. Check the path.", f"data.train={self.folder}/nothing-*.h5")

    def test_a_training_file_that_validates_or_tests(self):
        link = self.folder / "link.h5"
        link.symlink_to(self.folder / "train.h5")
        for split in ("val", "test"):
            self.refused(f"data.{split}: {link} is a training file too (files of data.train cannot show what the model makes of other "
                         "events). Name other files, or give data.files with data.split to cut one set.", f"data.{split}={link}")

    def test_not_hdf5(self):
        path = self.folder / "text.h5"
        path.write_text("no HDF5 here\n" * 100)
        self.refused(f"{path}: is not an HDF5 file (it does not begin with the HDF5 signature). Convert it, or name another file.",
                     f"data.train={path}")

    def test_truncated_file(self):
        whole = (self.folder / "train.h5").read_bytes()
        path = self.folder / "truncated.h5"
        path.write_bytes(whole[:len(whole) // 2])
        self.refused(f"{path}: is truncated: {len(whole) // 2} bytes (its header says {len(whole)}: "
                     "an incomplete copy or a writer that was stopped). Copy or make it again.", f"data.train={path}")

    def test_missing_column_suggests_the_nearest(self):
        self.refused(f"data.objects.part.field: {self.folder}/train.h5 has no field 'values_blok_0' "
                     "(fields: index, values_block_0, values_block_1). Did you mean 'values_block_0'?",
                     "data.objects.part.field=values_blok_0")

    def test_range_beyond_the_column(self):
        self.refused(f"data.objects.part.take: {self.folder}/train.h5: 'values_block_0' has 804 values an event, but [0, 900) is asked for "
                     "(a half-open range, counted from 0). Shorten it.", "data.objects.part.take=[0, 900]")

    def test_wrong_dtype(self):
        path = self.folder / "strings.h5"
        with h5py.File(path, "w") as file:
            file["part"] = np.array([b"a", b"b"])
            file["label"] = np.array([0, 1])
        self.refused(f"data.objects.part.field: {path}: 'part' is string (numbers were expected). Choose another field.",
                     f"data.train={path}", "data.reader=dense", "data.objects.part.field=part", "data.objects.part.take=[]",
                     "data.label.field=label", "data.label.index=0")

    def test_nan_and_infinity_name_file_event_and_column(self):
        for value, text, remedy in ((np.nan, "nan", "Correct the file"), (np.inf, "inf or beyond float32's 3.4e38", "Correct the file or its units")):
            def spoil(jets, label):
                jets[7, 0, 1] = value
            path = self.changed_file(f"{value}.h5", spoil)
            self.refused(f"{path}: column 'px' of object 'part' is {text} in event 7 (inputs must be finite). "
                         f"{remedy}, or drop such rows with data.objects.part.valid.", f"data.train={path}")

    def test_a_weight_that_is_not_finite_names_file_and_event(self):
        for value, text in ((np.nan, "nan"), (np.inf, "inf or beyond float32's 3.4e38"), (-np.inf, "-inf or beyond float32's -3.4e38")):
            with self.subTest(value):
                weight = np.ones(300)
                weight[5] = value
                path = self.weighted_file(f"weight-{value}.h5", weight)
                self.refused(f"{path}: event 5: data.weight is {text} (expected a finite number). Repair the file.",
                             f"data.train={path}", *WEIGHT)

    def test_label_out_of_range(self):
        def spoil(jets, label):
            label[11] = 3
        path = self.changed_file("label.h5", spoil)
        self.refused(f"{path}: event 11: data.label is 3 (expected 0 to 1 for the classes QCD, top). "
                     "Correct data.label or list all classes.", f"data.train={path}")

    def test_a_class_without_weight(self):
        number = int(np.sum(program.toy_jets(300, 0)[1] == 0))
        for value in (0, -1):
            path = self.weighted_file(f"weight{value}.h5", value)
            self.refused(f"data.weight: the weights of class 'QCD' add up to {value * number} over {number} training events "
                         "(expected a positive sum). Correct data.weight or the file.", f"data.train={path}", *WEIGHT)

    def test_empty_selection(self):
        self.refused("data.select: 'truth_E > 1' leaves none of the 300 training events. Correct the expression.",
                     *SELECTED, "data.select=truth_E > 1")

    def test_a_feature_that_is_not_finite_names_file_event_and_expression(self):
        def spoil(jets, label):
            jets[9, 0, 3] = 0
        path = self.changed_file("feature.h5", spoil)
        self.refused(re.compile(rf"{re.escape(str(path))}: event 9: data\.features\.part\.log_pz: NaN or infinite in 1 of \d+ rows "
                                r"\(log\(abs\(pz\)\)\)\. Guard it, e\.g\. with where or maximum, or drop such rows with `valid`\."),
                     f"data.train={path}", "data.features.part.log_pz=log(abs(pz))")

    def test_mistake_in_a_feature(self):
        self.refused(re.compile(r"data\.features\.part\.bad: unknown name 'pxx' \(known: E, px, py, pz, .*\)\. Did you mean 'px'\?"),
                     "data.features.part.bad=log(pxx)")
        self.refused("data.features.part.bad: expected ) but found 'eof' here.", "data.features.part.bad='log(px'",
                     excerpt=["    log(px"])

    def test_bad_validation_events_cost_no_training(self):
        for path, message in self.bad_events("data.val"):
            with self.subTest(path.stem):
                run = self.folder / f"{path.stem}-validation"
                for _ in range(2):
                    self.check_error(self.train(run.name, *self.selected, "train.epochs=1", f"data.val={path}"), message)
                    self.assertEqual(program.newest_checkpoint(run).name, "step-3")
                for part in ("model.safetensors", "optimizer.safetensors"):
                    self.assertEqual(*((program.newest_checkpoint(folder) / part).read_bytes() for folder in (run, self.good)))
                evaluated = [program.require(program.run(self.folder, "evaluate", folder, "--data", self.folder / "weighted-test.h5"))
                             for folder in (run, self.good)]
                self.assertEqual(*evaluated)
                # With repaired events the run goes on to what it would have been.
                program.require(self.train(run.name, *self.selected, "train.epochs=1"))
                self.assertEqual(program.differences(run, self.good), [])

    def test_bad_test_events_cost_no_training(self):
        path, message = next(self.bad_events("data.test"))
        self.check_error(self.train("untested", *self.selected, "train.epochs=1", f"data.test={path}"), message)
        evaluated = [program.require(program.run(self.folder, "evaluate", folder, "--data", self.folder / "weighted-test.h5"))
                     for folder in (self.folder / "untested", self.good)]
        self.assertEqual(*evaluated)
        # With repaired files the run finishes; then they are guarded like the others.
        program.require(self.train("untested", *self.selected, "train.epochs=1"))
        self.assertEqual(program.differences(self.folder / "untested", self.good), [])
        again = self.train("untested", *self.selected, "train.epochs=1")
        program.require(again)
        self.assertIn("has finished", again.stderr)
        program.require(self.train("untested", *self.selected, "train.epochs=2"))
        refused = self.train("untested", *self.selected, "train.epochs=2", f"data.test={path}")
        program.require(refused, 2)
        self.assertIn("data.test: the files are not those of the run", refused.stderr)

    def test_bad_events_of_other_files(self):
        for path, message in self.bad_events("--data"):
            with self.subTest(path.stem):
                self.check_error(program.run(self.folder, "evaluate", self.good, "--data", path), message)

    def test_scores_that_are_no_numbers(self):
        path, remedy = self.folder / "scores.h5", "(a finite number was expected). Repair the file."
        for value, word in ((np.nan, "nan"), (np.inf, "inf")):
            with self.subTest(word):
                score, weight = np.linspace(0, 1, 50), np.ones(50)
                with h5py.File(path, "w") as file:
                    file["label"], file["good"], file["one"] = np.arange(50) % 2, score, weight
                    score[17] = weight[23] = value
                    file["score"], file["weight"], file["two"] = score, weight, np.stack([np.ones(50), score], 1)
                for column in ("score", "two", "two:1"):
                    result = program.run(self.folder, "metrics", path, "--score", column, "--label", "label")
                    self.check_error(result, f"{path}: --score: event 17 of '{column}' is {word} {remedy}")
                result = program.run(self.folder, "metrics", path, "--score", "good", "--label", "label", "--weight", "weight")
                self.check_error(result, f"{path}: --weight: event 23 of 'weight' is {word} {remedy}")

    def test_columns_that_are_no_scores_labels_or_weights(self):
        path = self.folder / "columns.h5"
        with h5py.File(path, "w") as file:
            file["score"], file["label"], file["wide"] = np.linspace(0, 1, 50), np.arange(50) % 2, np.ones((50, 2), int)
            file["nothing"], file["logit"] = np.zeros(0), np.linspace(-3, 3, 50)
        for score, options, message in (
                ("score", ["--label", "wide"], "--label: 'wide' has 2 values an event (one was expected). Name one of them, as wide:0."),
                ("score", ["--label", "label", "--weight", "wide"],
                 "--weight: 'wide' has 2 values an event (one was expected). Name one of them, as wide:0."),
                ("logit", ["--label", "label", "--signal", "7"],
                 "ROC curve of signal: the weights of the signal add up to 0 in 50 events (a positive total is needed). "
                 "Check the selection, the label and the weights."),
                ("nothing", ["--label", "nothing"], "--score: 'nothing' has no events (some were expected). Name another file.")):
            with self.subTest(message):
                result = program.run(self.folder, "metrics", path, "--score", score, *options)
                lines = result.stderr.splitlines()
                program.require(result, 2)
                self.assertEqual(lines[-1], f"tevatrain: {path}: {message}")

    def test_unwritable_run_directory(self):
        blocker = self.folder / "file"
        blocker.write_text("")
        self.check_error(self.train("file/run"),
                         f"{blocker}/run: cannot be made (Not a directory). Choose another run directory with --run DIR.")

    def test_misspelt_key(self):
        keys = ("epochs, batch_size, device, precision, accumulate, validate_every, monitor, early_stopping, log_every, threads, "
                "checkpoint_every, checkpoint_seconds, keep_last")
        self.refused(f"override train.epocs=3: unknown key (keys: {keys}). Did you mean 'epochs'?", "train.epocs=3")
        text = program.CONFIG.replace("optimizer:", "optimiser:")
        path = self.folder / "misspelt.yaml"
        path.write_text(text.format(folder=self.folder))
        line = text[:text.index("optimiser:")].count("\n") + 1
        self.refused(f"{path}:{line}: optimiser: unknown key (keys: seed, data, model, train, optimizer, schedule, objective, metrics). "
                     "Did you mean 'optimizer'?", config=path)

    def test_override_of_the_wrong_type(self):
        self.refused("override train.epochs=many: 'many' is not an integer (expected >= 1).", "train.epochs=many")

    def test_resume_with_other_data(self):
        run = self.folder / "other"
        program.require(self.train("other", "train.epochs=1"))

        def change(jets, label):
            jets[:, 0, 1] += 1
        path = self.changed_file("changed.h5", change)

        def message(split):
            return re.compile(rf"{re.escape(str(run))}: data\.{split}: the files are not those of the run \(fingerprint of names, types "
                              r"and sampled values [0-9a-f]{16}, now [0-9a-f]{16}\)\. "
                              r"Restore the files, give another --run, or --fresh to rename the old run away\.")
        self.check_error(self.train("other", "train.epochs=2", f"data.train={path}"), message("train"))
        # A finished run does not hide it, and the events that choose the weights are guarded like those that train them.
        for split in ("train", "val", "test"):
            self.check_error(self.train("other", "train.epochs=1", f"data.{split}={path}"), message(split))
        copy = self.folder / "moved.h5"
        copy.write_bytes((self.folder / "val.h5").read_bytes())
        program.require(self.train("other", "train.epochs=2", f"data.val={copy}"))

    def test_resume_with_another_model(self):
        program.require(self.train("model", "train.epochs=1"))
        self.check_error(self.train("model", "train.epochs=2", "model.f=[8]"),
                         f"{self.folder}/model: the run was started with model.f: [16, 16], now [8] (a key that changes the result). "
                         "Give another --run, or --fresh to rename the old run away.")

    def test_a_full_disk_during_a_checkpoint_leaves_the_earlier_one(self):
        run = self.folder / "full"
        program.require(self.train("full", "train.epochs=1"))
        before = {path: path.read_bytes() for path in (run / "checkpoints").rglob("*") if path.is_file()}

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        result = subprocess.run([program.BINARY, "train", str(self.config), "--run", str(run), "train.epochs=3"],
                                capture_output=True, text=True, timeout=120, env=program.environment(self.folder), preexec_fn=limit)
        self.check_error(result, f"{run}/checkpoints/step-6.tmp/model.safetensors: writing failed (File too large). "
                         "The checkpoint of step 6 was not written; earlier ones are intact.", code=1)
        for path, content in before.items():
            if path.parent.name.startswith("step-"):
                self.assertEqual(path.read_bytes(), content, path)
        program.require(self.train("full", "train.epochs=3"))

    def test_commands_name_what_is_missing(self):
        path = self.folder / "train.h5"
        for arguments, message in ((["evaluate", self.folder / "norun"], f"{self.folder}/norun: no run is there "
                                    "(expected a folder that `tevatrain train` wrote). Give its path."),
                                   (["inspect", self.folder / "nofile.h5"],
                                    f"{self.folder}/nofile.h5: no such file (an HDF5 file was expected). Check the path."),
                                   (["metrics", path, "--score", "x", "--label", "y"],
                                    f"--score: {path} has no field 'x' (fields: index, values_block_0, values_block_1).")):
            with self.subTest(arguments[0]):
                self.check_error(program.run(self.folder, *arguments), message)

    def test_wrong_usage_is_exit_code_2(self):
        self.check_error(program.run(self.folder, "trian"),
                         "'trian' is not a command (commands: train, check, evaluate, predict, export, report, inspect, index, repack, bench, metrics, schema). "
                         "Did you mean 'train'? `tevatrain --help` explains them.")
        for arguments, message in ((["train"], "config is required"),
                                   (["train", self.config, "--freh"], "The following argument was not expected: --freh")):
            result = program.run(self.folder, *arguments)
            program.require(result, 2)
            self.assertEqual(result.stderr.splitlines(), [message, "Run with --help for more information."])
        self.assertEqual(program.run(self.folder, "--help").returncode, 0)


if __name__ == "__main__":
    unittest.main()
