"""An export that calls our operators: it needs their library, gives the same, and refuses the same."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
import voxels  # noqa: E402


class FusedExportTest(unittest.TestCase):
    def test_is_the_model_with_our_operators(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            voxels.write_events(folder, train=4, val=2, test=3)
            run = folder / "run"
            program.require(program.run(folder, "train", program.write_config(folder, voxels.CONFIG.replace("epochs: 2", "epochs: 1")), "--run", run))
            printed = program.require(program.run(folder, "export", run, "--fused"))
            self.assertIn(f"model: {run}/export/model_fused.pt", printed)
            program.require(program.run(folder, "export", run))
            with self.assertRaisesRegex(RuntimeError, "Unknown builtin op: tev::"):
                torch.jit.load(run / "export" / "model_fused.pt")
            portable = torch.jit.load(run / "export" / "model.pt")
            torch.ops.load_library(os.environ["TEVATRAIN_KERNELS"])
            fused = torch.jit.load(run / "export" / "model_fused.pt")
            self.assertIn("ops.tev.sparse_conv", fused.network.code)

            with h5py.File(run / "export" / "parity_sample.h5") as file:
                values, offsets, expected = (torch.from_numpy(file["events"][name][:]) for name in ("voxel/values", "voxel/offsets", "probabilities"))
            no_event = torch.zeros(len(offsets) - 1, 0)
            with torch.no_grad():
                for model, out_of_range, twice in ((portable, "not whole numbers within range", "two rows of coords are one voxel"),
                                                   (fused, "row 0 of coords is event 0, .*whole x, y, z from -32768 to 32767", "rows 0 and 2 of coords are one voxel")):
                    np.testing.assert_allclose(model(values, offsets, no_event), expected, atol=1e-6, rtol=0)
                    self.assertEqual(model(values[:0], torch.zeros(1, dtype=torch.int64), no_event[:0]).shape, (0, 5))
                    for broken, problem in ((values[:1] + torch.tensor([0.5, 0, 0, 0]), out_of_range), (values[:1] * torch.tensor([torch.nan, 1, 1, 1]), out_of_range),
                                            (values[:1] + torch.tensor([0, 0, 2.0**40, 0]), out_of_range), (values[[0, 1, 0]], twice)):
                        with self.assertRaisesRegex(RuntimeError, "tev::voxel_index: .*" + problem):
                            model(broken, torch.tensor([0, len(broken)]), no_event[:1])


if __name__ == "__main__":
    unittest.main()
