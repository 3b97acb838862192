"""A support vector machine with a Gaussian kernel on the images of a set, as Larochelle et al. 2007 have it.

    svm.py results/denoising-ae/svm.json SET.npz...

Each SET.npz is what `cargo xtask pixels SET --to SET.npz` writes. C and gamma are chosen by the validation images; the
error on the test images is written into the first file, by the name of the set. What is there of other sets stays.
"""

import json
import pathlib
import sys
import time

import numpy as np
import sklearn
from sklearn.svm import SVC

COSTS = (0.1, 1.0, 10.0, 100.0)
# Of exp(-gamma |a - b|^2).
GAMMAS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
AT_A_TIME = 2_000


def squared_distances(a, b):
    """Of all rows of a to all of b."""
    return np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0)


def error(machine, gamma, examples, labels, train):
    """The share of wrong answers."""
    wrong = 0
    for first in range(0, len(examples), AT_A_TIME):
        part = slice(first, first + AT_A_TIME)
        kernel = np.exp(-gamma * squared_distances(examples[part], train))
        wrong += int((machine.predict(kernel) != labels[part]).sum())
    return wrong / len(examples)


def measured(path):
    """The best machine by the validation images."""
    with np.load(path) as arrays:
        x, y, split = arrays["x"], arrays["y"], arrays["split"]
    x = x.reshape(len(x), -1).astype(np.float32) / 255
    (train, classes), (valid, known), (test, wanted) = ((x[split == part], y[split == part]) for part in range(3))
    distances = squared_distances(train, train)
    found = []
    for gamma in GAMMAS:
        kernel = np.exp(-gamma * distances).astype(np.float64)
        for cost in COSTS:
            started = time.time()
            machine = SVC(C=cost, kernel="precomputed", cache_size=500).fit(kernel, classes)
            found.append((error(machine, gamma, valid, known, train), cost, gamma, machine))
            print(f"{path.stem}: C {cost}, gamma {gamma}: {found[-1][0]:.4f} of the validation images, {time.time() - started:.0f} s", flush=True)
    chosen, cost, gamma, machine = min(found, key=lambda one: one[:3])
    if cost in (COSTS[0], COSTS[-1]) or gamma in (GAMMAS[0], GAMMAS[-1]):
        sys.exit(f"{path}: C {cost} and gamma {gamma} are at an edge of the grid: try more")
    share = error(machine, gamma, test, wanted, train)
    return {
        "c": cost,
        "gamma": gamma,
        "valid_error": chosen,
        "test_error": share,
        "interval_95": 1.96 * float(np.sqrt(share * (1 - share) / len(test))),
        "train": len(train),
        "valid": len(valid),
        "test": len(test),
    }


def main():
    out, *paths = (pathlib.Path(argument) for argument in sys.argv[1:])
    about = "support vector machines with a Gaussian kernel by scikit-learn on the pixels, C and gamma chosen by the validation images"
    record = json.loads(out.read_text()) if out.exists() else {"about": about, "sets": {}}
    record["sklearn"] = sklearn.__version__
    for path in paths:
        record["sets"][path.stem] = measured(path)
        out.write_text(json.dumps(record, indent=2) + "\n")
        print(f"{path.stem}: {record['sets'][path.stem]['test_error']:.4f} of the test images")


main()
