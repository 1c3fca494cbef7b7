"""Every configuration of configs/top trains as it stands: one epoch on toy jets, among them jets without constituents."""

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import program  # noqa: E402


class TopTest(unittest.TestCase):
    def test_every_configuration_trains(self):
        configs = sorted(program.ROOT.glob("configs/top/*.yaml"))
        self.assertGreaterEqual(len(configs), 3)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TEVATRAIN_DATA"] = folder
            (Path(folder) / "top_jets").mkdir()
            program.write_data(Path(folder) / "top_jets")
            for config in configs:
                with self.subTest(config.name):
                    run = Path(folder) / config.stem
                    program.require(program.run(folder, "train", config, "--run", run, "train.epochs=1", "train.batch_size=100",
                                                "train.device=cpu", "train.threads=1"))
                    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
                    self.assertEqual(last["kind"], "test")


if __name__ == "__main__":
    unittest.main()
