#!/usr/bin/env python3
"""Raw constituents of the Top Tagging layout (pandas HDF5) as ragged Parquet, which weaver-core reads.

  benchmarks/train/pfn_weaver/convert.py datasets/top_jets/train.h5 /tmp/train.parquet
"""

import argparse
from pathlib import Path

import awkward as ak
import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filter)


def convert(source, target, most=None):
    """Writes part_px, part_py, part_pz, part_energy (ragged, falling pT) and label, a row a jet."""
    with h5py.File(source) as file:
        table = file["table/table"][:most]
    constituents = table["values_block_0"][:, :800].reshape(-1, 200, 4)
    valid = constituents[:, :, 0] > 0
    columns = {f"part_{name}": ak.unflatten(constituents[:, :, i][valid], valid.sum(1))
               for i, name in enumerate(("energy", "px", "py", "pz"))}
    ak.to_parquet(ak.Array({**columns, "label": table["values_block_1"][:, 1].copy()}), target, compression="LZ4")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--most", type=int, help="only the first jets")
    options = parser.parse_args()
    convert(options.source, options.target, options.most)
