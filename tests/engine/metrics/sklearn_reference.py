"""Reference values for sklearn_test.cpp: reads score, label and weight of each file, prints one line for each."""

import sys

import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score, roc_curve

for path in sys.argv[1:]:
    score, label, weight = np.loadtxt(path, unpack=True)
    auc = roc_auc_score(label, score, sample_weight=weight)
    numbers = [auc, accuracy_score(label, score > 0.5, sample_weight=weight)]
    fpr, tpr, cut = roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    for efficiency in (0.3, 0.5):
        i = int(np.argmax(tpr >= efficiency))
        above = weight[(label == 0) & (score >= cut[i])]
        count = above.sum() ** 2 / (above**2).sum()
        numbers += [1 / fpr[i], 1 / fpr[i] / np.sqrt(count), cut[i]]
    print(*(repr(float(number)) for number in numbers))
