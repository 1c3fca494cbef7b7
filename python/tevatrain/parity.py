"""Compares an exported model with the trained one: `python -m tevatrain.parity MODEL SAMPLE OUT [LIBRARY]`.

SAMPLE holds raw columns and the probabilities that the training program computed for them. Here the model is loaded by plain
PyTorch, without our library or, where its form is fused, with the operators of LIBRARY, and run in several batch sizes and in the padded form. OUT
gets the largest differences.
"""

import json
import sys

import h5py
import torch

BATCH_SIZES = (1, 7, 500)
MOST_SINGLE = 200  # events that are run one by one


def read_group(group, objects):
    """Raw columns of a group: {object: (values, offsets or None)} and the expected probabilities."""
    columns = {}
    for name in objects:
        if name in group:
            offsets = torch.from_numpy(group[name]["offsets"][:]) if "offsets" in group[name] else None
            columns[name] = (torch.from_numpy(group[name]["values"][:]), offsets)
    return columns, torch.from_numpy(group["probabilities"][:])


def arguments(columns, begin, end, padded):
    """The arguments of forward or forward_padded for events [begin, end)."""
    inputs = []
    event = torch.zeros(end - begin, 0)
    for name, (values, offsets) in columns.items():
        if offsets is None:
            event = values[begin:end]
            continue
        part = offsets[begin:end + 1]
        rows = values[part[0]:part[-1]]
        lengths = part.diff()
        if padded:
            mask = torch.arange(max(int(lengths.max()), 1))[None] < lengths[:, None]
            dense = torch.zeros(*mask.shape, values.shape[1])
            dense[mask] = rows
            inputs += [dense, mask]
        else:
            inputs += [rows, part - part[0]]
    return inputs + [event]


def largest_difference(model, columns, expected, count, batch_size, padded):
    """Over the first `count` events; 1 where a probability is not finite, the most that two can differ by."""
    method = model.forward_padded if padded else model.forward
    labelled = model.labelled_object()
    offsets = columns[labelled][1] if labelled else None
    worst = 0.0
    for begin in range(0, count, batch_size):
        end = min(begin + batch_size, count)
        result = method(*arguments(columns, begin, end, padded))
        if labelled and padded:
            lengths = offsets[begin:end + 1].diff()
            result = result[torch.arange(result.shape[1])[None] < lengths[:, None]]
        of_batch = expected[offsets[begin]:offsets[end]] if labelled else expected[begin:end]
        difference = (result - of_batch).abs().max().item() if len(of_batch) else 0.0
        worst = max(worst, difference if difference == difference else 1.0)
    return worst


def num_events(columns):
    """Events of a group."""
    values, offsets = next(iter(columns.values()))
    return len(values) if offsets is None else len(offsets) - 1


def main():
    model_path, sample_path, out_path, *library = sys.argv[1:]
    for path in library:
        torch.ops.load_library(path)
    model = torch.jit.load(model_path)
    rows = []
    with h5py.File(sample_path) as file, torch.no_grad():
        for name in file:
            columns, expected = read_group(file[name], model.input_names())
            for padded in (False, True):
                for batch_size in BATCH_SIZES:
                    count = num_events(columns) if batch_size > 1 else min(num_events(columns), MOST_SINGLE)
                    rows.append({"sample": name, "events": count, "batch_size": batch_size, "padded": padded,
                                 "max_difference": largest_difference(model, columns, expected, count, batch_size, padded)})
    events = {}
    for row in rows:
        events[row["sample"]] = max(events.get(row["sample"], 0), row["events"])
    result = {"max_difference": max(row["max_difference"] for row in rows), "events": sum(events.values()),
              "torch": torch.__version__, "comparisons": rows}
    with open(out_path, "w") as out:
        json.dump(result, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
