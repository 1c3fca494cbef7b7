"""Writes data sets of random size, chunking and layout whose every event tells what its rows must be.

python make_property_files.py FOLDER SEED COUNT

Data set i is FOLDER/i/*.h5; FOLDER/list.txt has a line each: layout, how rows of `part` and `hit` are told, events. An event has
number (its place in all files), checksum_part and checksum_hit (sum over its rows k of (k + 1) v + w), rows_part and rows_hit.
"""
import pathlib
import sys

import h5py
import hdf5plugin
import numpy as np

PART = ("v", "w", "number", "k", "c", "d")
HIT = ("v", "w")
EVENT = ("number", "checksum_part", "checksum_hit", "rows_part", "rows_hit")
BYTES = 9_000_000  # of the rows of a data set: about two dozen units of reading
COMPRESSIONS = ({}, {"compression": "gzip", "compression_opts": 1}, {"compression": "lzf", "fletcher32": True}, hdf5plugin.LZ4(),
                {**hdf5plugin.Zstd(clevel=1), "shuffle": True})


def options(random, shape, record_bytes, most_bytes=1 << 18):
    """Chunks of any number of rows up to most_bytes, any compression; or no chunks at all."""
    if random.random() < 0.1 or shape[0] == 0:
        return {}
    most_rows = max(1, most_bytes // max(1, record_bytes * int(np.prod(shape[1:], dtype=int))))
    rows = int(np.exp(random.uniform(np.log(max(1, most_rows // 16)), np.log(most_rows + 1))))
    return {"chunks": (min(rows, shape[0]), *shape[1:]), **COMPRESSIONS[random.integers(len(COMPRESSIONS))]}


def put(random, file, path, values):
    file.create_dataset(path, data=values, **options(random, values.shape, values.dtype.itemsize))


def rows_of(random, counts, names, first_number):
    """Columns of all rows of the events, one after the other, and the events' checksums."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    k = np.arange(total) - np.repeat(ends - counts, counts)
    event = np.repeat(np.arange(len(counts)), counts)
    v, w = random.integers(1, 20, total), random.integers(0, 100, total)
    values = {"v": v, "w": w, "number": event + first_number, "k": k, "c": v * 0.5, "d": random.random(total)}
    checksum = np.bincount(event, weights=(k + 1) * v + w, minlength=len(counts))
    return {name: values[name].astype("f8") for name in names}, checksum


def write_index(random, file, name, kind, counts):
    """How the rows belong to the events. @return the place of each event's first row, and the number of rows"""
    gaps = random.integers(0, 4, len(counts)) if kind == "extents" else 0  # rows of nobody
    ends = np.cumsum(counts + gaps)
    first = ends - counts
    index = f"index/{name}"
    if kind == "offsets":
        put(random, file, index, np.append(first, ends[-1:] if len(ends) else 0).astype("i8"))
    elif kind == "counts":
        put(random, file, index, counts.astype("u2"))
    else:
        extents = np.zeros(len(counts), [("first", "u8"), ("N", "u4")])
        extents["first"], extents["N"] = first, counts
        put(random, file, index, extents)
    return first, int(ends[-1]) if len(ends) else 0


def write_flat(random, file, event, objects, kinds):
    for name, values in event.items():
        put(random, file, f"event/{name}", values)
    for (name, (columns, counts)), kind in zip(objects.items(), kinds):
        first, total = write_index(random, file, name, kind, counts)
        place = np.repeat(first, counts) + np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        for column, values in columns.items():
            spread = np.full(total, -7, values.dtype)
            spread[place] = values
            put(random, file, f"{name}/{column}", spread)


def padded(columns, counts, width, dtype):
    """[events, width] records of which the first counts[i] are valid."""
    records = np.zeros((len(counts), width), dtype)
    valid = np.arange(width) < counts[:, None]
    for column, values in columns.items():
        records[column][valid] = values
    if "valid" in records.dtype.names:
        records["valid"] = valid
    return records


def write_compound(random, file, event, objects, widths):
    records = np.zeros(len(event["label"]), [(name, values.dtype) for name, values in event.items()])
    for name, values in event.items():
        records[name] = values
    put(random, file, "event", records)
    for name, (columns, counts) in objects.items():
        dtype = np.dtype([*((column, "f8") for column in columns), ("valid", "?")])
        put(random, file, name, padded(columns, counts, widths[name], dtype))


def write_dense(random, file, event, objects, widths):
    put(random, file, "label", event["label"])
    put(random, file, "event", np.stack([event[name] for name in EVENT], 1))
    for name, (columns, counts) in objects.items():
        records = padded(columns, counts, widths[name], np.dtype([(column, "f8") for column in columns]))
        put(random, file, name, records.view("f8").reshape(len(counts), widths[name] * len(columns)))


def write_data_set(folder, layout, random):
    """@return the line of the list"""
    folder.mkdir()
    kinds = [("offsets", "counts", "extents")[i] for i in random.integers(3, size=2)]
    num_files, num_events = int(random.integers(1, 5)), int(np.exp(random.uniform(np.log(400), np.log(3000))))
    cuts = np.sort(random.integers(0, num_events + 1, num_files - 1))
    mean_rows = BYTES // (8 * len(PART)) // num_events
    widths = {"part": 2 * mean_rows, "hit": 5}
    first_number = 0
    for number, count in enumerate(np.diff([0, *cuts, num_events])):
        objects, event = {}, {"number": np.arange(count) + float(first_number)}
        for name, names in (("part", PART), ("hit", HIT)):
            counts = random.integers(0, widths[name] + 1, count)
            columns, event[f"checksum_{name}"] = rows_of(random, counts, names, first_number)
            event[f"rows_{name}"] = counts.astype("f8")
            objects[name] = (columns, counts)
        event["label"] = ((np.arange(count) + first_number) % 2).astype("i4")
        with h5py.File(folder / f"{number}.h5", "w") as file:
            if layout == "flat":
                write_flat(random, file, event, objects, kinds)
            else:
                (write_compound if layout == "compound" else write_dense)(random, file, event, objects, widths)
        first_number += int(count)
    return f"{layout} {kinds[0]} {kinds[1]} {num_events}"


if __name__ == "__main__":
    target, seed, number = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    layouts = ("flat", "compound", "dense")
    lines = [write_data_set(target / str(i), layouts[i % 3], np.random.default_rng([seed, i])) for i in range(number)]
    (target / "list.txt").write_text("\n".join(lines) + "\n")
