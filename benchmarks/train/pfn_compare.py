#!/usr/bin/env python3
"""Training speed of `pfn`: Tevatrain from HDF5 on disk against its peers, interleaved and repeated, in jets/s.

  tevatrain     `tevatrain train configs/top/pfn.yaml`, loading and features included, start of the stream included
  torch_ragged  the best eager ragged PyTorch, data and features in memory, malloc tuned
  torch_padded  the same padded to 100 constituents, malloc tuned
  weaver        weaver-core's own training, as it comes (benchmarks/train/pfn_weaver)
  weaver_tuned  the same with malloc tuned

A figure of a round is jets over seconds of all training epochs; weaver's first epoch, which reads the file, is left
out. Ratios are of the medians over rounds. Measure on a quiet machine.
  benchmarks/train/pfn_compare.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import argparse
import datetime
import json
import statistics
import sys
import tempfile
from pathlib import Path

import h5py

from bench_runs import (MALLOC_DEFAULT, MALLOC_TUNED, ROOT, BenchError, machine, run_program, run_python, write_result)

TARGETS = {"torch_ragged": 1.05, "torch_padded": 1.4, "weaver": 2.3, "weaver_tuned": 1.6}


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def training_rate(run):
    """jets/s over the training steps of a run directory, and the share of it spent waiting for data.

    An interval that begins with a validation is left out: its seconds hold the validation too.
    """
    validated = {row["step"] for row in read_lines(run / "metrics.jsonl") if row["kind"] == "validation"}
    events = seconds = waited = begin_s = begin_step = 0
    for row in read_lines(run / "timing.jsonl"):
        duration = row["wall_s"] - begin_s
        if begin_step not in validated:
            seconds += duration
            events += row["events_per_s"] * duration
            waited += row["wait_share"] * duration
        begin_s, begin_step = row["wall_s"], row["step"]
    return events / seconds, waited / seconds


def run_tevatrain(options):
    """Trains in a fresh directory."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [options.binary.resolve(), "train", ROOT / "configs/top/pfn.yaml", "--run", run,
                   f"train.epochs={options.epochs}", f"train.threads={options.threads}", "train.device=cpu"]
        command += [f"data.{split}={options.data.resolve() / f'{split}.h5'}" for split in ("train", "val", "test")]
        _, wall = run_program(command, MALLOC_DEFAULT, options.threads)
        rate, wait = training_rate(run)
    return {"jets_per_s": rate, "wait_share": wait, "process_s": wall}


def run_torch(options, mode):
    result = run_python("pfn_torch.py", "--mode", mode, "--rate-only", *shared_arguments(options),
                        malloc=MALLOC_TUNED, threads=options.threads)
    return {**result, "jets_per_s": statistics.harmonic_mean(result["jets_per_s"])}


def run_weaver(options, malloc):
    result = run_python("pfn_weaver/run.py", "--weaver", options.weaver.resolve(), *shared_arguments(options),
                        malloc=malloc, threads=options.threads)
    return {**result, "jets_per_s": statistics.harmonic_mean(result["jets_per_s"][1:])}


def shared_arguments(options):
    return ["--data", options.data.resolve(), "--epochs", options.epochs]


CONTENDERS = {
    "tevatrain": run_tevatrain,
    "torch_ragged": lambda options: run_torch(options, "ragged"),
    "torch_padded": lambda options: run_torch(options, "padded"),
    "weaver": lambda options: run_weaver(options, MALLOC_DEFAULT),
    "weaver_tuned": lambda options: run_weaver(options, MALLOC_TUNED),
}


def measure(options):
    """Every contender once a round; one that fails is named and left out of the later rounds."""
    results = {name: [] for name in options.only}
    for number in range(1, options.rounds + 1):
        for name in list(results):
            try:
                result = CONTENDERS[name](options)
            except BenchError as error:
                print(f"pfn_compare: {name} is left out: {error}", file=sys.stderr)
                del results[name]
                continue
            results[name].append(result)
            print(f"round {number}: {name:13} {result['jets_per_s']:8.0f} jets/s, process {result['process_s']:.1f} s",
                  file=sys.stderr, flush=True)
    return results


def summary(results):
    """Medians, and ratios of ours to each peer with the ratio that is asked for."""
    rates = {name: statistics.median(row["jets_per_s"] for row in rows) for name, rows in results.items()}
    ratios = {}
    if "tevatrain" in rates:
        for name, target in TARGETS.items():
            if name in rates:
                ratio = rates["tevatrain"] / rates[name]
                ratios[name] = {"ratio": ratio, "target": target, "reached": ratio >= target}
    return {"jets_per_s": rates, "ratios": ratios}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the tevatrain program")
    parser.add_argument("--data", type=Path, default=ROOT / "datasets/top_jets")
    parser.add_argument("--weaver", type=Path, default=ROOT / ".work/weaver", help="where weaver-core is installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="at least 2: weaver's first does not count")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--out", type=Path, help="folder of the kept result, <date>-pfn-train.json")
    options = parser.parse_args()
    if options.epochs < 2:
        parser.error("--epochs must be at least 2")
    return options


def main():
    options = arguments()
    results = measure(options)
    with h5py.File(options.data / "train.h5") as file:
        jets = len(file["table/table"])
    kept = ("jets_per_s", "wait_share", "truncated_share", "process_s")
    details = {name: [{key: row[key] for key in kept if key in row} for row in rows] for name, rows in results.items()}
    date = datetime.date.today().isoformat()
    write_result({"benchmark": "pfn training", "date": date, "command": " ".join(sys.argv), **summary(results),
                  "rounds": details, "training_jets": jets, "epochs": options.epochs, "threads": options.threads,
                  "malloc_tuned": MALLOC_TUNED, "machine": machine()},
                 options.out and options.out / f"{date}-pfn-train.json")


if __name__ == "__main__":
    main()
