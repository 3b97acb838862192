"""The metrics of disentanglement in numpy and scikit-learn, written from the papers' definitions.

Reads the codes of a whole grid of images: a safetensors file with `mean` and perhaps `log_var`,
[images, latent], whose metadata has `factors`, the name and the number of values of each as JSON, the
last fastest. Compares with the metrics of a record.json. Draws are this
script's own: numbers agree as far as the draws allow.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import sklearn
from safetensors import safe_open
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

TRAIN, TEST, BATCH = 10_000, 5_000, 64
WIDE = 64
# Of dSprites, with and without the repeated orientation.
SPRITES = [[3, 6, 40, 32, 32], [3, 6, 39, 32, 32]]


class Grid:
    """Codes by the values of the factors."""

    def __init__(self, path):
        with safe_open(path, "np") as file:
            about = file.metadata()
            self.mean = file.get_tensor("mean")
            self.log_var = file.get_tensor("log_var") if "log_var" in file.keys() else None
        if "factors" in about:
            names, sizes = zip(*json.loads(about["factors"]))
            is_shape = [name == "shape" for name in names]
        else:
            # An older file has no names: of dSprites the first factor is the shape, of others none is.
            sizes = json.loads(about["sizes"])
            is_shape = [k == 0 and sizes in SPRITES for k in range(len(sizes))]
        self.sizes = np.array(sizes)
        assert len(self.mean) == self.sizes.prod(), (self.mean.shape, self.sizes)
        # The factors that z_diff and mig_posterior count: the shape has no order.
        self.counted = np.flatnonzero(~np.array(is_shape))

    def draw(self, random, *shape):
        return random.integers(self.sizes, size=(*shape, len(self.sizes)))

    def index(self, factors):
        return np.ravel_multi_index(tuple(np.moveaxis(factors, -1, 0)), self.sizes)

    def sample(self, random, count):
        factors = self.draw(random, count)
        return self.mean[self.index(factors)], factors


def difference_points(grid, random, count, factors, pairs):
    labels = random.choice(factors, size=count)
    features = np.empty((count, grid.mean.shape[1]), np.float32)
    for i, k in enumerate(labels):
        one, other = grid.draw(random, pairs), grid.draw(random, pairs)
        other[:, k] = one[:, k]
        z1, z2 = grid.mean[grid.index(one)], grid.mean[grid.index(other)]
        features[i] = np.abs(z1 - z2).mean(0)
    return features, labels


def z_diff(grid, random, part):
    """Higgins et al. 2017: the factors but shape; they do not say how many pairs a point has."""
    scores = {}
    for pairs in [1, 5, 10, 25, 64, 200]:
        features, labels = difference_points(grid, random, TRAIN // part, grid.counted, pairs)
        test, test_labels = difference_points(grid, random, TEST // part, grid.counted, pairs)
        # The mean cross-entropy with an L2 penalty of 1e-4 on standardised features.
        strength = 1 / (1e-4 * len(labels))
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))
        scores[f"z_diff_{pairs}"] = probe.fit(features, labels).score(test, test_labels)
    return scores


def beta_vae(grid, random, part):
    factors = range(len(grid.sizes))
    features, labels = difference_points(grid, random, TRAIN // part, factors, BATCH)
    test, test_labels = difference_points(grid, random, TEST // part, factors, BATCH)
    plain = LogisticRegression(max_iter=2000).fit(features, labels)
    return {"beta_vae_score": plain.score(test, test_labels)}


def factor_vae(grid, random, part):
    variances = grid.sample(random, 10_000)[0].var(0, ddof=1, dtype=np.float64)
    active = np.flatnonzero(np.sqrt(variances) >= 0.05)
    if not len(active):
        return {"factor_vae_score": 0.0}

    def votes(count):
        table = np.zeros((grid.mean.shape[1], len(grid.sizes)), int)
        for _ in range(count):
            k = random.integers(len(grid.sizes))
            factors = grid.draw(random, BATCH)
            factors[:, k] = factors[0, k]
            local = grid.mean[grid.index(factors)].var(0, ddof=1, dtype=np.float64)
            table[active[np.argmin(local[active] / variances[active])], k] += 1
        return table

    winners = votes(TRAIN // part).argmax(1)
    test = votes(TEST // part)
    return {"factor_vae_score": test[np.arange(len(test)), winners].sum() / test.sum()}


def mean_gap(information, entropies):
    """`information` is [latent, factor]."""
    ordered = np.sort(information, 0)
    return float(np.mean((ordered[-1] - ordered[-2]) / entropies))


def mig(grid, random, _part):
    z, factors = grid.sample(random, 10_000)
    information = np.zeros((z.shape[1], len(grid.sizes)))
    for j in range(z.shape[1]):
        bins = np.digitize(z[:, j], np.histogram(z[:, j], 20)[1][:-1])
        for k in range(len(grid.sizes)):
            information[j, k] = mutual_info_score(factors[:, k], bins)
    entropies = [mutual_info_score(column, column) for column in factors.T]
    return {"mig": mean_gap(information, entropies)}


def mig_posterior(grid, random, _part, points=10_000, draws=4_000):
    """By Monte Carlo as Chen et al. 2018: log q(z_j|v_k) at z drawn from q(z_j|x), x with v_k.

    Shape is left out. The mixtures are over images of their own for every value.
    """
    if grid.log_var is None:
        return {}

    def log_mixture(z, images, j):
        mean, precision = grid.mean[images, j], np.exp(-grid.log_var[images, j])
        height = np.sqrt(precision / (2 * np.pi))
        # In parts, for memory's sake. At a draw of one of them the density is not near 0.
        parts = np.array_split(z, len(z) // 500 + 1)
        p = [np.exp(-0.5 * (z[:, None] - mean) ** 2 * precision) @ height for z in parts]
        return np.log(np.concatenate(p).astype(np.float64) / len(images))

    def entropy(images, j, count):
        chosen = random.choice(images, count)
        eps = random.standard_normal(count).astype(np.float32)
        z = grid.mean[chosen, j] + np.exp(grid.log_var[chosen, j] / 2) * eps
        return -log_mixture(z, images, j).mean()

    information = np.zeros((grid.mean.shape[1], len(grid.counted)))
    everything = grid.index(grid.draw(random, points))
    for j in range(grid.mean.shape[1]):
        whole = entropy(everything, j, draws)
        for place, k in enumerate(grid.counted):
            within = []
            for value in range(grid.sizes[k]):
                factors = grid.draw(random, points // 4)
                factors[:, k] = value
                within.append(entropy(grid.index(factors), j, max(draws // grid.sizes[k], 50)))
            information[j, place] = whole - np.mean(within)
    return {"mig_posterior": mean_gap(information, np.log(grid.sizes[grid.counted]))}


def concentration(rows):
    """Mean, weighted by sum, of 1 - normalised entropy of each row."""
    p = (rows + 1e-11) / (rows + 1e-11).sum(1, keepdims=True)
    each = 1 + (p * np.log(p)).sum(1) / np.log(rows.shape[1])
    weights = rows.sum(1) if rows.sum() else np.ones(len(rows))
    return float((each * weights).sum() / weights.sum())


def dci(grid, random, _part):
    (z, factors), (test, test_factors) = grid.sample(random, TRAIN), grid.sample(random, TEST)
    importances, accuracies = [], []
    for k in range(len(grid.sizes)):
        model = GradientBoostingClassifier(random_state=int(random.integers(2**31)))
        model.fit(z, factors[:, k])
        importances.append(model.feature_importances_)
        accuracies.append(model.score(test, test_factors[:, k]))
        print(f"  factor {k}: accuracy {accuracies[-1]:.4f}", flush=True)
    importances = np.array(importances)
    return {
        "dci_disentanglement": concentration(importances.T),
        "dci_completeness": concentration(importances),
        "dci_informativeness": float(np.mean(accuracies)),
    }


def sap(grid, random, _part):
    (z, factors), (test, test_factors) = grid.sample(random, TRAIN), grid.sample(random, TEST)
    scores = np.zeros((z.shape[1], len(grid.sizes)))
    for j in range(z.shape[1]):
        for k in range(len(grid.sizes)):
            model = LinearSVC(C=0.01, class_weight="balanced", dual=False)
            model.fit(z[:, [j]].astype(np.float64), factors[:, k])
            scores[j, k] = model.score(test[:, [j]], test_factors[:, k])
    return {"sap": mean_gap(scores, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=pathlib.Path, required=True, help="codes of the whole grid")
    parser.add_argument("--record", type=pathlib.Path, help="record.json to compare with")
    parser.add_argument("--out", type=pathlib.Path, help="results/PAPER/NAME.json")
    parser.add_argument("--label", default="", help="whose codes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", nargs="*", default=[], help="functions to leave out, dci for one")
    args = parser.parse_args()

    grid = Grid(args.codes)
    wide = grid.mean.shape[1] > WIDE
    metrics = json.loads(args.record.read_text())["metrics"] if args.record else {}
    # Wide codes have a tenth of the points and neither DCI nor SAP, as ours.
    part = 10 if wide else 1
    kinds = [z_diff, beta_vae, factor_vae, mig, mig_posterior] + ([] if wide else [sap, dci])
    rows, seconds = {}, {}
    for kind in (kind for kind in kinds if kind.__name__ not in args.skip):
        start, found = time.perf_counter(), {}
        # Boosting takes minutes.
        for repeat in range(1 if kind is dci else args.repeats):
            random = np.random.default_rng([args.seed, repeat])
            for name, value in kind(grid, random, part).items():
                found.setdefault(name, []).append(float(value))
        seconds[kind.__name__] = time.perf_counter() - start
        for name, values in found.items():
            row = rows[name] = {"reference": float(np.mean(values)), "draws": values}
            if name in metrics:
                row["ours"] = metrics[name]["value"]
                row["difference"] = row["ours"] - row["reference"]
            ours = f"ours {row['ours']:.4f} {row['difference']:+.4f}" if "ours" in row else ""
            print(f"{name:22} {row['reference']:.4f}  {ours}", flush=True)

    result = {
        "about": "metrics of disentanglement by shared/factors against an "
        "implementation in numpy and scikit-learn; each draws points of its own",
        "codes": args.label or args.codes.name,
        "images": len(grid.mean),
        "latent": grid.mean.shape[1],
        "sklearn": sklearn.__version__,
        "seconds": seconds,
        "metrics": rows,
    }
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")
        print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
