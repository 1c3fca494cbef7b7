"""Options of the training loop as a run shows them: gradient accumulation, early stopping, precision."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

PATIENCE = 3


def expected_stop(values, better):
    """Number of the validation that ends the training, and of the best one: from all values, the textbook's rule."""
    best = 0
    for i, value in enumerate(values):
        if i == 0 or better(value, values[best]):
            best = i
        if i - best == PATIENCE:
            return i + 1, best + 1
    raise AssertionError(f"these values never stop a training: {values}")


class TrainOptionsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = program.write_data(cls.temporary.name)
        cls.config = program.write_config(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def command(self, name, overrides):
        return ["train", self.config, "--run", self.folder / name, *overrides]

    def train(self, name, *overrides):
        return program.run(self.folder, *self.command(name, overrides))

    def rows(self, name, *overrides):
        """The lines of metrics.jsonl of a new run."""
        program.require(self.train(name, *overrides))
        return self.recorded(name)

    def recorded(self, name):
        return [json.loads(line) for line in (self.folder / name / "metrics.jsonl").read_text().splitlines()]

    def check_continuation(self, name, *overrides, after=None):
        """The run `name`, made again with a kill beyond a checkpoint after the step `after`, ends in the same bits."""
        killed = name + "-killed"
        program.kill_beyond_checkpoint(self.folder, self.folder / killed, *self.command(killed, overrides), after=after)
        program.require(self.train(killed, *overrides))
        self.assertEqual(program.differences(self.folder / killed, self.folder / name), [])

    def test_accumulated_batches_train_as_one_large_batch(self):
        """Both see the same events in the same order, so steps and learning rates are equal; sums of 70 and of 210 events
        round differently, so losses agree to rounding only. 1000 = 4 * 210 + 70 + 70 + 20: the last step of an epoch has
        batches of two sizes."""
        small = self.rows("accumulated", "train.batch_size=70", "train.accumulate=3", "train.log_every=1")
        large = self.rows("large", "train.batch_size=210", "train.log_every=1")
        self.assertEqual([(row["kind"], row["epoch"], row["step"], row.get("lr")) for row in small],
                         [(row["kind"], row["epoch"], row["step"], row.get("lr")) for row in large])
        self.assertEqual(small[-1]["step"], 10)
        np.testing.assert_allclose([row["loss"] for row in small], [row["loss"] for row in large], rtol=1e-5)

    def test_a_killed_run_that_accumulates_continues_to_the_same_bits(self):
        overrides = ["train.batch_size=4", "train.accumulate=3", "train.epochs=6", "train.log_every=1", "train.checkpoint_every=37"]
        self.rows("accumulating", *overrides)
        self.check_continuation("accumulating", *overrides, after=1)

    def test_early_stopping_ends_where_patience_does_and_tests_the_best(self):
        overrides = ["train.batch_size=5", "optimizer.lr=0.01", "train.log_every=1"]
        everything = self.rows("all", *overrides, "train.epochs=12")
        for monitor, better in (("loss", float.__lt__), ("auc", float.__gt__)):
            with self.subTest(monitor):
                stopping = [*overrides, "train.epochs=12", f"train.early_stopping={PATIENCE}", f"train.monitor={monitor}"]
                end, best = expected_stop([row[monitor] for row in everything if row["kind"] == "validation"], better)
                rows = self.rows(monitor, *stopping)
                self.assertEqual(rows[:-1], everything[:len(rows) - 1])
                self.assertEqual((rows[-2]["kind"], rows[-2]["epoch"]), ("validation", end))
                alone = self.rows(f"{monitor}-best-alone", *overrides, f"train.epochs={best}", f"train.monitor={monitor}",
                                  "train.keep_last=1")[-1]
                self.assertEqual(rows[-1], {**alone, "epoch": end, "step": 200 * best})

                again = self.train(monitor, *stopping)
                program.require(again)
                self.assertIn("has finished", again.stderr)
                self.assertEqual(self.recorded(monitor), rows)
                self.check_continuation(monitor, *stopping, after=200 * best)
                more = self.train(monitor, *[option.replace("train.epochs=12", "train.epochs=20") for option in stopping])
                program.require(more)
                self.assertIn("train.early_stopping has ended this run", more.stderr)
                self.assertEqual(self.recorded(monitor), rows)

    def test_bf16_trains_as_fp32_does_up_to_its_rounding(self):
        """bf16 has 8 bits: 0.4 % in each number of a product, more where jets of 200 constituents weigh in. Equal losses would
        mean that fp32 was used. Both epochs see the same events: their means may be compared."""
        fp32, bf16 = ([row["loss"] for row in self.rows(name, f"train.precision={name}", "train.log_every=1") if row["kind"] == "train"]
                      for name in ("fp32", "bf16"))
        self.assertEqual(len(fp32), 20)
        self.assertTrue(all(a != b for a, b in zip(fp32, bf16)))
        np.testing.assert_allclose(bf16, fp32, rtol=0.1)
        np.testing.assert_allclose(np.mean(bf16), np.mean(fp32), rtol=0.01)
        self.assertLess(np.mean(bf16[10:]), 0.9 * np.mean(bf16[:10]))

    def test_a_killed_bf16_run_continues_to_the_same_bits(self):
        overrides = ["train.precision=bf16", "train.batch_size=5", "train.epochs=4", "train.log_every=1", "train.checkpoint_every=50"]
        self.rows("bf16-whole", *overrides)
        self.check_continuation("bf16-whole", *overrides, after=1)


if __name__ == "__main__":
    unittest.main()
