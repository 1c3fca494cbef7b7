"""Reads CSV files, plain or gzip, block by block into columns of given types; what does not fit is named by row, column and value."""

import contextlib
import csv
import gzip
import io
import zlib

import conversion
from conversion import Failure

try:
    import numpy as np
    import pandas as pd
except ImportError as import_error:
    conversion.IMPORT_ERROR = import_error

NAN = ["nan", "NaN", "NAN"]


@contextlib.contextmanager
def opened(path):
    """(the file on disk, its uncompressed bytes); a damaged file becomes one line."""
    with open(path, "rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            yield raw, gzip.open(raw) if packed else raw
        except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error, pd.errors.ParserError) as error:
            reason = " ".join(str(error).split())
            raise Failure(f"{path}: cannot be read: {reason} (expected whole rows, plain or gzip). Correct it or copy it again.") from None


def first_rows(path, separator, count):
    """The first rows as lists of text."""
    with opened(path) as (_, stream):
        text = io.TextIOWrapper(stream, "utf-8-sig")
        rows = [[field.strip() for field in row] for row, _ in zip(csv.reader(text, delimiter=separator), range(count))]
        text.detach()
    return rows


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def inferred(path, names, has_header, separator, rows):
    """{column: dtype} as the first rows suggest; None for text."""
    with opened(path) as (_, stream), read(stream, names, None, has_header, separator, rows) as frames:
        frame = next(frames)
    return {name: inferred_dtype(frame[name]) for name in names}


def inferred_dtype(column):
    if column.dtype.kind in "biuf":
        return column.dtype
    # Numbers with something else among them are no text: the conversion names what is wrong.
    return np.dtype("float64") if pd.to_numeric(column, errors="coerce").notna().any() else None


def read(stream, names, dtypes, has_header, separator, rows):
    """Frames of so many rows. An empty value is no missing one: it must be of the type of its column like others."""
    return pd.read_csv(stream, sep=separator, header=0 if has_header else None, names=names, dtype=dtypes, index_col=False, chunksize=rows,
                       keep_default_na=False, na_values=NAN, encoding="utf-8-sig")


def wrong_values(text, dtype):
    """Which values of a column of text are not of this type."""
    if dtype.kind == "S":
        return text.str.encode("utf-8").str.len() > dtype.itemsize
    if dtype.kind == "b":
        return ~text.str.lower().isin(["true", "false"])
    numbers = pd.to_numeric(text, errors="coerce")
    if dtype.kind == "f":
        return numbers.isna() & ~text.isin(NAN)
    limits = np.iinfo(dtype)
    return ~((numbers % 1 == 0) & (numbers >= limits.min) & (numbers <= limits.max))


def explain(path, names, dtypes, has_header, separator, rows, skip, error):
    """The failure of a block: the first value that is not of the type of its column; else what pandas says."""
    begin = 0
    with opened(path) as (_, stream), read(stream, names, str, has_header, separator, rows) as frames:
        for frame in frames:
            for name in dtypes if begin >= skip else ():
                wrong = np.flatnonzero(wrong_values(frame[name], dtypes[name]))
                if len(wrong):
                    value = frame[name].iloc[wrong[0]]
                    return Failure(f"{path}: row {begin + wrong[0] + 1}, column {name}: '{value}' is not of type {dtypes[name]} "
                                   f"(expected {'a whole row' if value == '' else 'such a value'}). Correct the file, or give --dtype.")
            begin += len(frame)
    return Failure(f"{path}: cannot be read: {error} (expected {len(names)} values a row). Correct the file.")


def to_array(column, dtype):
    if dtype.kind != "S":
        return column.to_numpy()
    if wrong_values(column, dtype).any():
        raise ValueError(f"text longer than {dtype.itemsize} bytes")
    return np.array(list(column.str.encode("utf-8")), dtype)


def blocks(path, names, dtypes, has_header, separator, rows):
    """Yields ({column: values} of the columns that have a dtype, share of the file that is read)."""
    read_as = {name: str if name not in dtypes or dtypes[name].kind == "S" else dtypes[name] for name in names}
    begin, size = 0, max(path.stat().st_size, 1)
    try:
        with opened(path) as (raw, stream), read(stream, names, read_as, has_header, separator, rows) as frames:
            for frame in frames:
                yield {name: to_array(frame[name], dtype) for name, dtype in dtypes.items()}, raw.tell() / size
                begin += len(frame)
    except pd.errors.EmptyDataError:
        raise Failure(f"{path}: is empty (expected rows of numbers). Leave it out.") from None
    except ValueError as error:
        raise explain(path, names, dtypes, has_header, separator, rows, begin, " ".join(str(error).split())) from None
