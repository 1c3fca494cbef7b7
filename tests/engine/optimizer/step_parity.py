"""Replays our training steps with torch.optim and torch.optim.lr_scheduler from the same weights and data.

usage: step_parity.py STEP_PARITY_RUN

Losses must agree to 1e-5 relative, learning rates and momenta to 1e-9, over every step of every case.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.optim import lr_scheduler as lrs

LOSS_TOLERANCE, RATE_TOLERANCE = 1e-5, 1e-9


def make_optimizer(keys: dict, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    if keys["name"] == "sgd":
        return torch.optim.SGD(parameters, keys["lr"], keys["momentum"], weight_decay=keys["weight_decay"],
                               nesterov=keys["nesterov"])
    rule = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[keys["name"]]
    return rule(parameters, keys["lr"], (keys["beta1"], keys["beta2"]), keys["eps"], keys["weight_decay"])


class EveryEpoch:
    """Steps a scheduler once an epoch."""

    def __init__(self, scheduler, steps_per_epoch: int):
        self.scheduler, self.steps_per_epoch, self.steps = scheduler, steps_per_epoch, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps % self.steps_per_epoch == 0:
            self.scheduler.step()


def make_scheduler(keys: dict, optimizer: torch.optim.Optimizer, peak: float, per_epoch: int, total: int):
    name, warmup = keys["name"], keys["warmup_steps"]
    if name == "one_cycle":
        return lrs.OneCycleLR(optimizer, peak, total, pct_start=keys["pct_start"], div_factor=keys["div_factor"],
                              final_div_factor=keys["final_div_factor"], cycle_momentum=keys["cycle_momentum"],
                              base_momentum=keys["base_momentum"], max_momentum=keys["max_momentum"])
    by_epoch = keys["interval"] == "epoch"
    rest = total - warmup
    if name == "constant":
        main = lrs.LambdaLR(optimizer, lambda step: 1.0)
    elif name == "step":
        main = lrs.StepLR(optimizer, keys["step_epochs"] * per_epoch, keys["gamma"])
    elif name == "exponential":
        main = lrs.ExponentialLR(optimizer, keys["gamma"])
    elif name == "cosine":
        main = lrs.CosineAnnealingLR(optimizer, -(-rest // per_epoch) if by_epoch else rest, keys["floor"])
    if by_epoch:
        return EveryEpoch(main, per_epoch)
    if warmup == 0:
        return main
    rise = lrs.LinearLR(optimizer, keys["warmup_start"], 1.0, warmup)
    return lrs.SequentialLR(optimizer, [rise, main], [warmup])


def momentum_of(group: dict) -> float:
    return group["betas"][0] if "betas" in group else group["momentum"]


def replay(case: dict, start: dict, per_epoch: int, batch_size: int) -> tuple[float, float]:
    """The largest relative differences of loss and of rates."""
    keys, schedule = case["optimizer"], case["schedule"]
    parameters = [start[name].clone().requires_grad_() for name in ("w0", "b0", "w1", "b1")]
    optimizer = make_optimizer(keys, parameters)
    scheduler = make_scheduler(schedule, optimizer, keys["lr"], per_epoch, len(case["losses"]))
    label = start["x"][:, :3].argmax(1)
    worst_loss = worst_rate = 0.0
    for step, (expected, (lr, momentum)) in enumerate(zip(case["losses"], case["rates"], strict=True)):
        group = optimizer.param_groups[0]
        if schedule["name"] in ("step", "exponential"):
            group["lr"], unbounded = max(group["lr"], schedule["floor"]), group["lr"]
        if keys["momentum_epochs"] > 0:
            done = min(1.0, step / (keys["momentum_epochs"] * per_epoch))
            group["momentum"] = keys["momentum"] + (keys["final_momentum"] - keys["momentum"]) * done
        rows = slice(step % per_epoch * batch_size, (step % per_epoch + 1) * batch_size)
        hidden = torch.tanh(torch.nn.functional.linear(start["x"][rows], parameters[0], parameters[1]))
        logits = torch.nn.functional.linear(hidden, parameters[2], parameters[3])
        loss = torch.nn.functional.cross_entropy(logits, label[rows])
        optimizer.zero_grad()
        loss.backward()
        if keys["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(parameters, keys["clip_norm"])
        optimizer.step()
        worst_loss = max(worst_loss, abs(loss.item() - expected) / abs(expected))
        worst_rate = max(worst_rate, abs(group["lr"] - lr) / lr, abs(momentum_of(group) - momentum))
        if schedule["name"] in ("step", "exponential"):
            group["lr"] = unbounded
        scheduler.step()
    return worst_loss, worst_rate


def main() -> int:
    torch.set_num_threads(1)  # the tensors are tiny: waking threads would take longer than the work
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        start = load_file(Path(folder, "start.safetensors"))
        run = json.loads(Path(folder, "cases.json").read_text())
    failures = 0
    for case in run["cases"]:
        loss, rate = replay(case, start, run["steps_per_epoch"], run["batch_size"])
        fell = case["losses"][-1] < case["losses"][0]
        good = loss <= LOSS_TOLERANCE and rate <= RATE_TOLERANCE and fell
        failures += not good
        keys = case["optimizer"]
        schedule = case["schedule"]
        print(f"{'ok  ' if good else 'FAIL'} {keys['name']:6} momentum {keys['momentum']:<4} {schedule['name']:12}"
              f" {schedule['interval']:6} loss {loss:.1e} rates {rate:.1e}")
    print(f"{len(run['cases'])} cases, {failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
