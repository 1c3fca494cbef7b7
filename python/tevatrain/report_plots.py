"""Figures of a report: plain functions from runs to matplotlib figures.

A run is what report_run.read_run gives: train and validation rows, classes, scores [N, K], label [N], weight [N], inputs.
"""

import itertools

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import mplhep  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter  # noqa: E402

COLORS = ("#3f90da", "#e42536", "#f89c20", "#832db6", "#717581", "#92dadd", "#a96b59", "#b9ac70")  # Petroff 2021
MARKERS = "osD^v<>p"
CANCELLED = 1e-9  # fewer effective background events than that are rounding of weights of both signs


def use_style():
    """The style of the field, in sizes that suit a page."""
    mplhep.style.use(mplhep.style.ROOT)
    plt.rcParams.update({
        "font.size": 15, "axes.labelsize": 17, "xtick.labelsize": 14, "ytick.labelsize": 14, "legend.fontsize": 13,
        "legend.title_fontsize": 13, "figure.figsize": (8, 6.5), "lines.linewidth": 2, "svg.hashsalt": "tevatrain",
        "axes.prop_cycle": matplotlib.cycler(color=COLORS), "savefig.bbox": None, "figure.constrained_layout.use": True,
    })


def title(axis, text=""):
    """Program in bold at the upper left, what is shown at the upper right, both outside the frame."""
    axis.set_title("Tevatrain", loc="left", fontsize=16, fontweight="bold")
    axis.set_title(text, loc="right", fontsize=13)


def plain_log_axis(axis, values):
    """A log scale whose ticks are plain numbers, also where it spans less than a decade or two."""
    values = np.asarray([value for value in values if np.isfinite(value) and value > 0])
    axis.set_major_locator(LogLocator(subs=(1.0,) if values.max() / values.min() > 300 else (1.0, 2.0, 5.0)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))


def legend_columns(names, inches):
    """Columns of a legend that has this much room."""
    return int(np.clip(inches / (0.12 * (max(map(len, names)) + 6)), 1, len(names)))


def column(rows, key):
    """A column of metrics rows; a missing or null value is NaN."""
    return np.array([np.nan if row.get(key) is None else row[key] for row in rows], dtype=float)


class RocCurve:
    """Weighted efficiencies at every distinct score, from tight to loose, starting at (0, 0)."""

    def __init__(self, score, is_signal, weight):
        order = np.argsort(-score, kind="stable")
        score, is_signal, weight = score[order], is_signal[order], weight[order].astype(np.float64)
        last_of_ties = np.append(np.diff(score) != 0, True)

        def passing(values):
            return np.concatenate([[0.0], np.cumsum(values)[last_of_ties]])

        signal, background = passing(weight * is_signal), passing(weight * ~is_signal)
        self.cut = np.concatenate([[np.inf], score[last_of_ties]])
        self.signal_efficiency, self.background_efficiency = signal / signal[-1], background / background[-1]
        with np.errstate(invalid="ignore"):
            self.background_count = np.nan_to_num(background**2 / passing(weight**2 * ~is_signal))

    def at(self, signal_efficiency):
        """Rejection and its error at the first cuts that keep this share of the signal; infinite without background weight.

        Negative weights let the efficiency fall again; it first reaches a value where its running maximum does.
        """
        first = np.searchsorted(np.maximum.accumulate(self.signal_efficiency), signal_efficiency, side="left")
        first = np.clip(first, 1, len(self.signal_efficiency) - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            left, count = self.background_efficiency[first], self.background_count[first]
            rejection = np.where((left > 0) & (count >= CANCELLED), 1 / left, np.inf)
            return rejection, rejection / np.sqrt(count)


def plot_training(runs):
    """Loss of training and validation, and the learning rate, against the step."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7.5), sharex=True, height_ratios=[3, 1])
    losses, rates = [], []
    for run, color in zip(runs, itertools.cycle(COLORS)):
        steps, loss, rate = column(run.train, "step"), column(run.train, "loss"), column(run.train, "lr")
        checked, validation = column(run.validation, "step"), column(run.validation, "loss")
        top.plot(steps, loss, color=color, alpha=0.55, lw=1.3, label=f"{run.name}, training")
        top.plot(checked, validation, "o-", color=color, ms=5, label=f"{run.name}, validation")
        bottom.plot(steps, rate, color=color)
        losses += [*loss, *validation]
        rates += [*rate]
    for axis, values in ((top, losses), (bottom, rates)):
        values = [value for value in values if np.isfinite(value)]
        if values and min(values) > 0 and max(values) > 10 * min(values):
            axis.set_yscale("log")
            if axis is top:
                plain_log_axis(axis.yaxis, values)
    top.set_ylabel("loss")
    top.legend(loc="upper right")
    bottom.set(xlabel="step", ylabel="learning rate")
    if bottom.get_yscale() == "linear":
        bottom.set_ylim(bottom=0)
        bottom.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    figure.align_ylabels()
    title(top, f"weighted mean loss per {' or '.join(sorted({run.unit for run in runs}))}")
    return figure


def plot_roc(runs):
    """Background rejection (1 / background efficiency) with its error against signal efficiency, working points marked.

    Where fewer than four background events are left, the error exceeds half the value and nothing is drawn.
    """
    figure, axis = plt.subplots()
    highest = 10.0
    for run, color, marker in zip(runs, itertools.cycle(COLORS), itertools.cycle(MARKERS)):
        curve = RocCurve(run.scores[:, run.signal], run.label == run.signal, run.weight)
        efficiency = np.linspace(0.05, 1, 381)
        rejection, error = curve.at(efficiency)
        seen = np.isfinite(rejection) & (error <= 0.5 * rejection)
        efficiency, rejection, error = efficiency[seen], rejection[seen], error[seen]
        auc = run.test_value("auc")
        axis.plot(efficiency, rejection, color=color, label=run.name + (f", AUC {auc:.4f}" if auc else ""))
        axis.fill_between(efficiency, np.maximum(rejection - error, 1), rejection + error, color=color, alpha=0.2, lw=0)
        for point in run.working_points():
            at_point, at_error = curve.at(point)
            if np.isfinite(at_point):
                text = rf"$1/\varepsilon_B$ = {number(at_point, at_error)} at $\varepsilon_S$ = {point:g}"
                axis.errorbar(point, at_point, at_error, fmt=marker, color=color, mec="black", ms=7, capsize=3,
                              zorder=3, label=text if len(runs) <= 2 else None)
                highest = max(highest, at_point + at_error)
        highest = max(highest, np.max(rejection + error, initial=1.0))
    random = np.linspace(0.05, 1, 100)
    axis.plot(random, 1 / random, ":", color="gray", label="random")
    signal = runs[0].classes[runs[0].signal]
    axis.set(yscale="log", xlim=(0, 1), xlabel=rf"signal efficiency $\varepsilon_S$ ({signal})",
             ylabel=r"background rejection $1/\varepsilon_B$")
    handles, labels = legend_in_order(axis, len(runs))
    share = min(0.05 * len(handles), 0.4)  # of the height, kept free for the legend
    axis.set_ylim(1, highest ** (1 / (1 - share)))
    plain_log_axis(axis.yaxis, axis.get_ylim())
    axis.grid(alpha=0.3)
    axis.legend(handles, labels, loc="upper right")
    title(axis, f"{' and '.join(sorted({run.split for run in runs}))} events, statistical errors")
    return figure


def legend_in_order(axis, num_runs):
    """Entries as they were drawn, working points below the curve of their run (matplotlib puts error bars last)."""
    handles, labels = axis.get_legend_handles_labels()
    lines, points = list(zip(handles, labels))[:num_runs + 1], list(zip(handles, labels))[num_runs + 1:]
    ordered = []
    for handle, label in lines:
        ordered.append((handle, label))
        ordered += [point for point in points if point[0].lines[0].get_color() == handle.get_color()]
    return [handle for handle, _ in ordered], [label for _, label in ordered]


def number(value, error):
    """Value and error with two digits of the error: 153.3 ± 4.1, 2500 ± 1800."""
    if not (error > 0 and np.isfinite(error)):
        return f"{value:.1f} ± {error:.1f}"
    digits = 1 - int(np.floor(np.log10(error)))
    return f"{round(float(value), digits):.{max(0, digits)}f} ± {round(float(error), digits):.{max(0, digits)}f}"


def plot_scores(run):
    """Distribution of the signal score for every class."""
    figure, axis = plt.subplots()
    bins = np.linspace(0, 1, 51)
    for index, name in enumerate(run.classes):
        chosen = run.label == index
        if run.weight[chosen].sum() > 0:
            axis.hist(run.scores[chosen, run.signal], bins, weights=run.weight[chosen], density=True, histtype="step",
                      color=COLORS[index % len(COLORS)], lw=2, label=f"{name} ({chosen.sum():,} events)")
    highest = axis.get_ylim()[1]
    axis.set(yscale="log", xlim=(0, 1), ylim=(None, highest * 8))
    axis.set_xlabel(f"score of {run.classes[run.signal]}")
    axis.set_ylabel("probability density")
    axis.legend(loc="upper center", ncols=2)
    title(axis, f"{run.name}, {run.split} events")
    return figure


def plot_inputs(run):
    """Distribution of every input feature by class, before standardisation, over the range that is filled."""
    features = run.inputs["features"]
    columns = min(3, len(features))
    rows = -(-len(features) // columns)
    width = max(6.5, 4.6 * columns)
    entries = legend_columns(run.inputs["classes"], width)
    above = 0.3 * (-(-len(run.inputs["classes"]) // entries) - 1)
    figure, axes = plt.subplots(rows, columns, figsize=(width, 3.7 * rows + above), squeeze=False)
    for axis, feature in zip(axes.flat, features):
        counts = np.asarray(feature["counts"], dtype=float)
        edges = np.linspace(feature["low"], feature["high"], counts.shape[1] + 1)
        for index, of_class in enumerate(counts):
            if of_class.sum() > 0 and edges[-1] > edges[0]:
                density = of_class / of_class.sum() / np.diff(edges)
                axis.stairs(density, edges, color=COLORS[index % len(COLORS)], lw=1.8)
        filled = np.flatnonzero(counts.sum(0) > 2e-4 * counts.sum())
        if len(filled) and edges[-1] > edges[0]:
            axis.set_xlim(edges[filled[0]], edges[filled[-1] + 1])
        axis.set_ylim(bottom=0)
        axis.set_xlabel(f"{feature['object']}.{feature['name']}", fontsize=14)
        axis.tick_params(labelsize=11)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4))
        axis.yaxis.get_offset_text().set_size(11)
    for axis in axes.flat[len(features):]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("density", fontsize=14)
    handles = [plt.Line2D([], [], color=COLORS[index % len(COLORS)], label=name)
               for index, name in enumerate(run.inputs["classes"])]
    figure.legend(handles=handles, loc="outside upper center", ncols=entries, title=f"{run.name}, training events")
    return figure
