"""Tables of a report: test metrics of runs as HTML."""

import html

from tevatrain.report_plots import number
from tevatrain.report_run import REJECTION, SPLITS

ROW_KEYS = ("loss", "accuracy", "mean_iou")
CLASS_KEYS = {"IoU": "iou_", "efficiency": "efficiency_", "purity": "purity_"}


def metric_heading(key):
    """AUC, background rejection at eps_S = 0.3, ..."""
    if match := REJECTION.match(key):
        of_class = key[match.end():].lstrip("_")
        return f"1/ε<sub>B</sub> at ε<sub>S</sub> = {float(match.group(1)) / 100:g} {html.escape(of_class)}".rstrip()
    text = html.escape(key.replace("_", " "))
    return "AUC" + text[3:] if text.startswith("auc") else text.replace("iou", "IoU")


def metric_cell(test, key):
    """Value, its error, and the score cut of a working point."""
    value, error, cut = (test.get(key + suffix) for suffix in ("", "_error", "_cut"))
    if value is not None:
        text = f"{value:.5g}" if error is None else number(value, error)
    else:
        text = "no background weight left" if key in test and REJECTION.match(key) else "–"
    return f"<td>{text}{f'<br><small>score ≥ {cut:.4g}</small>' if cut is not None else ''}</td>"


def event_keys(runs):
    """Metrics with a column of their own; errors and cuts stand in the cell of their metric."""
    return list(dict.fromkeys(key for run in runs for key in run.test
                              if key not in ("kind", "epoch", "step") and not key.endswith(("_error", "_cut"))))


def metrics_table(runs, keys):
    """HTML table of the test metrics, a row a run."""
    head = "".join(f"<th>{metric_heading(key)}</th>" for key in keys)
    body = "".join(f"<tr><td>{html.escape(run.name)}</td><td>{SPLITS[run.test['kind']]}</td><td>{run.test.get('step', '–')}</td>"
                   + "".join(metric_cell(run.test, key) for key in keys) + "</tr>" for run in runs)
    return f"<table><tr><th>run</th><th>events</th><th>weights of step</th>{head}</tr>{body}</table>"


def class_rows(run):
    """A row a class, with the number of rows of that class where the predictions are there."""
    classes = run.row_classes()
    counts = [f"{count:,}" for count in run.segmentation.counts.sum(1)] if run.segmentation else ["–"] * len(classes)
    for index, (name, count) in enumerate(zip(classes, counts)):
        first = f"<td rowspan={len(classes)}>{html.escape(run.name)}</td>" if index == 0 else ""
        cells = "".join(metric_cell(run.test, prefix + name) for prefix in CLASS_KEYS.values())
        yield f"<tr>{first}<th scope=row>{html.escape(name)}</th><td>{count}</td>{cells}</tr>"


def class_table(runs):
    """HTML table of what each class is worth, a row a class of a run."""
    head = "".join(f"<th>{heading}</th>" for heading in CLASS_KEYS)
    units = " or ".join(sorted({f"{run.unit}s" for run in runs}))
    body = "".join(row for run in runs for row in class_rows(run))
    return f"<table class=classes><tr><th>run</th><th scope=row>class</th><th>{html.escape(units)}</th>{head}</tr>{body}</table>"


def tables(runs):
    """HTML tables of all runs: those that label events and those that label rows have little in common."""
    events, rows = ([run for run in runs if run.test and run.labels_rows == chosen] for chosen in (False, True))
    parts = [metrics_table(events, event_keys(events))] if events else []
    if rows:
        parts += [metrics_table(rows, ROW_KEYS), class_table(rows)]
    return "".join(parts) or "<p>No test metrics yet: the run has not finished.</p>"
