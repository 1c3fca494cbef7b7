#!/usr/bin/env python3
"""Same physics: test AUC of `pfn` trained here and in eager PyTorch, several seeds each.

The two agree if |difference of mean AUC| <= 2 sqrt(s1^2/n + s2^2/n), s the standard deviation over n seeds. Both test
the weights of the epoch with the lowest validation loss.
  benchmarks/train/pfn_physics.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import argparse
import datetime
import json
import math
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_runs import MALLOC_DEFAULT, MALLOC_TUNED, ROOT, machine, run_program, run_python, write_result  # noqa: E402


def auc_here(options, seed):
    """Test AUC that `tevatrain train` writes into metrics.jsonl."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [options.binary.resolve(), "train", ROOT / "configs/top/pfn.yaml", "--run", run, f"seed={seed}",
                   f"train.epochs={options.epochs}", f"train.threads={options.threads}", "train.device=cpu"]
        command += [f"data.{split}={options.data.resolve() / f'{split}.h5'}" for split in ("train", "val", "test")]
        run_program(command, MALLOC_DEFAULT, options.threads)
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["auc"] for row in rows if row["kind"] == "test"][-1]


def auc_in_torch(options, seed):
    return run_python("train/pfn_torch.py", "--data", options.data.resolve(), "--epochs", options.epochs, "--seed", seed,
                      malloc=MALLOC_TUNED, threads=options.threads)["auc"]


def verdict(ours, theirs):
    """Means, spreads and whether they agree."""
    difference = statistics.mean(ours) - statistics.mean(theirs)
    limit = 2 * math.sqrt(statistics.variance(ours) / len(ours) + statistics.variance(theirs) / len(theirs))
    return {"tevatrain_mean": statistics.mean(ours), "tevatrain_s": statistics.stdev(ours),
            "torch_mean": statistics.mean(theirs), "torch_s": statistics.stdev(theirs),
            "difference": difference, "limit": limit, "passes": abs(difference) <= limit}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the tevatrain program")
    parser.add_argument("--data", type=Path, default=ROOT / "datasets/top_jets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="at least two")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder of the kept result, <date>-pfn-physics.json")
    options = parser.parse_args()
    if len(options.seeds) < 2:
        parser.error("--seeds needs at least two seeds for a spread")
    ours, theirs = [], []
    for seed in options.seeds:
        ours.append(auc_here(options, seed))
        theirs.append(auc_in_torch(options, seed))
        print(f"seed {seed}: test AUC {ours[-1]:.5f} here, {theirs[-1]:.5f} in PyTorch", file=sys.stderr, flush=True)
    date = datetime.date.today().isoformat()
    result = verdict(ours, theirs)
    write_result({"benchmark": "pfn physics", "date": date, "command": " ".join(sys.argv), **result,
                  "tevatrain_auc": ours, "torch_auc": theirs, "seeds": options.seeds, "epochs": options.epochs,
                  "machine": machine()}, options.out and options.out / f"{date}-pfn-physics.json")
    return 0 if result["passes"] else 1


if __name__ == "__main__":
    sys.exit(main())
