"""Training as a user meets it: from a configuration to a run directory, stops, resumes, kills."""

import json
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
import h5py  # noqa: E402
import numpy as np  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402


class TrainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = program.write_data(cls.temporary.name)
        cls.config = program.write_config(cls.folder)
        cls.reference = cls.folder / "reference"
        cls.output = program.require(program.run(cls.folder, "train", cls.config, "--run", cls.reference))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def train(self, name, *arguments, code=0):
        result = program.run(self.folder, "train", self.config, "--run", self.folder / name, *arguments)
        program.require(result, code)
        return result

    def test_a_run_directory_holds_everything(self):
        for name in ("config.yaml", "provenance.json", "metrics.jsonl", "timing.jsonl", "inputs.json", "predictions/test.h5"):
            self.assertTrue((self.reference / name).is_file(), name)
        rows = [json.loads(line) for line in (self.reference / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual([row["kind"] for row in rows], ["train", "validation", "train", "validation", "test"])
        self.assertGreater(rows[-1]["auc"], 0.6)
        self.assertIn("rejection_30", self.output)
        self.assertRegex((self.reference / "config.yaml").read_text(), r"shuffle_rows: [1-9]")
        newest = (self.reference / "checkpoints" / "latest").read_text().strip()
        cursor = json.loads((self.reference / "checkpoints" / newest / "state.json").read_text())["cursor"]
        session = json.loads((self.reference / "provenance.json").read_text())["sessions"][0]
        self.assertEqual(f"{cursor['fingerprint']:016x}", session["data_fingerprint"])

    def test_the_same_command_gives_the_same_bits(self):
        self.train("again")
        self.assertEqual(program.result_of(self.folder / "again"), program.result_of(self.reference))

    def test_performance_keys_do_not_change_the_result(self):
        self.train("fast", "data.workers=3", "data.prefetch=9", "data.budget_mib=64", "train.checkpoint_every=7")
        self.assertEqual(program.result_of(self.folder / "fast"), program.result_of(self.reference))

    def test_a_finished_run_says_so(self):
        before = program.result_of(self.reference)
        result = program.run(self.folder, "train", self.config, "--run", self.reference)
        program.require(result)
        self.assertIn("has finished", result.stderr)
        self.assertEqual(program.result_of(self.reference), before)

    def test_a_signal_ends_with_a_checkpoint_and_the_run_continues_to_the_same_bits(self):
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
            with self.subTest(number):
                run = self.folder / f"signal-{number}"
                process = program.start(self.folder, "train", self.config, "--run", run, "train.epochs=40")
                deadline = time.monotonic() + 60
                while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").read_text().count("\n") > 3:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
                process.send_signal(number)
                self.assertEqual(process.wait(60), 75)
                self.assertEqual(json.loads((run / "status.json").read_text())["state"], "stopped")
        self.train("forty", "train.epochs=40")
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
            run = self.folder / f"signal-{number}"
            program.require(program.run(self.folder, "train", self.config, "--run", run, "train.epochs=40"))
            self.assertEqual(program.result_of(run), program.result_of(self.folder / "forty"), number)

    def test_a_second_interrupt_ends_the_process_at_once(self):
        # A step of seconds: the first signal waits for its end, the second does not.
        run = self.folder / "twice"
        process = program.start(self.folder, "train", self.config, "--run", run, "train.batch_size=1000", "model.phi=[4000, 4000, 4000]",
                                "train.epochs=100")
        deadline = time.monotonic() + 60
        while not (run / "checkpoints" / "step-0").is_dir():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(5), -signal.SIGINT)

    def test_a_killed_run_continues_to_the_same_bits(self):
        """Each kill leaves lines of metrics.jsonl that belong to steps after the newest checkpoint."""
        overrides = ["train.epochs=10", "train.batch_size=10", "train.log_every=1", "train.threads=2"]
        self.train("unkilled", *overrides)
        run = self.folder / "killed"
        steps = [program.kill_beyond_checkpoint(self.folder, run, "train", self.config, "--run", run, *overrides,
                                                "train.checkpoint_every=40") for _ in range(3)]
        self.assertLess(steps[-1], 1000, "the kills belong inside the run")
        self.train("killed", *overrides)
        self.assertEqual(program.differences(run, self.folder / "unkilled"), [])

    def test_a_signal_during_a_validation_ends_it_and_the_run_continues_to_the_same_bits(self):
        folder = program.write_data(self.folder / "long", train=200, held_back=5000)
        config = program.write_config(folder)
        arguments = ["train.log_every=1", "data.test=[]", "model.phi=[256, 256, 256]"]  # a validation of a second or so
        whole, stopped = folder / "whole", folder / "stopped"
        program.require(program.run(folder, "train", config, "--run", whole, *arguments))
        process = program.start(folder, "train", config, "--run", stopped, *arguments)
        deadline = time.monotonic() + 60
        metrics = stopped / "metrics.jsonl"
        while not metrics.exists() or metrics.read_text().count("\n") < 2:
            self.assertLess(time.monotonic(), deadline)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 75)
        self.assertEqual([json.loads(line)["kind"] for line in metrics.read_text().splitlines()], ["train"] * 2)
        program.require(program.run(folder, "train", config, "--run", stopped, *arguments))
        self.assertEqual(program.result_of(stopped), program.result_of(whole))
        # Without data.test the last line says which events these are.
        self.assertEqual(json.loads(metrics.read_text().splitlines()[-1])["kind"], "best_validation")
        self.assertTrue((stopped / "predictions" / "val.h5").is_file())
        page = Path(program.require(program.run(folder, "report", stopped)).strip().splitlines()[-1])
        self.assertTrue(page.is_file())

    def test_events_left_out_need_no_finite_features(self):
        # Half of the jets have a truth energy of 0; log(truth_E) is a feature of those that are left.
        folder = self.folder / "selected"
        folder.mkdir()
        for seed, name in enumerate(("train", "val", "test")):
            jets, label = program.toy_jets(400, seed)
            truth = np.where(np.arange(400) % 2, 100 + np.arange(400), 0)
            program.write_table(folder / f"{name}.h5", jets, label, truth_e=truth)
        text = program.CONFIG.replace("  objects:\n", "  select: truth_E > 0\n  objects:\n"
                                      "    event: {{field: values_block_0, take: [800, 801], as: [truth_E]}}\n")
        text = text.replace("event: {{jet_px", "event: {{log_truth: log(truth_E), jet_px")
        config = program.write_config(folder, text)
        run = folder / "run"
        program.require(program.run(folder, "train", config, "--run", run))
        with h5py.File(run / "predictions" / "test.h5") as file:
            np.testing.assert_array_equal(file["sample_id"][:], np.arange(1, 400, 2))
            np.testing.assert_array_equal(file["label"][:], program.toy_jets(400, 2)[1][1::2])
        program.require(program.run(folder, "check", config))
        program.require(program.run(folder, "export", run))

    def test_a_changed_physics_key_is_refused_with_both_values(self):
        result = program.run(self.folder, "train", self.config, "--run", self.reference, "optimizer.lr=0.01")
        self.assertEqual(result.returncode, 2)
        self.assertIn("optimizer.lr: 0.001, now 0.01", result.stderr)

    def test_fresh_renames_the_old_run_away(self):
        self.train("renamed", "train.epochs=1")
        self.train("renamed", "--fresh", "optimizer.lr=0.01", "train.epochs=1")
        self.assertTrue((self.folder / "renamed.old-1" / "metrics.jsonl").is_file())

    def test_epochs_may_grow(self):
        self.train("grown", "train.epochs=1")
        self.train("grown", "train.epochs=2")
        self.assertEqual(program.result_of(self.folder / "grown"), program.result_of(self.reference))

    def test_a_finished_run_that_cannot_go_on_is_not_called_finished(self):
        self.train("blocked", "train.epochs=1")
        provenance = self.folder / "blocked" / "provenance.json"
        provenance.rename(provenance.with_suffix(".away"))
        provenance.mkdir()
        self.train("blocked", "train.epochs=2", code=1)
        provenance.rmdir()
        provenance.with_suffix(".away").rename(provenance)
        self.train("blocked", "train.epochs=2")
        self.assertEqual(program.result_of(self.folder / "blocked"), program.result_of(self.reference))

    def test_a_finished_run_is_known_without_its_data(self):
        folder = program.write_data(self.folder / "moved", train=200, held_back=100)
        config = program.write_config(folder)
        program.require(program.run(folder, "train", config, "--run", folder / "run"))
        (folder / "train.h5").unlink()
        result = program.run(folder, "train", config, "--run", folder / "run")
        program.require(result)
        self.assertIn("not compared with the data of the run", result.stderr)
        self.assertIn("has finished", result.stderr)

    def test_a_finished_run_says_how_to_measure_on_test_files_that_come_later(self):
        self.train("untested", "train.epochs=1", "data.test=[]")
        result = self.train("untested", "train.epochs=1")
        self.assertIn(f"tevatrain evaluate {self.folder}/untested --data {self.folder}/test.h5", result.stderr)

    def test_epochs_grow_only_where_the_shorter_run_is_a_part_of_the_longer(self):
        self.train("odd", "train.epochs=3", "train.validate_every=2")
        result = self.train("odd", "train.epochs=5", "train.validate_every=2", code=2)
        self.assertIn("train.epochs: 3, now 5", result.stderr)

    def test_fresh_keeps_the_old_run_where_the_new_one_cannot_start(self):
        self.train("kept", "train.epochs=1")
        self.train("kept", "--fresh", f"data.train={self.folder}/nowhere.h5", code=2)
        self.assertTrue((self.folder / "kept" / "metrics.jsonl").is_file())

    def test_fresh_helps_where_the_status_is_damaged(self):
        self.train("damaged", "train.epochs=1")
        (self.folder / "damaged" / "status.json").write_text("{")
        self.assertIn("--fresh", self.train("damaged", "train.epochs=1", code=2).stderr)
        self.train("damaged", "train.epochs=1", "--fresh")

    def test_a_damaged_best_checkpoint_is_replaced_by_the_newest_with_a_warning(self):
        run = self.folder / "spoilt"
        self.train("spoilt", "train.epochs=50", "train.early_stopping=1", "optimizer.lr=0.01", "data.test=[]")
        best = (run / "checkpoints" / "best").read_text().strip()
        newest = program.newest_checkpoint(run).name
        self.assertNotEqual(best, newest)
        path = run / "checkpoints" / best / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        result = program.run(self.folder, "evaluate", run, "--data", self.folder / "test.h5", warns=True)
        program.require(result)
        self.assertIn(f"checkpoints: step {newest[5:]} is used instead of the best one. {path}", result.stderr)

    def test_a_training_file_is_refused_as_a_held_back_one(self):
        for split in ("val", "test"):
            result = self.train("leak", "--fresh", f"data.{split}={self.folder}/*.h5", code=2)
            self.assertIn(f"data.{split}: {self.folder}/train.h5 is a training file too", result.stderr)

    def test_a_longer_run_does_not_keep_the_predictions_of_the_shorter_one(self):
        run = self.folder / "longer"
        self.train("longer", "train.epochs=1")
        self.assertTrue((run / "predictions" / "test.h5").is_file())
        process = program.start(self.folder, "train", self.config, "--run", run, "train.epochs=300")
        deadline = time.monotonic() + 60
        while (run / "metrics.jsonl").read_text().count("\n") < 12:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 75)
        self.assertFalse((run / "predictions" / "test.h5").exists())

    def test_a_run_is_used_from_another_folder_than_it_was_trained_in(self):
        folder = program.write_data(self.folder / "here", train=200, held_back=100)
        config = program.write_config(folder, program.CONFIG.replace("{folder}/", ""))
        program.require(program.run(folder, "train", config, "--run", "run"))
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        program.require(program.run(elsewhere, "evaluate", folder / "run"))

    def test_weights_are_plain_safetensors(self):
        weights = load_file(program.newest_checkpoint(self.reference) / "model.safetensors")
        self.assertEqual(sorted(array.ndim for array in weights.values()), [1] * 6 + [2] * 6)


if __name__ == "__main__":
    unittest.main()
