#!/usr/bin/env python3
"""Training speed of `pfn`: Tevatrain from HDF5 on disk against its peers, interleaved and repeated, in jets/s.

  tevatrain     `tevatrain train configs/top/pfn.yaml` from HDF5, with an empty cache: jets of all epochs over the seconds
                from the start of the process to the last step, without validation. So it holds the start of the program,
                the pass that fits the standardisation, reading, decompression and features
  torch_ragged  the best eager ragged PyTorch, data and features in memory, malloc tuned
  torch_padded  the same padded to 100 constituents, malloc tuned
  weaver        weaver-core's own training, as it comes (benchmarks/train/pfn_weaver)
  weaver_tuned  the same with malloc tuned

A figure of a peer is jets over seconds of its training epochs alone, its data being in memory; weaver's first epoch,
which reads the file, is left out. Ratios are of the medians over rounds. `start` is another line: the seconds from the
start of `tevatrain train` to the end of its first step, cold and with the cache of the run before it (warm). Measure on a
quiet machine.
  benchmarks/train/pfn_compare.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import argparse
import datetime
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import h5py

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_runs import (MALLOC_DEFAULT, MALLOC_TUNED, ROOT, BenchError, machine, run_program, run_python, write_result)  # noqa: E402

WARM_START_TARGET_S = 2
TARGETS = {"torch_ragged": 1.05, "torch_padded": 1.4, "weaver": 2.3, "weaver_tuned": 1.6}


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def training_times(run, begin):
    """Seconds from `begin` to the first row of timing.jsonl, seconds of training from `begin` on, events, seconds of waiting.

    A row's own rate leaves out validations and checkpoints, so the sum of the rows' times is that of the training.
    """
    rows = read_lines(run / "timing.jsonl")
    seconds = [row["events"] / row["events_per_s"] for row in rows]
    first_row = rows[0]["unix_s"] - begin
    waited = sum(row["wait_share"] * duration for row, duration in zip(rows, seconds))
    return first_row, first_row + sum(seconds[1:]), sum(row["events"] for row in rows), waited


def train(options, folder, *overrides):
    """One run in a directory of its own; its cache is beside it."""
    run = Path(folder) / f"run-{len(list(Path(folder).iterdir()))}"
    command = [options.binary.resolve(), "train", ROOT / "configs/top/pfn.yaml", "--run", run,
               f"train.threads={options.threads}", "train.device=cpu", *overrides]
    command += [f"data.{split}={options.data.resolve() / f'{split}.h5'}" for split in ("train", "val", "test")]
    begin = time.time()
    _, wall = run_program(command, MALLOC_DEFAULT, options.threads, TEVATRAIN_CACHE=str(Path(folder) / "cache"))
    return training_times(run, begin), wall


def run_tevatrain(options):
    with tempfile.TemporaryDirectory() as folder:
        (_, seconds, events, waited), wall = train(options, folder, f"train.epochs={options.tevatrain_epochs}")
    return {"jets_per_s": events / seconds, "wait_share": waited / seconds, "training_s": seconds, "process_s": wall}


def run_start(options):
    """Seconds to the end of the first step: row 1 of a run that logs every step."""
    with tempfile.TemporaryDirectory() as folder:
        starts = []
        for _ in range(2):
            (first_step, *_), _ = train(options, folder, "train.epochs=1", "train.log_every=1")
            starts.append(first_step)
    return {"cold_start_s": starts[0], "warm_start_s": starts[1]}


def run_torch(options, mode):
    result = run_python("train/pfn_torch.py", "--mode", mode, "--rate-only", *shared_arguments(options),
                        malloc=MALLOC_TUNED, threads=options.threads)
    return {**result, "jets_per_s": statistics.harmonic_mean(result["jets_per_s"])}


def run_weaver(options, malloc):
    result = run_python("train/pfn_weaver/run.py", "--weaver", options.weaver.resolve(), *shared_arguments(options),
                        malloc=malloc, threads=options.threads)
    return {**result, "jets_per_s": statistics.harmonic_mean(result["jets_per_s"][1:])}


def shared_arguments(options):
    return ["--data", options.data.resolve(), "--epochs", options.epochs]


CONTENDERS = {
    "start": run_start,
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
            print(f"round {number}: {name:13} " + ", ".join(f"{key} {value:.5g}" for key, value in result.items()
                                                           if isinstance(value, float)), file=sys.stderr, flush=True)
    return results


def summary(results):
    """Medians, ratios of ours to each peer and the seconds of a start, with what is asked for."""
    starts = results.get("start", [])
    rates = {name: statistics.median(row["jets_per_s"] for row in rows) for name, rows in results.items() if name != "start"}
    ratios = {}
    if "tevatrain" in rates:
        for name, target in TARGETS.items():
            if name in rates:
                ratio = rates["tevatrain"] / rates[name]
                ratios[name] = {"ratio": ratio, "target": target, "reached": ratio >= target}
    start = {key: statistics.median(row[key] for row in starts) for key in ("cold_start_s", "warm_start_s") if starts}
    if starts:
        start |= {"target_s": WARM_START_TARGET_S, "reached": start["warm_start_s"] < WARM_START_TARGET_S}
    return {"jets_per_s": rates, "ratios": ratios, "start": start}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the tevatrain program")
    parser.add_argument("--data", type=Path, default=ROOT / "datasets/top_jets")
    parser.add_argument("--weaver", type=Path, default=ROOT / ".peers/weaver", help="where weaver-core is installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="of the peers, at least 2: weaver's first does not count")
    parser.add_argument("--tevatrain-epochs", type=int, default=10, help="of ours; the start counts, so as many as people train")
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
    kept = ("jets_per_s", "wait_share", "truncated_share", "training_s", "process_s", "cold_start_s", "warm_start_s")
    details = {name: [{key: row[key] for key in kept if key in row} for row in rows] for name, rows in results.items()}
    date = datetime.date.today().isoformat()
    write_result({"benchmark": "pfn training", "date": date, "command": " ".join(sys.argv), **summary(results),
                  "rounds": details, "training_jets": jets, "epochs": {"tevatrain": options.tevatrain_epochs, "peers": options.epochs}, "threads": options.threads,
                  "malloc_tuned": MALLOC_TUNED, "machine": machine()},
                 options.out and options.out / f"{date}-pfn-train.json")


if __name__ == "__main__":
    main()
