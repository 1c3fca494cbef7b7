"""Writes inputs that the fuzz targets begin with, by the writers whose files we read.

python make_seeds.py FOLDER: FOLDER/<target>/* for every target; the layout of an input stands in <target>_fuzz.cpp.
"""
import json
import pathlib
import struct
import sys

import h5py
import hdf5plugin
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
GZIP, SHUFFLE, FLETCHER32, LZF, BLOSC, LZ4, ZSTD = range(7)
NUMBERS = {1: GZIP, 2: SHUFFLE, 3: FLETCHER32, 32000: LZF, 32001: BLOSC, 32004: LZ4, 32015: ZSTD}
BLOSC_CODECS = ("blosclz", "lz4", "lz4hc", "zlib", "zstd")
PIPELINES = {
    "none": {}, "gzip": {"compression": "gzip"}, "shuffle": {"shuffle": True}, "fletcher32": {"fletcher32": True},
    "lzf": {"compression": "lzf"}, "gzip_shuffle": {"compression": "gzip", "shuffle": True},
    "lzf_shuffle_fletcher32": {"compression": "lzf", "shuffle": True, "fletcher32": True},
    "lz4": hdf5plugin.LZ4(), "lz4_blocks": hdf5plugin.LZ4(nbytes=256), "zstd": hdf5plugin.Zstd(),
    "zstd_shuffle_fletcher32": {**hdf5plugin.Zstd(), "shuffle": True, "fletcher32": True},
    **{f"blosc_{codec}_{shuffle}": hdf5plugin.Blosc(cname=codec, shuffle=shuffle) for codec in BLOSC_CODECS for shuffle in (0, 1, 2)},
}


def put(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def chunk_decoder(folder):
    """Stored chunks of one dataset a pipeline: compressible and not."""
    random = np.random.default_rng(1)
    contents = {"steps": np.repeat(np.arange(32, dtype="i4"), 8), "noise": random.random(64).astype("f4"), "zeros": np.zeros(300, "u1")}
    with h5py.File(folder / "seeds.h5", "w") as file:
        for pipeline, options in PIPELINES.items():
            for kind, values in contents.items():
                dataset = file.create_dataset(f"{pipeline}_{kind}", data=values, chunks=values.shape, **options)
                filters = dataset.id.get_create_plist()
                stages = [filters.get_filter(i) for i in range(filters.get_nfilters())]
                mask, stored = dataset.id.read_direct_chunk((0,))
                head = bytes([len(stages)]) + b"".join(bytes([NUMBERS[stage[0]], (stage[2] or (0,))[0] % 256]) for stage in stages)
                put(folder / "chunk_decoder", f"{pipeline}_{kind}", head + bytes([mask % 256]) + struct.pack("<H", values.nbytes) + stored)
    (folder / "seeds.h5").unlink()


def tree_file(path, offset_bytes, length_bytes, user_block, latest, shape, chunk, options):
    """A file with one chunked dataset; returns the address of its object header."""
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_sizes(offset_bytes, length_bytes)
    creation.set_userblock(user_block)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    if latest:
        access.set_libver_bounds(h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
    with h5py.File(h5py.h5f.create(str(path).encode(), h5py.h5f.ACC_TRUNC, creation, access)) as file:
        dataset = file.create_dataset("x", data=np.arange(np.prod(shape)).reshape(shape) % 5, dtype="u1", chunks=chunk, **options)
        dataset.attrs["unit"] = "GeV"  # makes the header go on elsewhere
        dataset.attrs["description"] = "transverse momentum of the jet " * 4
        return h5py.h5o.get_info(dataset.id).addr


def chunk_tree(folder):
    path = folder / "seeds.h5"
    cases = [(8, 8, 0, False, (24,), (4,), {}), (4, 4, 0, False, (24,), (5,), {}), (2, 8, 0, False, (9,), (3,), {}),
             (16, 8, 0, False, (9,), (3,), {}), (8, 8, 512, False, (9,), (3,), {}), (8, 8, 0, True, (9,), (3,), {}),
             (8, 8, 0, False, (6, 7), (2, 3), {"compression": "gzip"}), (8, 8, 0, False, (4, 3, 5), (2, 3, 2), {"maxshape": (None, 3, 5)}),
             (8, 8, 0, False, (200,), (1,), {}), (8, 8, 0, False, (9,), (3,), {"track_times": False, "fillvalue": 3})]
    for number, (offset_bytes, length_bytes, user_block, latest, shape, chunk, options) in enumerate(cases):
        header = tree_file(path, offset_bytes, length_bytes, user_block, latest, shape, chunk, options)
        content = path.read_bytes()[max(0, user_block - 255):]  # a user block's length is one byte in the input
        base = user_block - max(0, user_block - 255)
        grid = b"".join(struct.pack("<HB", *sizes) for sizes in zip(shape, chunk))
        head = bytes([offset_bytes.bit_length() - 2, length_bytes.bit_length() - 2, base, len(shape) - 1]) + struct.pack("<H", header)
        put(folder / "chunk_tree", f"{number}", head + grid + content)
    path.unlink()


def cursor(folder):
    state = {"cursor": {"version": 1, "seed": 7, "epoch": 3, "step": 2, "lanes": 4, "window_rows": 25, "batch_size": 32,
                        "fingerprint": 2**64 - 1},
             "step": 20, "events": 640, "interval_loss": 1.5, "interval_weight": 2, "mean_weight": 1, "validation_due": False,
             "threads": 2, "fingerprints": {"data.train": 17}, "validations_without_improvement": 1, "metrics_bytes": 1000,
             "best_value": 0.25}
    put(folder / "cursor", "state", json.dumps(state).encode())
    start = {**state, "cursor": {**state["cursor"], "epoch": 0, "step": 0, "lanes": 64, "window_rows": 1, "batch_size": 500}}
    put(folder / "cursor", "start", json.dumps(start, indent=1).encode())


def config(folder):
    for path in (ROOT / "configs").glob("*/*.yaml"):
        put(folder / "config", path.stem, path.read_bytes())
        put(folder / "config", path.stem + "_overridden",
            path.read_bytes() + b"\0train.epochs=3\0optimizer={name: sgd, lr: 0.1, momentum: 0.9}\0data.select=jet_E > 1")
    flat = {"seed": 3, "data": {"reader": "flat", "files": ["a.h5", "${HOME:-x}/b*.h5"], "split": {"train": 0.8, "val": 0.2},
                                "objects": {"event": {"field": "event", "columns": ["met"]},
                                            "part": {"field": "part", "columns": ["pt", "eta"], "offsets": "index", "valid": "pt > 0"}},
                                "label": {"field": "event/label", "classes": ["background", "signal"]}, "weight": {"field": "event/weight"},
                                "features": {"part": {"log_pt": "log(pt)"}, "event": {"met": "met"}}, "raw_features": ["part.eta"],
                                "standardise": "median_width", "shuffle_rows": 1000, "budget_mib": 64, "workers": 4, "prefetch": 2},
            "model": {"name": "mlp", "widths": [8, 4]}, "optimizer": {"name": "sgd", "lr": 0.1}}
    put(folder / "config", "flat", json.dumps(flat).encode())  # JSON is YAML


def plan(folder):
    """No change, a cut, and a change every 40 bytes."""
    for which in (0, 1):
        put(folder / "plan", f"{which}_as_it_is", struct.pack("<BH", which, 0))
        put(folder / "plan", f"{which}_cut", struct.pack("<BH", which, 30))
        for position in range(0, 1200, 40):
            put(folder / "plan", f"{which}_changed_{position}", struct.pack("<BHHB", which, 0, position, 255))


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for make in (chunk_decoder, chunk_tree, plan, cursor, config):
        make(target)
