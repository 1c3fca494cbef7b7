#!/usr/bin/env python3
"""Converts CSV files, plain or gzip, to HDF5 in the flat layout (docs/convert.md).

Every row is an event, every column an event column. The first line names the columns; files without such a line take --columns, or a
--preset with the published columns (label first, whole numbers in one byte; the others float32):
  higgs     label and 28 features: arXiv:1402.4735          susy      label and 18 features: arXiv:1402.4735
  hepmass   label, 27 features and, where the file has it, the mass: arXiv:1601.07913
--preset trackml takes folders of event*-hits, -cells, -particles and -truth.csv(.gz): one event each, with these four objects.

Types are those of the first rows: int64, float64, bool; --dtype gives others. Text needs a length (--dtype process=S16), else it is
left out. In names every other character than letters, digits and _ becomes _. Nothing is converted with loss: a value that is not of
its column's type is an error, and so is a missing one.
"""

import sys
from dataclasses import dataclass

import conversion
import csv_source
import trackml_events
from conversion import Failure, Steps, chosen, listed, named_columns, split_list

try:
    import numpy as np
except ImportError as import_error:
    conversion.IMPORT_ERROR = import_error

EXAMPLES = """examples:
  convert_csv.py --preset higgs HIGGS.csv.gz higgs.h5                   11 million events
  convert_csv.py --preset hepmass all_train.csv.gz hepmass.h5
  convert_csv.py --preset trackml train_1/ train_2/ trackml.h5          folders of events
  convert_csv.py --dtype '*=float32,label=uint8,process=S16' --event 'label,process,jet_*' ntuple.csv ntuple.h5
  convert_csv.py --columns label,pt,eta,phi run1.csv run2.csv runs.h5   no line of names
"""

LEPTON, MET = ["lepton_pt", "lepton_eta", "lepton_phi"], ["missing_energy_magnitude", "missing_energy_phi"]
JETS = [f"jet_{jet}_{part}" for jet in (1, 2, 3, 4) for part in ("pt", "eta", "phi", "b_tag")]
PRESETS = {
    "higgs": ["label", *LEPTON, *MET, *JETS, "m_jj", "m_jjj", "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb"],
    "susy": ["label", *(f"lepton_{lepton}_{part}" for lepton in (1, 2) for part in ("pt", "eta", "phi")), *MET, "MET_rel", "axial_MET",
             "M_R", "M_TR_2", "R", "MT2", "S_R", "M_Delta_R", "dPhi_r_b", "cos_theta_r1"],
    "hepmass": ["label", *LEPTON, *MET, "num_jets", *JETS, "m_jj", "m_jjj", "m_lv", "m_jlv", "m_wwbb", "mass"],
}
BLOCK_VALUES = 4 << 20


@dataclass
class Plan:
    """The columns of the files in order, types of those to convert, {column of OUT: column of the file}, text without a length."""
    names: list
    dtypes: dict
    kept: dict
    left_out: list

    def rows(self):
        return max(BLOCK_VALUES // len(self.names), 1)

    def __str__(self):
        text = f"event: {listed(self.kept)}"
        return text + (f"\nleft out: {listed(self.left_out)} (text; give a length with --dtype name=S16)" if self.left_out else "")


def names_of(path, args):
    """The columns of a file, and whether its first line names them."""
    rows = csv_source.first_rows(path, args.sep, 2)
    if not rows:
        raise Failure(f"{path}: is empty (expected rows of numbers). Leave it out.")
    has_names = not csv_source.is_number(rows[0][0])
    if args.preset:
        names, has_header = PRESETS[args.preset], has_names
        if args.preset == "hepmass" and len(rows[0]) == len(names) - 1:
            names = names[:-1]
    elif args.columns:
        names, has_header = split_list(args.columns), False
    elif all(map(csv_source.is_number, rows[0])):
        raise Failure(f"{path}: begins with numbers (expected a line with the names of the columns). Name them with --columns or --preset.")
    else:
        names, has_header = rows[0], True
    for row in rows:
        if len(row) != len(names):
            raise Failure(f"{path}: has {len(row)} columns (expected {len(names)}: {listed(names)}). Check --columns, --preset and --sep.")
    if len(set(names)) < len(names):
        raise Failure(f"{path}: two columns have one name (there are: {listed(names)}). Name them with --columns.")
    return names, has_header


def dtypes_of(option, names):
    """{column: dtype} of --dtype; of several patterns that fit, the last one counts."""
    dtypes = {}
    for item in split_list(option or ""):
        pattern, _, kind = item.partition("=")
        try:
            dtype = np.dtype(kind)
        except TypeError:
            dtype = None
        if not kind or dtype is None or dtype.kind not in "biufS" or dtype.itemsize == 0 or (dtype.kind == "f" and dtype.itemsize > 8):
            raise Failure(f"--dtype {item}: is no type of a column (expected name=type, e.g. '*=float32', label=uint8, process=S16). "
                          "Correct it.")
        dtypes.update(dict.fromkeys(chosen(names, [pattern], "--dtype"), dtype))
    return dtypes


def check_options(args):
    fixed = ("columns", "event", "dtype") if args.preset == "trackml" else ("columns",) if args.preset else ()
    for option in fixed:
        if getattr(args, option) is not None:
            raise Failure(f"--{option}: is not for --preset {args.preset} (expected one of the two). Leave one out.")
    if len(args.sep) != 1:
        raise Failure(f"--sep '{args.sep}': is not one character (expected one, or \\t for a tab). Correct it.")


def plan(path, args):
    check_options(args)
    if args.preset == "trackml":
        return trackml_events.plan(path, args)
    names, has_header = names_of(path, args)
    made = Plan(names, {}, {}, [])
    if args.preset:
        dtypes = {**dict.fromkeys(names, np.dtype("float32")), "label": np.dtype("uint8")}
    else:
        dtypes = csv_source.inferred(path, names, has_header, args.sep, made.rows())
    dtypes |= dtypes_of(args.dtype, names)
    wished = names if args.event is None else chosen(names, split_list(args.event), "--event")
    made.left_out = [name for name in wished if dtypes[name] is None]
    kept = [name for name in wished if name not in made.left_out]
    if not kept:
        raise Failure(f"{path}: has nothing to convert (columns: {listed(names)}). Check --event and --dtype.")
    made.dtypes = {name: dtypes[name] for name in kept}
    made.kept = named_columns("event", kept, kept)
    return made


def blocks(path, plan_, args):
    if args.preset == "trackml":
        yield from trackml_events.blocks(path, plan_, args)
        return
    names, has_header = names_of(path, args)
    if names != plan_.names:
        raise Failure(f"{path}: has the columns {listed(names)} (expected {listed(plan_.names)} as in the first file). Convert it apart.")
    for columns, share in csv_source.blocks(path, names, plan_.dtypes, has_header, args.sep, plan_.rows()):
        yield {column: columns[name] for column, name in plan_.kept.items()}, {}, share


def main(argv=None):
    parser = conversion.parser(__doc__, EXAMPLES)
    parser.add_argument("--preset", choices=[*PRESETS, "trackml"], help="published data sets")
    parser.add_argument("--columns", metavar="NAMES", help="names of the columns, for files without a line of names")
    parser.add_argument("--event", metavar="PATTERNS", help="columns to convert (all)")
    parser.add_argument("--dtype", metavar="NAME=TYPE,...", help="types of columns; patterns, the last one that fits counts (as the first rows)")
    parser.add_argument("--sep", default=",", metavar="TEXT", help="the character between the values, \\t for a tab (,)")
    args = parser.parse_args(argv)
    args.sep = "\t" if args.sep == r"\t" else args.sep
    return conversion.main(Steps("convert_csv", plan, blocks), args)


if __name__ == "__main__":
    sys.exit(main())
