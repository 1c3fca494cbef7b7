"""Every configuration of configs/lartpc trains as it stands: one epoch on a few toy events."""

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import program  # noqa: E402
import voxels  # noqa: E402


class LArTPCTest(unittest.TestCase):
    def test_every_configuration_trains_and_exports(self):
        configs = sorted(program.ROOT.glob("configs/lartpc/*.yaml"))
        self.assertGreaterEqual(len(configs), 3)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TEVATRAIN_DATA"] = folder
            (Path(folder) / "lartpc_toy").mkdir()
            voxels.write_events(Path(folder) / "lartpc_toy")
            for config in configs:
                with self.subTest(config.name):
                    run = Path(folder) / config.stem
                    program.require(program.run(folder, "train", config, "--run", run, "train.epochs=1", "train.device=cpu", "train.threads=1"))
                    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
                    self.assertEqual(last["kind"], "test")
                    program.require(program.run(folder, "export", run))


if __name__ == "__main__":
    unittest.main()
