#!/usr/bin/env python3
"""Makes jets for top tagging with Pythia 8 and FastJet, in the layout of the Top Tagging data set.

Signal is hadronic top pairs, background is dijets: 14 TeV proton collisions without multiparton
interactions, pTHat 450-800 GeV, anti-kT R=0.8 over the visible final particles with |eta|<2.5, every jet
with 550<pT<650 GeV and |eta|<2. A signal jet has a top and its three quarks within dR<0.8 of its axis.

Each of train.h5, val.h5 and test.h5 holds the pandas table /table/table:
  values_block_0 f4[804]  E, PX, PY, PZ of 200 constituents by falling pT, zeros after the last one, then
                          truthE, truthPX, truthPY, truthPZ: the top before its decay; zeros for background
  values_block_1 i8[2]    ttv (0 train, 1 test, 2 val), is_signal_new (1 top, 0 background)

This is the generator level, without a detector: figures of merit from these jets are not comparable with
those published for the Top Tagging data set. Please cite Pythia 8.3 (arXiv:2203.11601) and
FastJet (arXiv:1111.6097) where you use the jets.
"""

import argparse
import importlib.metadata
import json
import os
import sys
from pathlib import Path

try:
    import h5py
    import numpy as np
    import pandas as pd
    import tables
    IMPORT_ERROR = None
except ImportError as import_error:
    IMPORT_ERROR = import_error

import top_jets_physics
from made_files import Failure, Progress, in_order, is_done, main, make_folder
from top_jets_physics import CLASS_SETTINGS, COMMON_SETTINGS, CONSTITUENTS, JET_ETA, PARTICLE_ETA, PT_GEV, RADIUS, Block, make_block
from worker_processes import start_worker, workers

EXAMPLES = """examples:
  make_top_jets.py                                      40k/10k/10k jets, all cores; 7 minutes on one
  make_top_jets.py --out /tmp/tops --train 2000 --val 500 --test 500
  make_top_jets.py --train 1200000 --val 400000 --test 400000      the size of the published set
"""

SPLITS = {"train": 0, "test": 1, "val": 2}      # values of the column ttv

# Pythia takes seeds of 1 to 900,000,000. A fixed share of them for each base seed, split and class means
# that no two blocks ever get the same one.
MAX_BLOCKS = 100_000
MAX_SEED = 1499


# ------------------------------------------------------------------------------------- blocks and workers

def plan(split, jets, block_size, base_seed):
    """Groups of blocks, one of each class: a group is made, shuffled and written together."""
    groups = []
    for index in range(-(-jets // (2 * block_size))):
        group = []
        for label, total in ((1, jets // 2), (0, jets - jets // 2)):
            count = min(block_size, total - index * block_size)
            lane = (SPLITS[split] * 2 + label) * MAX_BLOCKS + index
            if count > 0:
                group.append(Block(split, label, index, count, 1 + base_seed * 6 * MAX_BLOCKS + lane))
        groups.append(group)
    return groups


def start_silent_worker():
    start_worker()
    # FastJet writes its banner to the C++ standard output, once a worker; workers print nothing else there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


# ------------------------------------------------------------------------------------------------ writing

def column_names():
    names = [f"{part}_{i}" for i in range(CONSTITUENTS) for part in ("E", "PX", "PY", "PZ")]
    return names + ["truthE", "truthPX", "truthPY", "truthPZ"]


def to_frame(group, jets, first_row, base_seed):
    """One group as a frame of two blocks of columns, its classes mixed in an order that the seed decides."""
    labels = np.concatenate([np.full(block.jets, block.label) for block in group])
    split = SPLITS[group[0].split]
    order = np.random.default_rng([base_seed, split, group[0].index]).permutation(len(labels))
    flags = np.stack([np.full(len(labels), split), labels], axis=1).astype(np.int64)
    index = pd.RangeIndex(first_row, first_row + len(labels))
    values = pd.DataFrame(np.concatenate(jets)[order], index=index, columns=column_names())
    flags = pd.DataFrame(flags[order], index=index, columns=["ttv", "is_signal_new"])
    return pd.concat([values, flags], axis=1)


def write_split(path, groups, jets_of_blocks, parameters, progress):
    """Writes one file under a temporary name, group by group, and gives it its name when it is whole."""
    part = path.with_name(f".{path.name}.part")
    base_seed = parameters["seed"]
    row = 0
    try:
        # HDFStore.append is what to_hdf(append=True) calls; only here can PyTables be told the number of
        # rows, from which it chooses the chunk. Without complevel, pandas would not compress at all.
        with pd.HDFStore(str(part), "w", complib="blosc", complevel=9) as store:
            for group in groups:
                frame = to_frame(group, [next(jets_of_blocks) for _ in group], row, base_seed)
                store.append("table", frame, format="table", expectedrows=parameters["jets"])
                row += len(frame)
                progress.add(len(frame))
        with h5py.File(part, "r+") as file:
            versions = {name: importlib.metadata.version(name) for name in ("pythia8mc", "fastjet")}
            file.attrs["tevatrain"] = json.dumps({"parameters": parameters, "versions": versions})
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def make_parameters(split, jets, args):
    return {"maker": "make_top_jets", "split": split, "jets": jets, "seed": args.seed, "block": args.block,
            "pythia": COMMON_SETTINGS + CLASS_SETTINGS[0] + CLASS_SETTINGS[1], "pt_gev": list(PT_GEV),
            "eta": JET_ETA, "particle_eta": PARTICLE_ETA, "radius": RADIUS}


# ------------------------------------------------------------------------------------------- command line

def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    out = Path(os.environ.get("TEVATRAIN_DATA") or "datasets") / "top_jets"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--out", type=Path, default=out, metavar="DIR", help=f"folder to write to ({out})")
    for split, jets in (("train", 40000), ("val", 10000), ("test", 10000)):
        parser.add_argument(f"--{split}", type=int, default=jets, metavar="N",
                            help=f"jets in {split}.h5, half of them signal; 0 for no such file ({jets})")
    parser.add_argument("--seed", type=int, default=1, help=f"0 to {MAX_SEED}; another seed gives other jets (1)")
    parser.add_argument("--jobs", type=int, default=cores, metavar="N",
                        help=f"processes; the jets do not depend on it ({cores})")
    parser.add_argument("--block", type=int, default=1000, metavar="N",
                        help="jets of one class made with one seed; changes the jets, meant for tests (1000)")
    parser.add_argument("--force", action="store_true", help="make and replace files that are there")
    return parser.parse_args(argv)


def check_arguments(args):
    most = 2 * MAX_BLOCKS * args.block
    for name, low, high in (("block", 1, 1_000_000), ("jobs", 1, 4096), ("seed", 0, MAX_SEED),
                            ("train", 0, most), ("val", 0, most), ("test", 0, most)):
        value = getattr(args, name)
        if not low <= value <= high:
            raise Failure(f"--{name}: {value} is out of range (expected {low} to {high}). "
                          "Give another number.")
    missing = IMPORT_ERROR or top_jets_physics.IMPORT_ERROR
    if missing is not None:
        raise Failure(f"packages: {missing} (expected all of requirements.txt). "
                      "Run: pip install -r requirements.txt")
    make_folder(args.out)


def generate(args, todo):
    """Makes the files of todo, a list of (path, groups, parameters)."""
    blocks = [block for _, groups, _ in todo for group in groups for block in group]
    jobs = min(args.jobs, len(blocks))
    progress = Progress(sum(parameters["jets"] for _, _, parameters in todo), "jets")
    with workers(jobs, start_silent_worker) as executor:
        jets_of_blocks = in_order(executor, make_block, blocks, jobs)
        for path, groups, parameters in todo:
            write_split(path, groups, jets_of_blocks, parameters, progress)
    rate = progress.rate()
    print(f"{progress.done} jets at {rate:.0f} jets/s, {rate / jobs:.0f} a core; "
          "generator level, no detector: not comparable with published figures.")


def run(argv):
    args = parse_arguments(argv)
    check_arguments(args)
    todo = []
    for split in ("train", "val", "test"):
        jets, path = getattr(args, split), args.out / f"{split}.h5"
        parameters = make_parameters(split, jets, args)
        if jets and not args.force and is_done(path, parameters):
            print(f"{path}: complete, skipped.")
        elif jets:
            todo.append((path, plan(split, jets, args.block, args.seed), parameters))
    if todo:
        generate(args, todo)
    for path, _, parameters in todo:
        print(f"{path}: {parameters['jets']} jets, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main("make_top_jets", run, (tables.HDF5ExtError,) if IMPORT_ERROR is None else ()))
