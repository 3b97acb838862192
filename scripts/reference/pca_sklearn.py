"""Compare `pca` with scikit-learn on MNIST's training split: same numbers, same machine, one run.

Fits 1, 2, 4, 16 and 64 components with both, interleaved, and compares explained variance (n - 1)
and test reconstruction error. Writes results/pca/against-scikit-learn.json.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import sklearn
from safetensors.numpy import load_file
from sklearn.decomposition import PCA

ROOT = pathlib.Path(__file__).resolve().parents[2]


def idx(path):
    raw = path.read_bytes()
    dims = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(dims)).reshape(dims[0], -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the IDX files")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/pca")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--first-fit", type=int, help="only time the first fit of this process")
    args = parser.parse_args()

    train = idx(args.data / "train-images-idx3-ubyte")[:50_000].astype(np.float32) / np.float32(255)
    if args.first_fit:
        start = time.perf_counter()
        PCA(args.first_fit).fit(train)
        print(time.perf_counter() - start)
        return
    test = idx(args.data / "t10k-images-idx3-ubyte").astype(np.float32) / np.float32(255)
    rows, seconds = [], {"ours": [], "sklearn": [], "sklearn_warm": []}
    with tempfile.TemporaryDirectory() as work:
        for components in [1, 2, 4, 16, 64]:
            # In double precision, as the reference for the numbers.
            reference = PCA(components).fit(train.astype(np.float64))
            restored = reference.inverse_transform(reference.transform(test))
            expected_mse = float(np.mean((test - restored) ** 2))
            for repetition in range(args.repetitions):
                # In single precision, the first fit of a fresh process, as ours is; and once more
                # in this process, where threads and memory are warm.
                output = subprocess.run(
                    [sys.executable, __file__, "--data", args.data, "--first-fit", str(components)],
                    check=True, capture_output=True, text=True,
                )
                seconds["sklearn"].append(float(output.stdout))
                start = time.perf_counter()
                PCA(components).fit(train)
                seconds["sklearn_warm"].append(time.perf_counter() - start)
                output = subprocess.run(
                    [args.program, "train", "--latent", str(components), "--out", work, "--force",
                     "--threads", str(args.threads), "--data-dir", args.data,
                     "--set", "evaluate.probe_labels=[]", "--set", "evaluate.probe_all=false"],
                    check=True, capture_output=True, text=True,
                )
                found = re.search(r"components of \d+ images in ([\d.]+) s", output.stderr)
                seconds["ours"].append(float(found.group(1)))
            run = pathlib.Path(work) / "pca" / "quick"
            record = json.loads((run / "record.json").read_text())
            weights = load_file(run / "weights.safetensors")
            variances = weights["variances"][:components].astype(np.float64)
            variance_error = float(np.max(np.abs(variances / reference.explained_variance_ - 1)))
            mse = record["metrics"]["reconstruction_mse"]["value"]
            nll = record["metrics"]["nll"]["value"]
            rows.append(
                {
                    "components": components,
                    "explained_variance_ratio": record["metrics"]["explained_variance"]["value"],
                    "explained_variance_ratio_sklearn": float(
                        reference.explained_variance_ratio_.sum()
                    ),
                    "largest_relative_error_of_a_variance": variance_error,
                    "test_mse": mse,
                    "test_mse_sklearn": expected_mse,
                    "relative_error_of_test_mse": abs(mse / expected_mse - 1),
                    "test_nll": nll,
                    "test_nll_sklearn": -float(reference.score(test.astype(np.float64))),
                }
            )
            print(json.dumps(rows[-1]))

    medians = {name: statistics.median(values) for name, values in seconds.items()}
    result = {
        "about": "pca against scikit-learn's PCA on 50,000 MNIST images; fit alone, interleaved; both in a "
        "fresh process, sklearn_warm in a process that has fitted before",
        "sklearn": sklearn.__version__,
        "threads": args.threads,
        "repetitions": len(seconds["ours"]),
        "median_seconds": medians,
        "range_seconds": {name: [min(v), max(v)] for name, v in seconds.items()},
        "speed_ratio_ours_over_sklearn": medians["sklearn"] / medians["ours"],
        "rows": rows,
    }
    target = ROOT / "results/pca/against-scikit-learn.json"
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(f"median seconds {medians}; wrote {target}")
    for row in rows:
        assert row["largest_relative_error_of_a_variance"] < 1e-4, row
        assert row["relative_error_of_test_mse"] < 1e-4, row


if __name__ == "__main__":
    main()
