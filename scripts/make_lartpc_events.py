#!/usr/bin/env python3
"""Makes TOY events of a liquid-argon time-projection chamber: voxels with an energy, a class and a particle.

Parametrised tracks, showers, delta and Michel electrons (scripts/lartpc_toy.py), not a simulation: 768 voxels of 3 mm along each axis, about
4,300 voxels an event, the five classes of PILArNet-M: 0 shower, 1 track, 2 Michel, 3 delta, 4 low energy. Figures of merit from these
events are not comparable with published ones.

Each of train.h5, val.h5 and test.h5 has one of two layouts:
  larcv     /Data/voxel_toy_group: extents {first u8, N u4} and voxels {id u8, x, y, z i2, value f4 (MeV), semantic u1, particle i4}, a row
            a voxel, as larcv3 divides events; /Data/particle_toy_group: extents and particles {pdg i4, semantic u1, group i4, energy f4 (MeV)};
            /Events/event_id {run, subrun, event}; /Events/truth {electron u1}: whether an electron has showered
  pilarnet  point, cluster: rows of variable length an event, as in PILArNet-M: (n, 8) x, y, z, value, energy, t, number of electrons, dx
            (the last four 0), sorted by cluster, and (m, 5) size, fragment, group, interaction, semantic

Please cite PILArNet (arXiv:2006.01993) for the data that this imitates.
"""

import argparse
import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

try:
    import h5py
    import numpy as np
    IMPORT_ERROR = None
except ImportError as import_error:
    IMPORT_ERROR = import_error

from made_files import Failure, Progress, in_order, is_done, main, make_folder
from worker_processes import start_worker, workers

EXAMPLES = """examples:
  make_lartpc_events.py                                        2,000/200/200 events
  make_lartpc_events.py --out /tmp/pilarnet --layout pilarnet --train 500
"""

SPLITS = {"train": 0, "val": 1, "test": 2}
MOST_EVENTS = 1 << 30            # of a split: numbers of events do not meet
BLOCK = 20                       # events that a worker makes at a time

if IMPORT_ERROR is None:
    import lartpc_toy

    EXTENT = np.dtype([("first", "u8"), ("N", "u4")])
    VOXEL = np.dtype([("id", "u8"), ("x", "i2"), ("y", "i2"), ("z", "i2"), ("value", "f4"), ("semantic", "u1"), ("particle", "i4")])
    PARTICLE = np.dtype([("pdg", "i4"), ("semantic", "u1"), ("group", "i4"), ("energy", "f4")])


class Block(NamedTuple):
    split: str
    first: int
    count: int
    seed: int


def make_block(block):
    """The events of a block: voxels and particles of each."""
    events = []
    for number in range(block.first, block.first + block.count):
        coords, energies, owners, described = lartpc_toy.make_event(block.seed, SPLITS[block.split] * MOST_EVENTS + number)
        particles = np.array(described, PARTICLE)
        voxels = np.empty(len(coords), VOXEL)
        for axis, name in enumerate("xyz"):
            voxels[name] = coords[:, axis]
        voxels["id"] = coords.astype(np.uint64) @ np.array([lartpc_toy.SIZE**2, lartpc_toy.SIZE, 1], np.uint64)
        voxels["value"], voxels["semantic"], voxels["particle"] = energies, particles["semantic"][owners], owners
        events.append((voxels, particles))
    return events


class Rows:
    """A dataset that grows by rows."""

    def __init__(self, file, path, dtype, chunk, **options):
        self.dataset = file.create_dataset(path, (0,), dtype, maxshape=(None,), chunks=(chunk,), **options)

    def append(self, rows):
        first = len(self.dataset)
        self.dataset.resize(first + len(rows), axis=0)
        self.dataset[first:] = rows


class LArCVFile:
    """Voxels and particles of all events behind each other, divided by extents."""

    def __init__(self, file):
        packed = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
        self.parts = [(Rows(file, f"Data/{name}_toy_group/{rows}", dtype, 1 << 14, **packed),
                       Rows(file, f"Data/{name}_toy_group/extents", EXTENT, 4096, **packed))
                      for name, rows, dtype in (("voxel", "voxels", VOXEL), ("particle", "particles", PARTICLE))]
        self.ids = Rows(file, "Events/event_id", [("run", "i8"), ("subrun", "i8"), ("event", "i8")], 4096, **packed)
        self.truth = Rows(file, "Events/truth", [("electron", "u1")], 4096, **packed)
        self.count = 0

    def append(self, events):
        for part, (rows, extents) in enumerate(self.parts):
            sizes = np.array([len(event[part]) for event in events], np.uint64)
            divided = np.empty(len(events), EXTENT)
            divided["first"], divided["N"] = len(rows.dataset) + np.cumsum(sizes) - sizes, sizes
            rows.append(np.concatenate([event[part] for event in events]))
            extents.append(divided)
        ids = np.zeros(len(events), self.ids.dataset.dtype)
        ids["event"] = self.count + np.arange(len(events))
        self.ids.append(ids)
        electron = [((particles["pdg"] == 11) & (particles["semantic"] == lartpc_toy.SHOWER)).any() for _, particles in events]
        self.truth.append(np.array(electron, np.uint8).view(self.truth.dataset.dtype))
        self.count += len(events)


class PILArNetFile:
    """Two rows of variable length an event."""

    def __init__(self, file):
        self.point = Rows(file, "point", h5py.vlen_dtype(np.float32), 16)
        self.cluster = Rows(file, "cluster", h5py.vlen_dtype(np.int64), 16)

    def append(self, events):
        rows = [self.rows(*event) for event in events]
        for dataset, part in ((self.point, 0), (self.cluster, 1)):
            values = np.empty(len(rows), object)
            values[:] = [row[part] for row in rows]
            dataset.append(values)

    @staticmethod
    def rows(voxels, particles):
        order = np.argsort(voxels["particle"], kind="stable")
        voxels = voxels[order]
        points = np.zeros((len(voxels), 8), np.float32)
        for column, name in enumerate(("x", "y", "z", "value")):
            points[:, column] = voxels[name]
        fragments, sizes = np.unique(voxels["particle"], return_counts=True)
        group, semantic = particles["group"][fragments], particles["semantic"][fragments]
        return points.ravel(), np.stack([sizes, fragments, group, np.zeros_like(sizes), semantic], axis=1).astype(np.int64).ravel()


LAYOUTS = {"larcv": LArCVFile, "pilarnet": PILArNetFile}


def write_split(path, blocks, made, parameters, progress):
    """Writes one file under a temporary name, block by block, and gives it its name when it is whole. @return its voxels"""
    written = 0
    part = path.with_name(f".{path.name}.part")
    try:
        with h5py.File(part, "w") as file:
            file.attrs["tevatrain"] = json.dumps({"parameters": parameters, "versions": {"numpy": importlib.metadata.version("numpy")}})
            file.attrs["classes"] = lartpc_toy.CLASSES
            layout = LAYOUTS[parameters["layout"]](file)
            for block in blocks:
                events = next(made)
                layout.append(events)
                written += sum(len(voxels) for voxels, _ in events)
                progress.add(block.count)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return written


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    out = Path(os.environ.get("TEVATRAIN_DATA") or "datasets") / "lartpc_toy"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--out", type=Path, default=out, metavar="DIR", help=f"folder to write to ({out})")
    for split, events in (("train", 2000), ("val", 200), ("test", 200)):
        parser.add_argument(f"--{split}", type=int, default=events, metavar="N", help=f"events in {split}.h5; 0 for no such file ({events})")
    parser.add_argument("--layout", choices=LAYOUTS, default="larcv", help="of the files (larcv)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other events (1)")
    parser.add_argument("--jobs", type=int, default=cores, metavar="N", help=f"processes; the events do not depend on it ({cores})")
    parser.add_argument("--force", action="store_true", help="make and replace files that are there")
    return parser.parse_args(argv)


def check_arguments(args):
    for name, low, high in (("jobs", 1, 4096), ("seed", 0, 2**31), *((split, 0, MOST_EVENTS) for split in SPLITS)):
        if not low <= getattr(args, name) <= high:
            raise Failure(f"--{name}: {getattr(args, name)} is out of range (expected {low} to {high}). Give another number.")
    if IMPORT_ERROR is not None:
        raise Failure(f"packages: {IMPORT_ERROR} (expected all of requirements.txt). Run: pip install -r requirements.txt")
    make_folder(args.out)


def generate(args, todo):
    """Makes the files of todo, a list of (path, blocks, parameters)."""
    blocks = [block for _, of_file, _ in todo for block in of_file]
    jobs = min(args.jobs, len(blocks))
    progress = Progress(sum(block.count for block in blocks), "events")
    with workers(jobs, start_worker) as executor:
        made = in_order(executor, make_block, blocks, jobs)
        written = sum(write_split(path, of_file, made, parameters, progress) for path, of_file, parameters in todo)
    print(f"{written / progress.done:.0f} voxels an event; {progress.done} events at {progress.rate():.0f} events/s, {progress.rate() / jobs:.0f} a core; a toy: not comparable with published figures.")


def run(argv):
    args = parse_arguments(argv)
    check_arguments(args)
    todo = []
    for split in SPLITS:
        events, path = getattr(args, split), args.out / f"{split}.h5"
        parameters = {"maker": "make_lartpc_events", "toy": True, "split": split, "events": events, "seed": args.seed, "layout": args.layout}
        if events and not args.force and is_done(path, parameters):
            print(f"{path}: complete, skipped.")
        elif events:
            blocks = [Block(split, first, min(BLOCK, events - first), args.seed) for first in range(0, events, BLOCK)]
            todo.append((path, blocks, parameters))
    if todo:
        generate(args, todo)
    for path, _, parameters in todo:
        print(f"{path}: {parameters['events']} toy events, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main("make_lartpc_events", run))
