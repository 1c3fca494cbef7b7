"""SIGKILL at random instants of a run, then continue: weights, optimizer and metrics.jsonl must be those of an unkilled run.

Every trial starts a run, kills it from outside at a random instant (every third one inside a checkpoint), continues it to
its end and compares bytes.
  TEVATRAIN_KILLS=100 python tests/engine/train/kill_test.py     (default: 4 kills)
"""

import os
import random
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

KILLS = int(os.environ.get("TEVATRAIN_KILLS", "4"))
SECONDS = 10  # a run lasts at least this long
OVERRIDES = ["train.threads=2", "train.batch_size=50", "train.log_every=1", "train.checkpoint_every=20"]


def is_saving(run):
    """Whether a checkpoint is on its way to the disk."""
    return any((run / "checkpoints").glob("step-*.tmp"))


def wait_for_checkpoint(run, process, deadline):
    """Returns when a checkpoint is being written, or the run or the time has ended."""
    while process.poll() is None and time.monotonic() < deadline:
        if is_saving(run):
            return


class KillTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = program.write_data(self.temporary.name, train=2000, held_back=200)
        self.config = program.write_config(self.folder)
        self.addCleanup(self.temporary.cleanup)

    def arguments(self, run, epochs):
        return ["train", self.config, "--run", run, *OVERRIDES, f"train.epochs={epochs}"]

    def reference(self):
        """A run of at least SECONDS, never killed, its number of epochs and its duration."""
        epochs = 8
        while True:
            run = self.folder / f"unkilled-{epochs}"
            begin = time.monotonic()
            program.require(program.run(self.folder, *self.arguments(run, epochs)))
            seconds = time.monotonic() - begin
            if seconds >= SECONDS:
                return run, epochs, seconds
            epochs = int(epochs * SECONDS / seconds * 1.3) + 1

    def kill_once(self, run, epochs, seconds, inside_checkpoint):
        """Starts a run and kills it; true if a checkpoint was being written then. A run that ended before, on a machine that
        has become faster since `seconds` was measured, is made again."""
        process = program.start(self.folder, *self.arguments(run, epochs))
        begin = time.monotonic()
        time.sleep(random.uniform(0.2, 0.9 * seconds))
        if inside_checkpoint:
            wait_for_checkpoint(run, process, begin + seconds)
            time.sleep(random.uniform(0, 0.002))
        if process.poll() is not None:
            self.assertEqual(process.returncode, 0)
            shutil.rmtree(run)
            return self.kill_once(run, epochs, seconds, inside_checkpoint)
        process.kill()
        process.wait()
        return is_saving(run)

    def test_every_continuation_is_bit_identical(self):
        random.seed(int(os.environ.get("TEVATRAIN_KILL_SEED", "1")))
        unkilled, epochs, seconds = self.reference()
        expected = program.result_of(unkilled)
        inside = 0
        for trial in range(KILLS):
            run = self.folder / f"killed-{trial}"
            wanted = trial % 3 == 0
            while not (landed := self.kill_once(run, epochs, seconds, wanted)) and wanted:
                shutil.rmtree(run)  # just before or after the save: try again
            inside += landed
            result = program.run(self.folder, *self.arguments(run, epochs))
            program.require(result)
            self.assertEqual(program.result_of(run), expected, f"trial {trial}")
        print(f"{KILLS} SIGKILLs in runs of {seconds:.0f} s ({epochs} epochs), {inside} inside a checkpoint: "
              f"{KILLS} bit-identical continuations")


if __name__ == "__main__":
    unittest.main()
