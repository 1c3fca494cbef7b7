"""Folders of the TrackML challenge: event000001000-hits.csv, -cells, -particles and -truth, plain or gzip, are one event each.

The objects hits, cells, particles and truth have the published columns in the types of the challenge's own library; the event column
event_id is the number in the file name. A folder may lack a kind of file (test sets have no truth), but for every event the same ones.
"""

import re
from dataclasses import dataclass

import conversion
import csv_source
from conversion import Failure, listed

try:
    import numpy as np
except ImportError as import_error:
    conversion.IMPORT_ERROR = import_error

KINDS = ("hits", "cells", "particles", "truth")
FILE = re.compile(r"event(\d+)-(hits|cells|particles|truth)\.csv(?:\.gz)?")
REAL = "x y z value vx vy vz px py pz tx ty tz tpx tpy tpz weight".split()
WHOLE = "hit_id volume_id layer_id module_id ch0 ch1 particle_type q nhits".split()
TYPES = {**dict.fromkeys(REAL, "float32"), **dict.fromkeys(WHOLE, "int32"), "particle_id": "int64"}


@dataclass
class Plan:
    columns: dict   # {kind: columns}

    def __str__(self):
        return "\n".join(["event: event_id"] + [f"{kind}: {listed(columns)}" for kind, columns in self.columns.items()])


def events_in(folder):
    """[(number, {kind: file})] in the order of the numbers."""
    if not folder.is_dir():
        raise Failure(f"{folder}: is no folder (expected a folder of event*-hits.csv and so on). Name the folder.")
    events = {}
    for path in folder.iterdir():
        if found := FILE.fullmatch(path.name):
            if found[2] in events.get(int(found[1]), {}):
                raise Failure(f"{path}: is there plain and compressed (expected one of the two). Remove one.")
            events.setdefault(int(found[1]), {})[found[2]] = path
    if not events:
        raise Failure(f"{folder}: has no event files (expected event*-hits.csv and so on). Name the folder that has them.")
    return sorted(events.items())


def header(path):
    names = csv_source.first_rows(path, ",", 1)
    unknown = [name for name in names[0] if name not in TYPES] if names else ["nothing"]
    if unknown:
        raise Failure(f"{path}: has the column '{unknown[0]}' (expected columns of TrackML: {', '.join(TYPES)}). Correct the header.")
    return names[0]


def plan(folder, _args):
    _, files = events_in(folder)[0]
    return Plan({kind: header(files[kind]) for kind in KINDS if kind in files})


def table(path, names):
    """All rows of one file."""
    dtypes = {name: np.dtype(TYPES[name]) for name in names}
    parts = [columns for columns, _ in csv_source.blocks(path, names, dtypes, True, ",", 1 << 20)]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def blocks(folder, plan_, _args):
    events = events_in(folder)
    for index, (number, files) in enumerate(events, 1):
        objects = {}
        if set(files) != set(plan_.columns):
            raise Failure(f"{folder}: event {number} has {listed(sorted(files))} (expected {listed(plan_.columns)} as the first event). "
                          "Complete it, or remove its files.")
        for kind, names in plan_.columns.items():
            if header(files[kind]) != names:
                raise Failure(f"{files[kind]}: has the columns {listed(header(files[kind]))} (expected {listed(names)} as in the first event). "
                              "Convert such events apart.")
            columns = table(files[kind], names)
            objects[kind] = columns, [len(columns[names[0]])]
        yield {"event_id": np.array([number], "int64")}, objects, index / len(events)
