#!/usr/bin/env python3
"""Trains the PFN with weaver-core on the CPU and prints one JSON line: its own jets/s of each epoch, and its AUC.

The first epoch includes reading and features; later ones run from memory, so the median is over those.
  benchmarks/train/pfn_weaver/run.py --epochs 3
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
INSTALL = ".venv/bin/pip install --target=.peers/weaver --no-deps -r benchmarks/train/pfn_weaver/requirements.txt"


def jets(options, name):
    """Number of jets of a split that are used."""
    with h5py.File(options.data / f"{name}.h5") as file:
        return len(file["table/table"]) if options.most is None else min(options.most, len(file["table/table"]))


def weaver_environment(options):
    return {**os.environ, "PYTHONPATH": str(options.weaver.resolve())}


def convert_splits(options, folder):
    """Training and validation jets as Parquet, by a process of its own: it needs weaver's packages."""
    for name in ("train", "val"):
        command = [sys.executable, HERE / "convert.py", options.data / f"{name}.h5", folder / f"{name}.parquet"]
        command += ["--most", str(options.most)] if options.most else []
        if subprocess.run(command, env=weaver_environment(options)).returncode != 0:
            sys.exit(f"weaver: {options.data / f'{name}.h5'} could not be converted (see above).")


def train(options, folder):
    """Runs weaver in a folder; returns its log and the seconds of its process."""
    inputs = folder / "top.yaml"  # weaver writes its standardisation beside it
    inputs.write_text((HERE / "top.yaml").read_text())
    log = folder / "weaver.log"
    command = [sys.executable, "-m", "weaver.train", "--run-mode", "train,val", "--gpus", "",
               "--data-train", folder / "train.parquet", "--data-val", folder / "val.parquet",
               "--data-config", inputs, "--network-config", HERE / "network.py", "--model-prefix", folder / "net",
               "--samples-per-epoch", jets(options, "train"), "--samples-per-epoch-val", jets(options, "val"),
               "--in-memory", "--fetch-step", "1", "--num-workers", str(options.workers),
               "--batch-size", str(options.batch_size), "--num-epochs", str(options.epochs),
               "--optimizer", "Adam", "--lr-scheduler", "none", "--start-lr", "1e-3", "--log-file", log]
    begin = time.perf_counter()
    done = subprocess.run(list(map(str, command)), cwd=folder, env=weaver_environment(options), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"weaver: exit code {done.returncode}:\n{done.stdout[-3000:]}")
    return log.read_text(), time.perf_counter() - begin


def speeds(log):
    """jets/s of the training part of every epoch, as weaver logs it."""
    epochs = re.split(r"Epoch #\d+ training", log)[1:]
    return [float(re.search(r"avg\. speed ([\d.]+) entries/s", epoch).group(1)) for epoch in epochs]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "datasets/top_jets")
    parser.add_argument("--weaver", type=Path, default=ROOT / ".peers/weaver", help="where weaver-core is installed")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1, help="processes that load data")
    parser.add_argument("--most", type=int, help="only the first jets of each file")
    options = parser.parse_args()
    if not (options.weaver / "weaver").is_dir():
        sys.exit(f"weaver: {options.weaver} has no weaver-core. Install it: {INSTALL}")
    with tempfile.TemporaryDirectory() as folder:
        convert_splits(options, Path(folder))
        log, wall = train(options, Path(folder))
    rates = speeds(log)
    auc = re.findall(r"roc_auc_score_matrix:\s*\[\[\s*\S+\s+([\d.]+)", log)
    result = {"peer": "weaver-core", "jets_per_s": rates, "jets_per_s_median": statistics.median(rates[1:] or rates),
              "validation_auc": float(auc[-1]) if auc else None, "wall_s": wall}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
