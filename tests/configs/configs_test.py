"""Every configuration of configs/ trains as it stands: one epoch on a few toy events, among jets some without constituents."""

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import program  # noqa: E402
import voxels  # noqa: E402

TOPICS = {"top": ("top_jets", program.write_data, ["train.batch_size=100"]),
          "lartpc": ("lartpc_toy", voxels.write_events, [])}


class ConfigsTest(unittest.TestCase):
    def test_every_topic_has_data(self):
        self.assertEqual({path.parent.name for path in program.ROOT.glob("configs/*/*.yaml")}, TOPICS.keys())

    def test_every_configuration_trains_and_exports(self):
        for topic, (data, write, overrides) in TOPICS.items():
            with tempfile.TemporaryDirectory() as folder:
                os.environ["TEVATRAIN_DATA"] = folder
                (Path(folder) / data).mkdir()
                write(Path(folder) / data)
                for config in sorted(program.ROOT.glob(f"configs/{topic}/*.yaml")):
                    with self.subTest(config.name):
                        run = Path(folder) / config.stem
                        program.require(program.run(folder, "train", config, "--run", run, "train.epochs=1", "train.device=cpu", "train.threads=1", *overrides))
                        self.assertEqual(json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["kind"], "test")
                        program.require(program.run(folder, "export", run))


if __name__ == "__main__":
    unittest.main()
