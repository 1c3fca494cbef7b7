"""Figures of runs that give a class to each row of an object: plain functions from runs to matplotlib figures.

A run is what report_run.read_run gives. Sums by true and found class [K, K] and displayed events are in run.segmentation.
"""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator

from tevatrain.report_plots import COLORS, column, legend_columns, title
from tevatrain.report_run import SPLITS

MOST_POINTS = 40_000  # drawn in a panel: more would only hide each other
CORRECT_COLOR = "#d5d5d5"


def class_colors(num_classes):
    """A colour a class: those of the field, or steps of a colour map where there are too few."""
    if num_classes <= len(COLORS):
        return list(COLORS[:num_classes])
    return [to_hex(color) for color in plt.get_cmap("turbo")(np.linspace(0.03, 0.97, num_classes))]


def name_ticks(axis, names, inches):
    """Class names below an axis of that width, slanted where they would touch."""
    slanted = max(map(len, names)) * 0.12 * len(names) > inches
    axis.set_xticks(range(len(names)), names, rotation=30 if slanted else 0, ha="right" if slanted else "center",
                    rotation_mode="anchor" if slanted else "default")
    axis.tick_params(axis="x", which="both", length=0)


def plot_confusion(run):
    """What each true class was taken for: percentages of its weight, and numbers of rows."""
    percentages, counts, classes = run.segmentation.percentages(), run.segmentation.counts, run.classes
    size = len(classes)
    figure, axis = plt.subplots(figsize=(max(8, 4.2 + 1.25 * size), 2.3 + size))
    axis.imshow(percentages, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for (true, found), share in np.ndenumerate(percentages):
        color = "white" if share > 60 else "black"
        axis.text(found, true, f"{share:.1f}%" if np.isfinite(share) else "–", color=color, fontsize=16, ha="center",
                  va="bottom")
        axis.text(found, true + 0.1, f"{counts[true, found]:,}", color=color, fontsize=11, ha="center", va="top")
    name_ticks(axis, classes, 1.25 * size)
    axis.set_yticks(range(size), [f"{name}\n{of_class:,} {run.unit}s" for name, of_class in zip(classes, counts.sum(1))])
    axis.tick_params(which="both", length=0)
    axis.minorticks_off()
    axis.set(xlabel="found class", ylabel="true class")
    axis.set_xticks(np.arange(1, size) - 0.5, minor=True)
    axis.set_yticks(np.arange(1, size) - 0.5, minor=True)
    axis.grid(which="minor", color="white", ls="-", lw=2)
    title(axis, f"{run.name}, {run.split} {run.unit}s\nefficiency in % of the weight, number of {run.unit}s")
    return figure


def plot_iou_curve(run):
    """IoU of every class and their mean on the validation events against the step."""
    figure, axis = plt.subplots(figsize=(9.5, 6))
    steps, classes = column(run.validation, "step"), run.row_classes()
    for name, color in zip(classes, class_colors(len(classes))):
        axis.plot(steps, column(run.validation, f"iou_{name}"), "o-", color=color, ms=5, lw=1.6, label=name)
    axis.plot(steps, column(run.validation, "mean_iou"), "s-", color="black", ms=7, lw=3.5, zorder=1.5, label="mean")
    axis.set(xlabel="step", ylabel="intersection over union", ylim=(0, 1))
    axis.grid(alpha=0.3)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right center")
    title(axis, f"{run.name}, validation {run.unit}s")
    return figure


def plot_iou_bars(runs):
    """IoU of every class and their mean, the runs side by side."""
    classes = list(dict.fromkeys(name for run in runs for name in run.row_classes()))
    keys = [*(f"iou_{name}" for name in classes), "mean_iou"]
    inches = float(np.clip(2 + 0.6 * len(keys) * len(runs), 9, 14))
    upright = inches * 0.78 / (len(keys) * len(runs)) < 0.48  # bars narrower than a number
    figure, axis = plt.subplots(figsize=(inches, 6.2))
    width = 0.84 / len(runs)
    for number, (run, color) in enumerate(zip(runs, itertools.cycle(COLORS))):
        place = np.arange(len(keys)) + (number - (len(runs) - 1) / 2) * width
        values = np.concatenate([column([run.test], key) for key in keys])
        axis.bar(place, np.nan_to_num(values), width * 0.94, color=color, label=run.name)
        for x, value in zip(place, values):
            axis.text(x, np.nan_to_num(value) + 0.015, f"{value:.3f}" if np.isfinite(value) else "–", ha="center",
                      va="bottom", fontsize=12, rotation=90 if upright and np.isfinite(value) else 0)
    axis.axvline(len(classes) - 0.5, color="gray", ls=":", lw=1.5)
    name_ticks(axis, [*classes, "mean"], inches * 0.9)
    axis.set(ylabel="intersection over union", ylim=(0, 1.15 if upright else 1.08), xlim=(-0.6, len(keys) - 0.4))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center",
                  ncols=legend_columns([run.name for run in runs], inches))
    title(axis, f"{' and '.join(sorted({SPLITS[run.test['kind']] for run in runs}))} events")
    return figure


def frame(axis, coordinates, names):
    """Limits around all rows, the same length of a unit on the three axes, names and few ticks."""
    low, high = coordinates.min(0), coordinates.max(0)
    least = max(0.5 * (high - low).max(), 1e-6 * np.abs(coordinates).max(), 1e-6)  # a flat event keeps a box
    half = 0.52 * np.maximum(high - low, least)
    for name, letter, center, reach in zip(names, "xyz", (low + high) / 2, half):
        getattr(axis, f"set_{letter}lim")(center - reach, center + reach)
        getattr(axis, f"set_{letter}label")(name, fontsize=14, labelpad=11 if letter != "z" else 8,
                                            rotation=90 if letter == "z" and len(name) > 2 else 0)
        along = getattr(axis, f"{letter}axis")
        along.set_rotate_label(False)
        along.set_major_locator(MaxNLocator(3 if reach < 0.7 * half.max() else 4))
        along.set_pane_color((0.97, 0.97, 0.97))
    axis.set_box_aspect(half, zoom=0.96 if half.max() < 1.5 * half.min() else 0.84)  # long boxes reach further out
    axis.tick_params(labelsize=12, pad=2)
    axis.tick_params(axis="z", pad=5)
    axis.minorticks_off()
    axis.view_init(elev=22, azim=-58)
    axis.patch.set_visible(False)  # it would cover a label of the panel beside it


def scatter(axis, coordinates, colors, size, **options):
    """Points as pixels, in the SVG too: a vector for each would make files of many megabytes."""
    axis.scatter(*coordinates.T, c=colors, s=size, marker="s", lw=0, depthshade=False, rasterized=True, **options)


def event_legend(figure, run, event):
    """Classes that are in the event or were found there, below the panels; returns the share of the height it takes."""
    colors = class_colors(len(run.classes))
    entries = [(run.classes[index], colors[index]) for index in np.union1d(event.label, event.found)]
    entries.append(("correct", CORRECT_COLOR))
    handles = [plt.Line2D([], [], ls="", marker="s", ms=10, color=color, label=name) for name, color in entries]
    columns = legend_columns([name for name, _ in entries], figure.get_figwidth())
    figure.legend(handles=handles, loc="lower center", ncols=columns, fontsize=14, handletextpad=0.2)
    return 0.04 + 0.045 * -(-len(entries) // columns)


def plot_event(run, event):
    """Truth, prediction, and the rows with a wrong prediction in the colour of their true class, of one event."""
    colors = np.asarray(class_colors(len(run.classes)))
    stride = -(-len(event.label) // MOST_POINTS)
    places, label, found = event.coordinates[::stride], event.label[::stride], event.found[::stride]
    wrong, size = label != found, float(np.clip(20_000 / len(label), 1.5, 14))
    figure = plt.figure(figsize=(16, 6.8), dpi=130)
    figure.set_layout_engine("none")  # it knows no axes in three dimensions
    bottom = event_legend(figure, run, event)
    panels = [figure.add_axes((0.005 + 0.328 * index, bottom, 0.31, 0.86 - bottom), projection="3d", computed_zorder=False)
              for index in range(3)]
    scatter(panels[0], places, colors[label], size)
    scatter(panels[1], places, colors[found], size)
    scatter(panels[2], places[~wrong], CORRECT_COLOR, size / 2)
    scatter(panels[2], places[wrong], colors[label[wrong]], size, zorder=3)  # never hidden by what is correct
    for index, text in enumerate(("truth", "prediction", f"wrong: {event.num_wrong():,} (colour: true class)")):
        frame(panels[index], event.coordinates, run.segmentation.coordinate_names)
        figure.text(0.16 + 0.328 * index, 0.865, text, fontsize=16, ha="center")
    figure.text(0.02, 0.965, "Tevatrain", fontsize=18, fontweight="bold", va="top")
    drawn = f" (one in {stride} drawn)" if stride > 1 else ""
    figure.text(0.98, 0.965, f"{run.name}, {run.split} event {event.sample_id}: {len(event.label):,} {run.unit}s{drawn}, "
                f"accuracy {100 * (1 - event.num_wrong() / len(event.label)):.1f}% (unweighted)", fontsize=15, ha="right", va="top")
    return figure
