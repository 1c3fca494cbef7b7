#!/usr/bin/env python3
"""Converts numpy's .npz files to HDF5 in the flat layout (docs/convert.md).

An array [events, most rows, k] that is padded with zeros becomes an object: --object particle=X:pt,y,phi,pid takes the array X and names
its k columns (an array [events, most rows] has one). Rows of padding are dropped: those where the column --valid is 0, or without
--valid those that are 0 in all columns. The most rows may differ between files, as in the quark and gluon jets of EnergyFlow.

Every other array [events] or [events, ...] becomes an event column, of k values where there are more than one; --event chooses.
Types are kept. Files are read block by block, never as a whole.
"""

import math
import sys
import zipfile
from typing import NamedTuple

import conversion
from conversion import Failure, Steps, chosen, listed, named_columns, reading, split_list

try:
    import numpy as np
except ImportError as import_error:
    conversion.IMPORT_ERROR = import_error

EXAMPLES = """examples:
  convert_npz.py --object particle=X:pt,y,phi,pid --valid pt QG_jets*.npz qg.h5          EnergyFlow's quark and gluon jets
  convert_npz.py --object track=tracks:pt,eta,phi --event 'label,weight' sample.npz sample.h5
  convert_npz.py --event 'features,label' table.npz table.h5                             event columns only
"""

BLOCK_BYTES = 32 << 20


class Array(NamedTuple):
    shape: tuple
    dtype: object

    def event_bytes(self):
        return self.dtype.itemsize * math.prod(self.shape[1:])


class Plan(NamedTuple):
    event: dict     # {column: array}
    objects: dict   # {object: (array, columns, column that is 0 in padding or None)}
    arrays: dict    # {name: Array} of the first file
    left_out: list

    def used(self):
        return [*self.event.values(), *(array for array, _, _ in self.objects.values())]

    def __str__(self):
        lines = [f"event: {listed(self.event)}"] if self.event else []
        for name, (array, columns, valid) in self.objects.items():
            lines.append(f"{name}: {listed(columns)}, rows of {array} where {f'{valid} is' if valid else 'they are'} not 0")
        return "\n".join(lines + ([f"left out: {listed(self.left_out)}"] if self.left_out else []))


# ------------------------------------------------------------------------------------------------------------- files

def header(path, stream, name):
    """Shape and type of an array; the stream stands at its first value then."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise Failure(f"{path}: the array '{name}' has format version {version} (expected 1.0 or 2.0). Save it again as an array of numbers.")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(stream)
    return Array(shape, dtype), is_fortran and len(shape) > 1


def arrays_in(path):
    """{name: Array} of numbers or bytes in the order of C, and what else is there."""
    found, left_out = {}, []
    with zipfile.ZipFile(path) as file:
        for member in file.namelist():
            name = member.removesuffix(".npy")
            with file.open(member) as stream:
                array, is_fortran = header(path, stream, name)
            if array.dtype.kind not in "biufS" or is_fortran or not array.shape:
                left_out.append(f"{name} ({'column by column in memory' if is_fortran else f'{array.dtype} {list(array.shape)}'})")
            else:
                found[name] = array
    return found, left_out


def values_of(path, name, stream, array, events):
    """The next events of an array."""
    wanted = events * array.event_bytes()
    data = reading(path, lambda: stream.read(wanted))
    if len(data) < wanted:
        raise Failure(f"{path}: the array '{name}' ends early (expected {list(array.shape)}). Copy the file again.")
    return np.frombuffer(data, array.dtype).reshape(events, *array.shape[1:])


# ---------------------------------------------------------------------------------------------------- what to convert

def object_of(option, arrays, valid):
    """(object, (array, columns, valid column)) of an option --object name=array:columns."""
    name, _, rest = option.partition("=")
    array, _, text = rest.partition(":")
    columns = split_list(text)
    if not columns:
        raise Failure(f"--object {option}: names no columns (expected name=array:columns). Write it like particle=X:pt,y,phi,pid.")
    chosen([key for key in arrays if len(arrays[key].shape) in (2, 3)], [array], f"--object {name}, arrays of 2 or 3 dimensions")
    width = arrays[array].shape[2] if len(arrays[array].shape) == 3 else 1
    if width != len(columns):
        raise Failure(f"--object {option}: names {len(columns)} columns (expected {width}: {array} is {list(arrays[array].shape)}). "
                      "Name them all.")
    named_columns(name, columns, columns)
    return name, (array, columns, valid if valid in columns else None)


def plan(path, args):
    arrays, left_out = reading(path, lambda: arrays_in(path))
    objects = dict(object_of(option, arrays, args.valid) for option in args.object or ())
    if len(objects) < len(args.object or ()):
        raise Failure(f"--object: names an object twice (there are: {listed(args.object)}). Give each a name of its own.")
    if args.valid and all(valid is None for _, _, valid in objects.values()):
        raise Failure(f"--valid {args.valid}: is no column of an object (there are: {listed(args.object or ())}). Name one of their columns.")
    rest = [name for name in arrays if name not in [array for array, _, _ in objects.values()]]
    if args.event is None:
        sizes = [arrays[array].shape[0] for array, _, _ in objects.values()] or [arrays[name].shape[0] for name in rest]
        event = [name for name in rest if arrays[name].shape[0] == max(sizes, key=sizes.count)]
        left_out += [f"{name} ({list(arrays[name].shape)})" for name in rest if name not in event]
    else:
        event, left_out = chosen(rest, split_list(args.event), "--event, arrays"), []
    if not event and not objects:
        raise Failure(f"{path}: has nothing to convert (expected arrays of numbers). Check --event and --object.")
    return Plan(named_columns("event", event, event), objects, arrays, left_out)


# -------------------------------------------------------------------------------------------------------- conversion

def checked_arrays(path, plan_):
    """The arrays of a file that the plan needs, if they are like those of the first file."""
    arrays, left_out = reading(path, lambda: arrays_in(path))
    for name in plan_.used():
        if name not in arrays:
            raise Failure(f"{path}: has no array '{name}' to convert (there are: {listed([*arrays, *left_out])}). "
                          "Convert such files one by one.")
        padded = name not in plan_.event.values()
        now, before = (array.shape[2 if padded else 1:] + (len(array.shape), array.dtype) for array in (arrays[name], plan_.arrays[name]))
        if now != before:
            raise Failure(f"{path}: the array '{name}' is {arrays[name].dtype} {list(arrays[name].shape)} (expected "
                          f"{plan_.arrays[name].dtype} {list(plan_.arrays[name].shape)} as in the first file). Convert such files one by one.")
    sizes = {arrays[name].shape[0] for name in plan_.used()}
    if len(sizes) > 1:
        text = listed(f"{name} {arrays[name].shape[0]}" for name in plan_.used())
        raise Failure(f"{path}: the arrays have different numbers of events ({text}; expected equal ones). Choose them with --event.")
    return {name: arrays[name] for name in plan_.used()}


def rows_of(padded, columns, valid):
    """The rows that are no padding, and how many each event has."""
    padded = padded.reshape(*padded.shape[:2], len(columns))
    mask = padded[..., columns.index(valid)] != 0 if valid else (padded != 0).any(axis=2)
    rows = padded[mask]
    names = named_columns("", columns, columns)
    return {name: rows[:, index] for index, name in enumerate(names)}, mask.sum(axis=1)


def blocks(path, plan_, _args):
    arrays = checked_arrays(path, plan_)
    events = next(iter(arrays.values())).shape[0]
    most = max(BLOCK_BYTES // max(sum(array.event_bytes() for array in arrays.values()), 1), 1)
    with zipfile.ZipFile(path) as file:
        streams = {name: file.open(f"{name}.npy") for name in arrays}
        for name, stream in streams.items():
            header(path, stream, name)
        for begin in range(0, max(events, 1), most):
            count = min(most, events - begin)
            block = {name: values_of(path, name, streams[name], arrays[name], count) for name in arrays}
            if begin + count == events:     # the end of a member is where its checksum is compared
                for stream in streams.values():
                    reading(path, stream.read)
            event = {column: block[name].reshape(count, *([-1] if block[name].ndim > 2 else block[name].shape[1:]))
                     for column, name in plan_.event.items()}
            objects = {name: rows_of(block[array], columns, valid) for name, (array, columns, valid) in plan_.objects.items()}
            yield event, objects, (begin + count) / max(events, 1)


def main(argv=None):
    parser = conversion.parser(__doc__, EXAMPLES)
    parser.add_argument("--object", action="append", metavar="NAME=ARRAY:COLUMNS", help="a padded array and the names of its columns")
    parser.add_argument("--valid", metavar="COLUMN", help="the column of an object that is 0 in rows of padding (all columns)")
    parser.add_argument("--event", metavar="PATTERNS", help="arrays that become event columns (all others with as many events)")
    return conversion.main(Steps("convert_npz", plan, blocks), parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
