#!/usr/bin/env python3
"""Records of jets and 40 padded tracks, lz4, against a slice a batch as salt reads it: 8 track variables of 20, in events/s.

  tevatrain        `tevatrain bench data --stage raw`: padding dropped, batches of 1,000 out of shuffled windows of 25,000 jets
  salt W B         salt's reading (salt_peer.py) with W processes, batches of B; their jets lie next to each other in the file

The file is written as atlas-ftag-tools writes it: chunks of 100 jets of all tracks; the page cache is warm.
  benchmarks/data/ftag_compare.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import tempfile
from pathlib import Path

import contest
import h5py
import hdf5plugin
import numpy as np
from bench_runs import MALLOC_DEFAULT, run_python

TRACKS, VARIABLES, WANTED = 40, 20, 8
JET = ["pt", "eta"]
CONFIG = """\
data:
  reader: compound
  train: {folder}/train.h5
  val: {folder}/val.h5
  objects:
    event: {{field: jets, columns: [pt, eta]}}
    track: {{field: tracks, columns: [{variables}, valid], valid: valid > 0}}
  label: {{field: jets, column: flavour_label, classes: [light, c, b]}}
  features: {{track: {{first: v0}}}}
  workers: {workers}
  shuffle_rows: 25000
  budget_mib: 512
model: {{name: pfn}}
train: {{batch_size: 1000, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""


def make_file(path, jets):
    """0 to 40 valid tracks a jet, 12 on average; values with 10 significant bits, as reduced precision leaves them."""
    random = np.random.default_rng(2)
    jet = np.dtype([("pt", "f4"), ("eta", "f4"), ("mass", "f4"), ("flavour_label", "i4")])
    track = np.dtype([*((f"v{i}", "f4") for i in range(VARIABLES)), ("valid", "?")])
    with h5py.File(path, "w") as file:
        options = {name: dict(compression=hdf5plugin.LZ4()) for name in ("jets", "tracks")}
        out_jets = file.create_dataset("jets", jets, jet, chunks=(min(100, jets),), **options["jets"])
        out_tracks = file.create_dataset("tracks", (jets, TRACKS), track, chunks=(min(100, jets), TRACKS), **options["tracks"])
        for first in range(0, jets, 10000):
            count = min(10000, jets - first)
            records = np.zeros(count, jet)
            for name in ("pt", "eta", "mass"):
                records[name] = random.normal(size=count)
            records["flavour_label"] = random.integers(0, 3, count)
            rows = np.zeros((count, TRACKS), track)
            valid = np.arange(TRACKS) < np.minimum(TRACKS, random.poisson(12, count))[:, None]
            for i in range(VARIABLES):
                values = random.normal(size=valid.shape).astype("f4")
                rows[f"v{i}"] = np.where(valid, (values.view("u4") & 0xFFFFE000).view("f4"), 0)
            rows["valid"] = valid
            out_jets[first:first + count], out_tracks[first:first + count] = records, rows


def main():
    options = contest.parse(__doc__, 200000)
    variables = [f"v{2 * i}" for i in range(WANTED)]
    with tempfile.TemporaryDirectory() as folder:
        make_file(Path(folder) / "train.h5", options.events)
        make_file(Path(folder) / "val.h5", 300)
        config = CONFIG.format(folder=folder, variables=", ".join(variables), workers=options.workers)

        def salt(workers, batch):
            return run_python("data/salt_peer.py", Path(folder) / "train.h5", "--jets", *JET, "--tracks", *variables, "--workers", workers,
                              "--batch", batch, malloc=MALLOC_DEFAULT, threads=1)

        contenders = {"tevatrain": lambda: contest.bench_data(options, config, "--stage", "raw")}
        for workers in range(options.workers + 1):
            for batch in (1000, 4000):
                contenders[f"salt {workers} {batch}"] = lambda workers=workers, batch=batch: salt(workers, batch)
        peers = [name for name in contenders if name != "tevatrain"]
        contest.run("ftag", options, contenders, [contest.Ratio("tevatrain", peers, 4)],
                    bytes=(Path(folder) / "train.h5").stat().st_size)


if __name__ == "__main__":
    contest.main(main)
