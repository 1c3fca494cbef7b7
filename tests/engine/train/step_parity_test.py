"""Step parity: PyTorch starts from our initial weights, takes our batches in our order, and has the same first 200 losses.

For each optimizer and schedule; losses agree to 1e-5 relative.
"""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filter)
import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

STEPS, BATCH, EPOCHS = 200, 50, 10
EPOCH_STEPS = STEPS // EPOCHS


def pfn_logits(weights, x, offsets):
    """Phi on every row, sum over each event, F, logits: from the names in the checkpoint."""
    def linear(name, h):
        return h @ weights[f"net.{name}.weight"].T + weights[f"net.{name}.bias"]

    def stack(name, h):
        for layer in range(1, 1 + sum(key.startswith(f"net.{name}.") and key.endswith("weight") for key in weights)):
            h = torch.relu(linear(f"{name}.linear{layer}", h))
        return h

    rows = stack("phi", x)
    event = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff())
    return linear("output", stack("f", torch.zeros(len(offsets) - 1, rows.shape[1]).index_add(0, event, rows)))


class StepParityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = program.write_data(cls.temporary.name, train=BATCH * EPOCH_STEPS, held_back=100)
        cls.config = program.write_config(cls.folder)
        with h5py.File(cls.folder / "train.h5") as file:
            jets = file["table/table"]["values_block_0"][:, :800].reshape(-1, 200, 4)
            cls.label = torch.from_numpy(file["table/table"]["values_block_1"][:, 1].copy())
        cls.jets = torch.from_numpy(jets)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def ours(self, overrides):
        """Our losses, initial weights, batches, and the preprocessing as plain TorchScript."""
        run = self.folder / ("run-" + "-".join(overrides).replace("/", "_"))
        arguments = [f"train.epochs={EPOCHS}", f"train.batch_size={BATCH}", "train.log_every=1", "train.keep_last=1000", *overrides]
        program.require(program.run(self.folder, "train", self.config, "--run", run, *arguments))
        program.require(program.run(self.folder, "export", run))
        program.require(program.run(self.folder, "check", self.config, *arguments, "--order", run / "order.h5", "--batches", STEPS))
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        with h5py.File(run / "order.h5") as file:
            ids, offsets = torch.from_numpy(file["sample_id"][:]), file["offsets"][:]
        batches = [ids[a:b] for a, b in zip(offsets, offsets[1:])]
        return ([row["loss"] for row in rows if row["kind"] == "train"], load_file(run / "checkpoints" / "step-0" / "model.safetensors"),
                batches, torch.jit.load(run / "export" / "model.pt").preprocess)

    def check(self, make_optimizer, make_scheduler, *overrides):
        losses, weights, batches, preprocess = self.ours(overrides)
        self.assertEqual(len(losses), STEPS)
        for weight in weights.values():
            weight.requires_grad_()
        optimizer = make_optimizer(list(weights.values()))
        scheduler = make_scheduler(optimizer)
        for step, chosen in enumerate(batches):
            jets = self.jets[chosen]
            valid = jets[:, :, 0] > 0
            offsets = torch.cat([torch.zeros(1, dtype=torch.long), valid.sum(1).cumsum(0)])
            with torch.no_grad():
                x = preprocess(jets[valid], offsets)[-1]
            loss = torch.nn.functional.cross_entropy(pfn_logits(weights, x, offsets), self.label[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            np.testing.assert_allclose(losses[step], loss.item(), rtol=1e-5, err_msg=f"step {step}")

    def test_adam(self):
        self.check(lambda p: torch.optim.Adam(p, lr=1e-3), constant)

    def test_adamw_with_cosine(self):
        self.check(lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.01),
                   lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS),
                   "optimizer.name=adamw", "optimizer.weight_decay=0.01", "schedule.name=cosine")

    def test_sgd_with_momentum_and_steps(self):
        self.check(lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
                   lambda o: torch.optim.lr_scheduler.StepLR(o, 2 * EPOCH_STEPS, 0.5),
                   "optimizer.name=sgd", "optimizer.momentum=0.9", "schedule.name=step", "schedule.step_epochs=2", "schedule.gamma=0.5")

    def test_adam_with_one_cycle(self):
        self.check(lambda p: torch.optim.Adam(p, lr=1e-3),
                   lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1e-3, total_steps=STEPS, cycle_momentum=True),
                   "schedule.name=one_cycle")

    def test_sgd_with_exponential_decay_after_a_warm_up(self):
        def scheduler(optimizer):
            warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, 1.0, 20)
            decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.999)
            return torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, decay], [20])
        self.check(lambda p: torch.optim.SGD(p, lr=1e-3), scheduler,
                   "optimizer.name=sgd", "schedule.name=exponential", "schedule.gamma=0.999", "schedule.warmup_steps=20")


def constant(optimizer):
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)


if __name__ == "__main__":
    unittest.main()
