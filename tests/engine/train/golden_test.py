"""Golden loss curves: every step of a short run of each model, kept in golden/<model>.json.

They hold to the bit on the type of CPU and the torch release that recorded them, and to 1e-4 elsewhere. A change that is
meant to leave results alone leaves these files alone. After one that is meant to change results, write them anew:
  TEVATRAIN_GOLDEN=write python tests/engine/train/golden_test.py
"""

import json
import os
import platform
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402
import voxels  # noqa: E402

GOLDEN = Path(__file__).parent / "golden"
REWRITE = os.environ.get("TEVATRAIN_GOLDEN") == "write"
TOLERANCE = 1e-4
MODELS = {
    "pfn": "{name: pfn, phi: [16, 16, 32], f: [16, 16]}",
    "efn": "{name: efn, phi: [16, 16, 32], f: [16, 16], use_event: true}",
    "mlp": "{name: mlp, widths: [32, 32], dropout: 0.1, batch_norm: true}",
    "sparse_uresnet": voxels.MODEL,
    "sparse_resnet": "{name: sparse_resnet, filters: 4, depth: 3, reps: 1}",
}


def recorded_on():
    """What decides the last bit: the type of CPU, the instruction set that torch chooses on it, the releases."""
    cpu = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines() if ":" in line)
    cpu = {key.strip(): value.strip() for key, value in cpu.items()}
    return {"cpu": " ".join([cpu.get("model name", platform.machine()), "family", cpu.get("cpu family", "?"), "model", cpu.get("model", "?")]),
            "instruction_set": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__.split("+")[0], "numpy": np.__version__}


def disagreement(model, losses, golden, here):
    """The first step at which the losses are not the golden ones, in words; None if there is none."""
    exact = golden["recorded_on"] == here
    wanted = "to the bit: this is the CPU and release that recorded it" if exact else \
        f"to {TOLERANCE}: recorded on {golden['recorded_on']}, this is {here}"
    if len(losses) != len(golden["losses"]):
        return f"{model}: {len(losses)} steps, golden {len(golden['losses'])}"
    for step, (loss, kept) in enumerate(zip(losses, golden["losses"]), 1):
        if not (loss == kept if exact else abs(loss - kept) <= TOLERANCE * abs(kept)):
            return f"{model}: step {step}: loss {loss!r}, golden {kept!r} ({wanted})"
    return None


class GoldenTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = program.write_data(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def losses(self, model):
        return self.losses_of_voxels(model) if model.startswith("sparse") else self.losses_of_jets(model)

    def losses_of_voxels(self, model):
        folder = self.folder / "voxels"
        if not folder.exists():
            voxels.write_events(folder)
        text = voxels.CONFIG
        if model == "sparse_resnet":
            text = text.replace("{" + voxels.MODEL + "}", "{" + MODELS[model] + "}").replace(voxels.LABEL, "label: {{field: Events/truth, column: electron, classes: [other, electron]}}")
            text = text.replace(", monitor: mean_iou", "")
        return self.train(program.write_config(folder, text), model)

    def losses_of_jets(self, model):
        text = program.CONFIG.replace("model: {{name: pfn, phi: [16, 16, 32], f: [16, 16]}}", f"model: {{{MODELS[model]}}}")
        self.assertIn(MODELS[model], text.format(folder=self.folder))
        config = program.write_config(self.folder, text)
        return self.train(config, model, "data.features.part.z=pt(px, py) / pt(jet_px, jet_py)", "data.raw_features=[part.z]")

    def train(self, config, model, *overrides):
        run = self.folder / model
        program.require(program.run(self.folder, "train", config, "--run", run, "train.log_every=1", *overrides))
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        return [row["loss"] for row in rows if row["kind"] == "train"]

    def test_every_model_has_its_golden_losses(self):
        here = recorded_on()
        for model in MODELS:
            with self.subTest(model):
                losses = self.losses(model)
                path = GOLDEN / f"{model}.json"
                if REWRITE:
                    path.write_text(json.dumps({"model": model, "recorded_on": here, "losses": losses}, indent=1) + "\n")
                self.assertTrue(path.is_file(), f"{model}: no golden losses in {path}. Write them: TEVATRAIN_GOLDEN=write.")
                self.assertIsNone(disagreement(model, losses, json.loads(path.read_text()), here))


if __name__ == "__main__":
    unittest.main()
