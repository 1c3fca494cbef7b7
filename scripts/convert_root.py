#!/usr/bin/env python3
"""Converts ROOT files (TTree, RNTuple) and Parquet files to HDF5 in the flat layout (docs/convert.md).

Scalar branches become event columns, arrays of fixed size become event columns of k values. Jagged branches with the same number of
values in every event become the columns of an object; jagged records (part.px, part.py) do so too. Text and lists of lists are left
out. Types are kept. In names every other character than letters, digits and _ becomes _. Weights are columns like others.

What is not named is guessed, and the guess is printed:
  --event    every scalar branch and array of fixed size
  --object   jagged branches with the same text before their first _ or . (part_px, part_py: object part) and equal counts; those
             without such a text and with equal counts: objects particle, particle2, ...

--object part='part_*' takes the jagged branches that the pattern fits and cuts the text before its first wildcard from their names:
part_px becomes part/px. A pattern without a wildcard keeps the whole name.
"""

import ast
import re
import sys
from dataclasses import dataclass, field

import conversion
import root_source
from conversion import Failure, Steps, chosen, listed, named_columns, reading, split_list

try:
    import awkward as ak
    import numpy as np
    import pandas as pd
except ImportError as import_error:
    conversion.IMPORT_ERROR = import_error

EXAMPLES = """examples:
  convert_root.py HToBB_000.root HToBB_000.h5                          everything, objects are guessed
  convert_root.py --object part='part_*' --event 'jet_*,label_*' HToBB_*.root ZJetsToNuNu_*.root train.h5
  convert_root.py --per-file --jobs 8 data/*.root converted/           one file each, 8 processes
  convert_root.py --tree Events --object Muon='Muon_*' --event MET_pt --select 'MET_pt > 50' nano.root nano.h5
  convert_root.py --object '' events.parquet events.h5                 event columns only
"""

GUESS_EVENTS = 1000     # whose counts decide which branches a guess puts together


@dataclass
class Plan:
    """What is converted: {column: branch} of the event and of each object, the branches of the selection, what a guess left out."""
    branches: dict
    event: dict = field(default_factory=dict)
    objects: dict = field(default_factory=dict)
    select: list = field(default_factory=list)
    left_out: list = field(default_factory=list)

    def used(self):
        """The branches that are read, in a fixed order."""
        columns = [*self.event.values(), *(name for columns in self.objects.values() for name in columns.values()), *self.select]
        return list(dict.fromkeys(columns))

    def keys(self):
        return list(dict.fromkeys(self.branches[name].path[0] for name in self.used()))

    def __str__(self):
        lines = [f"{name}: {listed(columns)}" for name, columns in {"event": self.event, **self.objects}.items()]
        return "\n".join(lines + ([f"left out: {listed(self.left_out)}"] if self.left_out else []))


# ---------------------------------------------------------------------------------------------------- what to convert

def guess_objects(path, source, branches):
    """{object: {branch: characters to cut}} by prefixes and counts, and the branches that fit none."""
    groups, unfit = {}, []
    jagged = {name: branch for name, branch in branches.items() if branch.jagged}
    head = source.read(list({branch.path[0] for branch in jagged.values()}), GUESS_EVENTS) if jagged else None
    for name, branch in jagged.items():
        prefix = (re.match(r"(.+?)[_.].", name) or ("", ""))[1]
        counts = numbers(f"{path}: {name}", ak.num(branch.of(head))).tolist()
        first, names = groups.setdefault((prefix, None if prefix else tuple(counts)), (counts, []))
        if counts == first:
            names.append(name)
        else:
            unfit.append(f"{name} (its counts are not those of {names[0]}: name it with --object)")
    objects, plain = {}, 0
    for (prefix, _), (_, names) in groups.items():
        plain += not prefix
        objects[prefix or f"particle{plain if plain > 1 else ''}"] = dict.fromkeys(names, len(prefix) + 1 if prefix else 0)
    return objects, unfit


def named_objects(options, branches):
    """{object: {branch: characters to cut}} of the options --object name=pattern,..."""
    objects, jagged = {}, [name for name, branch in branches.items() if branch.jagged]
    for option in filter(None, options):
        name, _, patterns = option.partition("=")
        if not split_list(patterns) or name in objects:
            raise Failure(f"--object {option}: names no branches, or an object for the second time (expected name=pattern). "
                          "Write it like part='part_*,pf_*'.")
        cuts = {}
        for pattern in split_list(patterns):
            head = len(re.match(r"[^*?[]*", pattern)[0])
            for branch in chosen(jagged, [pattern], f"--object {name}, jagged branches"):
                cuts.setdefault(branch, head if head < min(len(pattern), len(branch)) else 0)
        objects[name] = cuts
    return objects


def names_in(expression, single):
    """The branches in an expression of --select."""
    try:
        names = list(dict.fromkeys(node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)))
    except SyntaxError as error:
        raise Failure(f"--select {expression}: {error.msg} (expected an expression like 'jet_pt > 500 and label_QCD == 0'). "
                      "Correct it.") from None
    return chosen(single, names, f"--select {expression}, scalar branches")


def plan(path, args):
    source = root_source.opened(path, args)
    branches, left_out = reading(path, lambda: root_source.branches_of(source))
    made, single = Plan(branches), [name for name, branch in branches.items() if not branch.jagged]
    names = single if args.event is None else chosen(single, split_list(args.event), "--event, branches that are not jagged")
    made.event = named_columns("event", names, names)
    if args.object is None:
        objects, unfit = reading(path, lambda: guess_objects(path, source, branches))
        made.left_out = left_out + unfit
    else:
        objects = named_objects(args.object, branches)
    for name, cuts in objects.items():
        made.objects[name] = named_columns(name, [branch[cut:] for branch, cut in cuts.items()], cuts)
    if args.select:
        made.select = names_in(args.select, [name for name in single if "*" not in branches[name].kind])
    source.close()
    if not made.event and not made.objects:
        raise Failure(f"{path}: has nothing to convert (expected numbers or lists of them). Check --event and --object.")
    return made


# -------------------------------------------------------------------------------------------------------- conversion

def numbers(where, array):
    """An array without lists as numpy has it, the values of a row in one dimension."""
    try:
        values = ak.to_numpy(array, allow_missing=False)
    except ValueError:
        raise Failure(f"{where}: has missing values (expected a number everywhere). Fill or drop them first.") from None
    return values.reshape(len(values), -1) if values.ndim > 2 else values


def rows_of(path, name, columns, branches, block):
    """The columns of an object, and the number of its rows in each event."""
    counts, values = None, {}
    for column, branch in columns.items():
        array = branches[branch].of(block)
        mine = numbers(f"{path}: {branch}", ak.num(array))
        counts = mine if counts is None else counts
        if not np.array_equal(mine, counts):
            event = np.flatnonzero(mine != counts)[0]
            raise Failure(f"{path}: {branch} has {mine[event]} values where {next(iter(columns.values()))} has {counts[event]} (expected equal "
                          f"numbers in every event of the object '{name}'). Name them as different objects with --object.")
        values[column] = numbers(f"{path}: {branch}", ak.flatten(array))
    return values, counts


def selected(path, block, plan_, expression):
    """The events of a block for which the expression is true."""
    frame = pd.DataFrame({name: numbers(f"{path}: {name}", plan_.branches[name].of(block)) for name in plan_.select})
    try:
        mask = np.asarray(frame.eval(expression, engine="python"))
    except Exception as error:      # pandas has no common type for what can be wrong in an expression
        raise Failure(f"--select {expression}: {error} (expected an expression of scalar branches). Correct it.") from None
    if mask.dtype != bool or mask.shape != (len(block),):
        raise Failure(f"--select {expression}: gives {mask.dtype} (expected true or false for each event). Compare something.")
    return block[mask]


def checked_branches(path, source, plan_):
    """That this file has the branches of the first one."""
    branches, _ = reading(path, lambda: root_source.branches_of(source))
    for name in plan_.used():
        if name not in branches:
            raise Failure(f"{path}: has no branch '{name}' (there are: {listed(branches)}). Convert such files one by one.")
        if branches[name] != plan_.branches[name]:
            now, before = (f"{'jagged ' if branch.jagged else ''}{branch.kind}" for branch in (branches[name], plan_.branches[name]))
            raise Failure(f"{path}: the branch '{name}' is {now} (expected {before} as in the first file). Convert such files one by one.")


def blocks(path, plan_, args):
    source, done = root_source.opened(path, args), 0
    checked_branches(path, source, plan_)
    iterator = iter(reading(path, lambda: source.iterate(plan_.keys())) if source.events else [source.read(plan_.keys(), 0)])
    while (block := reading(path, lambda: next(iterator, None))) is not None:
        done += len(block)
        if plan_.select:
            block = selected(path, block, plan_, args.select)
        event = {column: numbers(f"{path}: {name}", plan_.branches[name].of(block)) for column, name in plan_.event.items()}
        objects = {name: rows_of(path, name, columns, plan_.branches, block) for name, columns in plan_.objects.items()}
        yield event, objects, done / max(source.events, 1)
    source.close()


def main(argv=None):
    parser = conversion.parser(__doc__, EXAMPLES)
    parser.add_argument("--tree", metavar="NAME", help="the tree of a ROOT file (the only one)")
    parser.add_argument("--object", action="append", metavar="NAME=PATTERNS", help="an object and its jagged branches; '' for none (guessed)")
    parser.add_argument("--event", metavar="PATTERNS", help="branches of the event; '' for none (guessed)")
    parser.add_argument("--select", metavar="EXPRESSION", help="events to keep, by their scalar branches (all)")
    return conversion.main(Steps("convert_root", plan, blocks), parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
