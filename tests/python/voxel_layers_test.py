"""The example examples/voxel_layers trains as its first lines say."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class VoxelLayers(unittest.TestCase):
    def test_two_layers_learn(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, ROOT / "scripts" / "make_lartpc_events.py", "--train", "4", "--val", "0", "--test", "0", "--out", folder],
                           check=True, capture_output=True)
            result = subprocess.run([sys.executable, ROOT / "examples" / "voxel_layers" / "train_two_layers.py", f"{folder}/train.h5", "--events", "3", "--steps", "20"],
                                    capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "python")}, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        losses = [float(value) for value in re.findall(r"loss (\d+\.\d+)", result.stdout)]
        self.assertEqual(len(losses), 3)
        self.assertLess(losses[-1], 0.7 * losses[0])


if __name__ == "__main__":
    unittest.main()
