"""Compare `fair-repr audit` with AIF360's metrics on the same predictions.

AIF360's consistency counts a person among its own neighbours, and looks at predicted labels; its
differences are signed, unprivileged minus privileged, ours are distances.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import pandas as pd
from aif360.datasets import BinaryLabelDataset
from aif360.metrics import BinaryLabelDatasetMetric, ClassificationMetric

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEOPLE, FEATURES = 700, 6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/fair-repr")
    args = parser.parse_args()
    random = np.random.default_rng(3)
    names = [f"f{i}" for i in range(FEATURES)]
    table = pd.DataFrame(random.normal(size=(PEOPLE, FEATURES)).astype(np.float32), columns=names)
    table["s"] = (random.random(PEOPLE) < 0.6).astype(int)
    table["target"] = (table.f0 + 0.8 * table.s + random.normal(size=PEOPLE) > 0.3).astype(int)
    table["prediction"] = (table.f0 + table.f1 + table.s > 0.5).astype(int)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "predictions.csv"
        table.to_csv(path, index=False)
        output = subprocess.run(
            [args.program, "audit", path, "--json", "--sensitive", "s", "--features", ",".join(names)],
            text=True, check=True, capture_output=True,
        ).stdout
    ours = json.loads(output)

    def dataset(label):
        # The features alone, so that both sides know the same neighbours; s as a protected column.
        columns = table[names + ["s"]].assign(label=table[label])
        data = BinaryLabelDataset(df=columns, label_names=["label"], protected_attribute_names=["s"])
        return data

    truth, predicted = dataset("target"), dataset("prediction")
    groups = {"unprivileged_groups": [{"s": 0}], "privileged_groups": [{"s": 1}]}
    metric = ClassificationMetric(truth, predicted, **groups)
    without_s = predicted.copy()
    without_s.features = without_s.features[:, :FEATURES]
    theirs = {
        "accuracy": metric.accuracy(),
        "discrimination": abs(metric.statistical_parity_difference()),
        "equal_opportunity_gap": abs(metric.equal_opportunity_difference()),
        "equalised_odds_gap": max(
            abs(metric.true_positive_rate_difference()), abs(metric.false_positive_rate_difference())
        ),
        "consistency_with_self": float(
            np.squeeze(BinaryLabelDatasetMetric(without_s, **groups).consistency(n_neighbors=5))
        ),
    }
    for name, value in theirs.items():
        print(f"{name:<24} ours {ours[name]:.9f}  AIF360 {value:.9f}")
        assert abs(ours[name] - value) < 1e-8, name


if __name__ == "__main__":
    main()
