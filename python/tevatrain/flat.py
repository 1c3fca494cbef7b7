"""Writes HDF5 files in the flat layout, block by block: the layout that the scripts convert_*.py make.

  /                     attributes: tevatrain_format "flat", tevatrain_format_version 1, and those that the caller gives
  /event/<column>       [events] or [events, k]: one row an event
  /<object>/<column>    [rows] or [rows, k]: one row a particle, hit or voxel
  /<object>/extents     [events] {first: uint64, N: uint32}: rows first .. first+N-1 belong to that event

Every dataset is chunked, shuffled and compressed with zstd. All columns of an object have chunks of the same number of rows, a power
of two, of about 1 MiB together and of at least 1024 rows. An event that fits into a chunk never crosses the end of one: it begins in
the next chunk, and no extent names the rows of zeros before it. So a reader never decodes a chunk for a part of an event. Event
columns and extents have chunks of another power of two: about as many events as a chunk of the largest object holds, but no less than
128 KiB and no more than 1 MiB of all columns together.

Dtypes are kept, in native byte order; text of fixed length is for event columns only.
"""

import math
import os
import re
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

CHUNK_BYTES = 1 << 20
LEAST_ROWS = 1024
LEAST_EVENT_BYTES = 1 << 17     # smaller chunks cost more to find than to decode
EXTENT = np.dtype([("first", "<u8"), ("N", "<u4")])
NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class FlatError(ValueError):
    """What does not fit the layout or the blocks before, as one line: the column, the problem, what was expected, what to do."""


def column_name(text):
    """The text as a name that expressions can use: every other character than letters, digits and _ becomes _."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() else name


# ---------------------------------------------------------------------------------------------------- where rows lie

def power_of_two(most):
    """The largest power of two that is not above `most`; 1 at least."""
    return 1 << max(int(most), 1).bit_length() - 1


def rows_a_chunk(row_bytes):
    return max(LEAST_ROWS, power_of_two(CHUNK_BYTES / row_bytes))


def events_a_chunk(event_bytes, objects):
    """From the bytes of a row of all event columns and, for each object, (rows a chunk, bytes a row, mean rows an event)."""
    least, most = power_of_two(LEAST_EVENT_BYTES / event_bytes), power_of_two(CHUNK_BYTES / event_bytes)
    chunk, _, mean = max(objects, key=lambda item: item[1] * item[2], default=(0, 0, 0))
    return min(most, max(least, power_of_two(chunk / mean))) if mean > 0 else most


def place(counts, position, chunk):
    """The first row of each event and the row after the last one, where rows from `position` on are free."""
    first = np.empty(len(counts), np.int64)
    ends = np.cumsum(counts, dtype=np.int64)
    event = 0
    while event < len(counts):
        before = ends[event - 1] if event else 0
        stop = np.searchsorted(ends, before + chunk - position % chunk, side="right")
        if stop == event:                   # the rest of the chunk is too small: on to the next, over several if need be
            position += -position % chunk
            stop = max(np.searchsorted(ends, before + chunk, side="right"), event + 1)
        first[event:stop] = position + (ends[event:stop] - counts[event:stop]) - before
        position += int(ends[stop - 1] - before)
        event = stop
    return first, position


def spread(values, rows, length):
    """The values at these rows of an array of this length; zeros elsewhere."""
    if len(values) == length:
        return values
    out = np.zeros((length, *values.shape[1:]), values.dtype)
    out[rows] = values
    return out


# ------------------------------------------------------------------------------------------------------------ checks

def checked_column(path, values, rows, kinds):
    values = np.asarray(values)
    kind, name = values.dtype.kind, path.split("/")[-1]
    if not NAME.fullmatch(name) or name == "extents":
        raise FlatError(f"{path}: is no name of a column (expected letters, digits and _, and not 'extents'). Rename the column.")
    if kind not in kinds or (kind in "iuf" and values.dtype.itemsize > 8):
        raise FlatError(f"{path}: has values of type {values.dtype} (expected numbers of at most 64 bits or bool"
                        f"{', or text of fixed length' if 'S' in kinds else ''}). Leave it out or convert it first.")
    if values.ndim not in (1, 2) or 0 in values.shape[1:]:
        raise FlatError(f"{path}: has the shape {values.shape} (expected one value or k values a row). Flatten it first.")
    if len(values) != rows:
        raise FlatError(f"{path}: has {len(values)} rows (expected {rows} as in the other columns). Check the source of this column.")
    return np.ascontiguousarray(values, values.dtype.newbyteorder("="))


def checked_counts(name, counts):
    counts = np.asarray(counts)
    if name == "event" or not NAME.fullmatch(name):
        raise FlatError(f"{name}: is no name of an object (expected letters, digits and _, and not 'event'). Choose another name.")
    if counts.ndim != 1 or counts.dtype.kind not in "iu":
        raise FlatError(f"{name}: has numbers of rows of type {counts.dtype} {counts.shape} (expected one whole number an event). "
                        "Give one number an event.")
    if len(counts) and not 0 <= counts.min() <= counts.max() < 1 << 32:
        raise FlatError(f"{name}: has an event of {counts.min() if counts.min() < 0 else counts.max()} rows "
                        "(expected 0 to 4294967295). Check the source of this object.")
    return counts.astype(np.int64)


def check_schema(schema, before):
    """That a block has the columns of the blocks before it: path -> (dtype, values a row)."""
    for path in before:
        if path not in schema:
            raise FlatError(f"{path}: is missing (expected the same columns in every file). Convert such files one by one.")
    for path, (dtype, width) in schema.items():
        if path not in before:
            raise FlatError(f"{path}: was not there before (expected the same columns in every file). Convert such files one by one.")
        if (dtype, width) != before[path]:
            raise FlatError(f"{path}: has {dtype}{list(width)} a row (expected {before[path][0]}{list(before[path][1])} as before). "
                            "Convert such files one by one.")


# ----------------------------------------------------------------------------------------------------------- writing

def data_section(path):
    """The lines of a configuration that read all of a flat file; what is the label only the user knows."""
    with h5py.File(path, "r") as file:
        objects = {name: [column for column in group if column != "extents"] for name, group in file.items()}
    lines = [f"    {name}: {{field: {name}, columns: [{', '.join(columns)}]}}" for name, columns in objects.items()]
    return "\n".join(["data:", "  reader: flat", "  objects:", *lines])


class _Table:
    """Datasets that grow together. Whole chunks are written once; what is left over waits for the next block."""

    def __init__(self, file, schema, chunk):
        self.chunk, self.rows = chunk, 0
        self._datasets = {path: file.create_dataset(path, (0, *width), dtype, maxshape=(None, *width), chunks=(chunk, *width), shuffle=True,
                                                    **hdf5plugin.Zstd(clevel=3)) for path, (dtype, width) in schema.items()}
        self._rest = {path: np.empty((0, *width), dtype) for path, (dtype, width) in schema.items()}

    def add(self, columns, rows):
        for path, values in columns.items():
            values = np.concatenate([self._rest[path], values])
            whole = len(values) - len(values) % self.chunk
            self._write(path, values[:whole])
            self._rest[path] = values[whole:].copy()
        self.rows += rows

    def finish(self):
        for path, rest in self._rest.items():
            self._write(path, rest)

    def _write(self, path, values):
        dataset = self._datasets[path]
        begin = len(dataset)
        dataset.resize(begin + len(values), axis=0)
        dataset[begin:] = values


def schema_of(columns):
    return {path: (values.dtype, values.shape[1:]) for path, values in columns.items()}


def bytes_a_row(schema):
    return sum(dtype.itemsize * math.prod(width) for dtype, width in schema.values())


class FlatWriter:
    """Writes one file: `with FlatWriter(path, attributes) as writer: writer.append(event, objects)`, once or more.

    The file gets its name when it is whole, at the end of the `with`; after an exception nothing is left of it.
    """

    def __init__(self, path, attributes):
        self.path, self.events = Path(path), 0
        self._attributes = attributes
        self._part = self.path.with_name(f".{self.path.name}.part")
        self._schema = self._event_table = None
        self._object_tables = {}

    def __enter__(self):
        try:
            # The versions keep the file readable by HDF5 1.8. No chunk cache: every chunk is written once, whole.
            self._file = h5py.File(self._part, "w", libver=("earliest", "v108"), rdcc_nbytes=0)
            return self
        except KeyboardInterrupt:
            self._part.unlink(missing_ok=True)
            raise

    def __exit__(self, kind, error, trace):
        try:
            with self._file:
                if kind is None:
                    self._finish()
            if kind is None:
                with open(self._part, "rb") as part:
                    os.fsync(part.fileno())
                os.replace(self._part, self.path)
        finally:
            self._part.unlink(missing_ok=True)

    def append(self, event, objects=None):
        """One block of events. event: {column: values}; objects: {object: ({column: values}, rows of each event)}."""
        counts = {name: checked_counts(name, counts) for name, (_, counts) in (objects or {}).items()}
        events = len(next(iter([*counts.values(), *event.values()]), ()))
        event = {f"event/{name}": checked_column(f"event/{name}", values, events, "biufS") for name, values in event.items()}
        tables = {}
        for name, (columns, _) in (objects or {}).items():
            if len(counts[name]) != events:
                raise FlatError(f"{name}: has {len(counts[name])} events (expected {events} as the others). Check the source of this object.")
            tables[name] = {f"{name}/{column}": checked_column(f"{name}/{column}", values, int(counts[name].sum()), "biuf")
                            for column, values in columns.items()}
            if not columns:
                raise FlatError(f"{name}: has no column (expected one at least). Name a column or leave out the object.")
        if not event and not tables:
            raise FlatError("event: has no column (expected one at least, or an object). Name a column.")
        self._check(schema_of(event) | {path: kind for columns in tables.values() for path, kind in schema_of(columns).items()})
        if self._event_table is None:
            self._first_block = event, tables, counts
        if events:
            self._append(event, tables, counts, events)

    def _check(self, schema):
        check_schema(schema, schema if self._schema is None else self._schema)
        self._schema = schema

    def _create(self):
        """Datasets for the columns of the first block that has events; how many rows its events have decides on the event chunks."""
        event, tables, counts = self._first_block
        sizes = []
        for name, columns in tables.items():
            row_bytes = bytes_a_row(schema_of(columns))
            self._object_tables[name] = _Table(self._file, schema_of(columns), rows_a_chunk(row_bytes))
            sizes.append((rows_a_chunk(row_bytes), row_bytes, counts[name].mean() if len(counts[name]) else 0))
        schema = schema_of(event) | {f"{name}/extents": (EXTENT, ()) for name in tables}
        self._event_table = _Table(self._file, schema, events_a_chunk(bytes_a_row(schema), sizes))

    def _append(self, event, tables, counts, events):
        if self._event_table is None:
            self._create()
        for name, columns in tables.items():
            table, extents = self._object_tables[name], np.empty(events, EXTENT)
            first, end = place(counts[name], table.rows, table.chunk)
            extents["first"], extents["N"] = first, counts[name]
            length = end - table.rows
            starts = np.cumsum(counts[name]) - counts[name]
            rows = np.repeat(first - table.rows - starts, counts[name]) + np.arange(counts[name].sum())
            table.add({path: spread(values, rows, length) for path, values in columns.items()}, length)
            event = event | {f"{name}/extents": extents}
        self._event_table.add(event, events)
        self.events += events

    def _finish(self):
        if self._schema is None:
            raise FlatError(f"{self.path}: got no block (expected one at least). Append one, of no events if there are none.")
        if self._event_table is None:
            self._create()
        for table in (self._event_table, *self._object_tables.values()):
            table.finish()
        self._file.attrs.update({"tevatrain_format": "flat", "tevatrain_format_version": 1, **self._attributes})
