#!/usr/bin/env python3
"""Training of `pfn` from a gzip HDF5 file against the same training from memory, in jets/s.

  gzip    data.budget_mib holds the shuffle windows only: every epoch reads and decompresses the file and computes the features.
          `times_decoded` says how often two epochs of `tevatrain bench data` did so; this is checked
  memory  the budget holds all: from the second epoch on everything is there, decoded and standardised

Both are `tevatrain train` with the seven features of configs/top/pfn.yaml, made-up jets, the same order and the same batches: their
metrics.jsonl are compared. Counted are the training steps of all epochs but the first, by timing.jsonl. `wait_share` is the time that
steps waited for data. On the CPU reading takes threads from the network; with a GPU it does not.
  benchmarks/data/end_to_end.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import json
import tempfile
from pathlib import Path

import contest
from bench_runs import MALLOC_DEFAULT, BenchError, run_program
from jets import PADDED, make_jets, write_padded
from weaver_compare import FEATURES

WINDOW = 4096
BUDGET_MIB = {"gzip": 32, "memory": 4096}
CONFIG = """\
seed: 1
data:
  reader: dense
  train: {folder}/train.h5
  val: {folder}/val.h5
  objects:
    part: {{field: x, as: [E, px, py, pz], valid: E > 0}}
  label: {{field: label, classes: [QCD, top]}}
{features}  workers: {workers}
  shuffle_rows: {window}
model: {{name: pfn}}
train: {{epochs: {epochs}, batch_size: {batch}, device: {device}, threads: {threads}, validate_every: {epochs}, keep_last: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""


def rate_of_later_epochs(run, jets):
    """jets/s and share of waiting in the training steps after the first epoch; a row's rate leaves out checkpoints and validations."""
    events, seconds, waited, seen = 0, 0.0, 0.0, 0
    for line in (run / "timing.jsonl").read_text().splitlines():
        row = json.loads(line)
        seen += row["events"]
        if seen - row["events"] < jets:
            continue
        duration = row["events"] / row["events_per_s"]
        events, seconds, waited = events + row["events"], seconds + duration, waited + row["wait_share"] * duration
    return {"events": events, "seconds": seconds, "events_per_s": events / seconds, "wait_share": waited / seconds}


def times_decoded(options, config, budget_mib):
    """How often two epochs decompress an event."""
    result = contest.bench_data(options, config, "--epochs", 2, f"data.budget_mib={budget_mib}")
    return result["decoded_mib"] * 2**20 / (4 * 4 * PADDED * options.events)


def train(options, folder, budget_mib):
    """One run in a directory that lasts as long as the measurement."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        run = Path(work) / "run"
        run_program([options.binary.resolve(), "train", folder / "train.yaml", "--run", run, f"data.budget_mib={budget_mib}"],
                    MALLOC_DEFAULT, options.threads, TEVATRAIN_CACHE=str(folder / "cache"))
        metrics = (run / "metrics.jsonl").read_text()
        known = folder / "metrics.jsonl"
        if known.exists() and known.read_text() != metrics:
            raise BenchError(f"{budget_mib} MiB: metrics.jsonl is not that of the runs before")
        known.write_text(metrics)
        return {**rate_of_later_epochs(run, options.events), "budget_mib": budget_mib}


def main():
    options = contest.parse(__doc__, 100000, more=[
        ("--epochs", {"type": int, "default": 3}), ("--batch", {"type": int, "default": 500}),
        ("--threads", {"type": int, "default": 2, "help": "of the network"}), ("--device", {"default": "cpu", "choices": ["cpu", "cuda"]})])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_padded(make_jets(options.events), folder / "train.h5")
        write_padded(make_jets(64, seed=2), folder / "val.h5")
        config = CONFIG.format(folder=folder, features=FEATURES, window=WINDOW, workers=options.workers, epochs=options.epochs,
                               batch=options.batch, device=options.device, threads=options.threads)
        (folder / "train.yaml").write_text(config)
        decoded = {kind: times_decoded(options, config, budget) for kind, budget in BUDGET_MIB.items()}
        if decoded["gzip"] < 1.9 or decoded["memory"] > 1.1:
            raise BenchError(f"two epochs decompress the events {decoded} times (expected 2 and 1). Give more --events.")
        contenders = {kind: lambda budget=budget: train(options, folder, budget) for kind, budget in BUDGET_MIB.items()}
        contest.run("end-to-end", options, contenders, [contest.Ratio("gzip", ["memory"], 0.95)], device=options.device, batch=options.batch,
                    epochs=options.epochs, times_decoded=decoded, bytes=(folder / "train.h5").stat().st_size)


if __name__ == "__main__":
    contest.main(main)
