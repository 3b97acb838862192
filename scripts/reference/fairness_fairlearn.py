"""Compare the reduction with fairlearn's ExponentiatedGradient on the same rows.

Which rows are in which split comes from `fair-repr predict`, which names the line of each; the features are made here,
from the files. Both sides have a logistic regression with the same penalty, s among its columns, and the same bound.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import pandas as pd
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn.linear_model import LogisticRegression

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ["age", "workclass", "weight", "education", "education-years", "marital-status", "occupation", "relationship",
         "race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"]
NUMBERS = ["age", "education-years", "capital-gain", "capital-loss", "hours-per-week"]
PENALTY = 1e-4


def adult(folder):
    """Features, target and group of all complete rows, by the file and line that they are from."""
    rows, places = [], []
    for name in ["adult.data", "adult.test"]:
        for number, line in enumerate((folder / name).read_text().splitlines(), start=1):
            values = [value.strip() for value in line.split(",")]
            if len(values) == len(NAMES) and "?" not in values:
                rows.append(values)
                places.append(f"{name}:{number}")
    rows = pd.DataFrame(rows, columns=NAMES, index=places)
    y = rows.income.str.startswith(">50K").to_numpy(int)
    s = (rows.sex == "Male").to_numpy(int)
    x = rows.drop(columns=["income", "sex", "weight"]).astype({name: float for name in NUMBERS})
    return pd.get_dummies(x, columns=[c for c in x if c not in NUMBERS], dtype=float), y, s


def judged(probabilities, y, s):
    """Expected accuracy and gap of decisions drawn with p(yes)."""
    accuracy = np.where(y == 1, probabilities, 1 - probabilities).mean()
    return accuracy, abs(probabilities[s == 1].mean() - probabilities[s == 0].mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/fair-repr")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path.home() / ".cache/autoencoders/adult")
    parser.add_argument("--bounds", default="0.001,0.01,0.03")
    args = parser.parse_args()
    x, y, s = adult(args.data)
    print(f"{len(x)} rows, {x.shape[1]} columns besides s")
    for bound in args.bounds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            ours = run_ours(args.program, bound, folder)
        for split in ours.values():
            split["row"] = x.index.get_indexer(split.row)
        train, test = ours["train"], ours["test"]
        assert (y[test.row] == test.target).all() and (s[test.row] == test.sensitive).all()
        assert (y[train.row] == train.target).all()
        rows = x.to_numpy()
        mean, deviation = rows[train.row].mean(0), rows[train.row].std(0)
        rows = np.column_stack([(rows - mean) / np.where(deviation > 0, deviation, 1), s])
        # C of the sum is 1 / (penalty of the mean times the number of rows).
        learner = LogisticRegression(C=2 / (PENALTY * len(train)), max_iter=1000)
        parity = DemographicParity(difference_bound=float(bound))
        theirs = ExponentiatedGradient(learner, constraints=parity, eps=0.01, nu=1e-4)
        theirs.fit(rows[train.row], y[train.row], sensitive_features=s[train.row])
        for name, split, of_accuracy, of_gap in [
            ("train", train, 0.001, 0.001), ("test", test, 0.005, 0.01)
        ]:
            p = theirs._pmf_predict(rows[split.row])[:, 1]
            a = judged(split.prediction.to_numpy(), y[split.row], s[split.row])
            b = judged(p, y[split.row], s[split.row])
            print(f"epsilon {bound:<6} {name:<6} ours: accuracy {a[0]:.4f}, gap {a[1]:.4f}; "
                  f"fairlearn: accuracy {b[0]:.4f}, gap {b[1]:.4f}")
            assert abs(a[0] - b[0]) < of_accuracy and abs(a[1] - b[1]) < of_gap, (bound, name)


def run_ours(program, bound, folder):
    """The predictions of the training and the test rows."""
    options = ["--model", "reduction", "--set", f"reduction.bound={bound}", "--set", "data.split_seed=1"]
    run = pathlib.Path(folder) / "fair-repr/r"
    subprocess.run([program, "train", "--out", folder, "--name", "r", *options], check=True, capture_output=True)
    found = {}
    for split in ["train", "test"]:
        path = pathlib.Path(folder) / f"{split}.csv"
        call = [program, "predict", "--run", run, "--split", split, "--to", path]
        subprocess.run(call, check=True, capture_output=True)
        found[split] = pd.read_csv(path)
    return found


if __name__ == "__main__":
    main()
