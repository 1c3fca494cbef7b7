"""What is in a ROOT file (TTree, RNTuple) or in a Parquet file, and its blocks, as arrays of awkward."""

from typing import NamedTuple

import conversion
from conversion import Failure, listed, reading

try:
    import awkward as ak
    import pyarrow.parquet as pq
    import uproot
    from uproot.interpretation.numerical import Numerical
except ImportError as import_error:
    conversion.IMPORT_ERROR = import_error

BLOCK_BYTES = 32 << 20


class Branch(NamedTuple):
    path: tuple     # keys from the array of all branches to this one
    jagged: bool
    kind: str       # type, and values a row if they are more than one

    def of(self, block):
        for key in self.path:
            block = block[key]
        return block


class RootFile:
    """A tree of a ROOT file: its branches as arrays of records, block by block."""

    def __init__(self, path, tree_name):
        # Without a cache of arrays: every block is read once.
        self._file = uproot.open(path, array_cache=None)
        size, whole = path.stat().st_size, self._file.file.fEND
        if size < whole:
            raise Failure(f"{path}: ends after {size} bytes (expected {whole}, as its header says). Copy or make it again.")
        self._tree = self._file[self._name(path, tree_name)]
        self.events, self.left_out = self._tree.num_entries, []
        if isinstance(self._tree, uproot.TTree):
            numbers = {key: isinstance(branch.interpretation, (Numerical, uproot.AsJagged)) for key, branch in self._tree.items()
                       if not branch.branches}
            self.keys = [key for key in numbers if numbers[key]]
            self.left_out = [f"{key} (neither numbers nor lists of them)" for key in numbers if not numbers[key]]
        else:
            self.keys = self._tree.keys(recursive=False)

    def _name(self, path, wished):
        names = [name for name, kind in self._file.classnames(cycle=False).items() if kind in ("TTree", "ROOT::RNTuple")]
        if wished in names:
            return wished
        if wished or len(names) != 1:
            problem = f"has no tree '{wished}'" if wished else f"has {len(names)} trees"
            raise Failure(f"{path}: {problem} (there are: {listed(names)}). Name one with --tree.")
        return names[0]

    def read(self, keys, events):
        """The first events."""
        return self._tree.arrays(keys, entry_stop=events)

    def iterate(self, keys):
        return self._tree.iterate(keys, step_size=f"{BLOCK_BYTES} B")

    def close(self):
        self._file.close()


class ParquetFile:
    """A Parquet file: its columns as arrays of records, block by block."""

    def __init__(self, path, _tree_name):
        self._file = pq.ParquetFile(path)
        meta = self._file.metadata
        self.events, self.left_out = meta.num_rows, []
        self.keys = self._file.schema_arrow.names
        size = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
        self._block = max(BLOCK_BYTES * self.events // max(size, 1), 1)

    def read(self, keys, events):
        """The first events."""
        if not events or not self.events:
            return ak.from_arrow(self._file.schema_arrow.empty_table().select(keys))
        return ak.from_arrow(next(self._file.iter_batches(events, columns=keys)))

    def iterate(self, keys):
        return (ak.from_arrow(batch) for batch in self._file.iter_batches(self._block, columns=keys))

    def close(self):
        self._file.close()


def opened(path, args):
    with open(path, "rb") as file:
        magic = file.read(4)
    kinds = {b"root": RootFile, b"PAR1": ParquetFile}
    if magic not in kinds:
        raise Failure(f"{path}: begins with {magic} (expected a ROOT or a Parquet file). Check the path.")
    return reading(path, lambda: kinds[magic](path, args.tree))


def branch_of(path, array):
    """An array without fields as Branch; None for text and lists of lists."""
    kind, jagged, shape = array.type.content, False, []
    while not isinstance(kind, ak.types.NumpyType):
        if kind.parameters.get("__array__") in ("string", "bytestring"):
            return None
        if isinstance(kind, ak.types.RegularType):
            shape.append(kind.size)
        elif isinstance(kind, ak.types.ListType) and not jagged and not shape:
            jagged = True
        elif not isinstance(kind, ak.types.OptionType):
            return None
        kind = kind.content
    return Branch(path, jagged, " * ".join([*map(str, shape), kind.primitive]))


def leaves(array, path=()):
    """(path, array) of everything that has no fields."""
    if path and not ak.fields(array):
        yield path, array
    for name in ak.fields(array):
        yield from leaves(array[name], (*path, name))


def branches_of(source):
    """{name: Branch}, and what else is there with the reason why it cannot be converted."""
    found, left_out = {}, list(source.left_out)
    for path, array in leaves(source.read(source.keys, 0)) if source.keys else ():
        name = ".".join((path[0].split("/")[-1], *path[1:]))
        branch = branch_of(path, array)
        if branch is None or name in found:
            left_out.append(f"{name} ({'neither numbers nor lists of them' if branch is None else 'a second one of this name'})")
        else:
            found[name] = branch
    return found, left_out
