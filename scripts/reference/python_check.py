"""The Python package beside the program that wrote the files.

    python_check.py RUN EXPORT EXPECTED CODES

EXPORT is the folder of `export --onnx --to EXPORT`, EXPECTED the file of `explore --expected EXPECTED`, CODES.csv and
CODES.npz are those of `encode --to`, all of the run RUN. Fails if a code, a reconstruction, a draw or a sample differs by
more than 1e-5 of the largest value.
"""

import json
import pathlib
import sys

import autoencoders as ae
import numpy as np
import torch

LIMIT = 1e-5


def compared(model, expected):
    """What the module computes, beside what the program computed."""
    numbers = {key: torch.tensor(expected[key], dtype=torch.float32)
               for key in ("levels", "mean", "log_var", "decoded", "eps", "drawn", "samples", "condition", "log_classes")
               if expected.get(key) is not None}
    c = numbers.get("condition")
    assert model.condition == (0 if c is None else c.shape[1])
    mean, log_var = model.encode(numbers["levels"] / 255, c)
    yield "mean", mean, numbers["mean"]
    assert (log_var is None) == ("log_var" not in numbers)
    if log_var is not None:
        yield "log_var", log_var, numbers["log_var"]
    yield "decoded", model.decode(numbers["mean"], c), numbers["decoded"]
    drawn = numbers["drawn"]
    # Without a prior codes are drawn from something else.
    if model.prior is not None:
        drawn = model.draw(numbers["eps"], c)
        yield "drawn", drawn, numbers["drawn"]
    yield "samples", model.decode(drawn, c), numbers["samples"]
    if model.classifier is not None:
        yield "log_classes", model.classify(numbers["levels"] / 255), numbers["log_classes"]
    yield "reconstruction", model(numbers["levels"] / 255, c), numbers["decoded"]


def main():
    run, export, expected, codes = (pathlib.Path(argument) for argument in sys.argv[1:])
    expected = json.loads(expected.read_text())
    model = ae.load(export)
    worst = 0.0
    with torch.no_grad():
        for name, found, wanted in compared(model, expected):
            assert found.shape == wanted.shape, (name, found.shape, wanted.shape)
            assert np.ptp(wanted.numpy()) > 0, f"{name} is constant: nothing is compared"
            apart = float((found - wanted).abs().max() / max(1.0, float(wanted.abs().max())))
            print(f"{name}: {len(wanted)} examples, at most {apart:.1e} apart")
            assert np.isfinite(apart), name
            worst = max(worst, apart)
    if not worst <= LIMIT:
        sys.exit(f"{export}: {worst:.1e} apart, more than {LIMIT}")

    table, archive = ae.codes(f"{codes}.csv"), ae.codes(f"{codes}.npz")
    for one in ("mean", "log_var", "split", "index"):
        np.testing.assert_array_equal(getattr(table, one), getattr(archive, one))
    # `explore` shows validation images unless told otherwise.
    shown = archive.of("validation").mean[: len(expected["mean"])]
    np.testing.assert_allclose(shown, np.asarray(expected["mean"], np.float32), rtol=1e-5, atol=1e-5)

    record = json.loads((run / "record.json").read_text())
    (row,) = ae.records(run)
    assert all(row[name] == metric["value"] for name, metric in record["metrics"].items())
    assert len(ae.latents(run)) == record["model"]["latent"] if (run / "latents.csv").exists() else True
    tensors = ae.weights(export)
    assert {name: list(tensor.shape) for name, tensor in tensors.items()} == ae.description(export)["tensors"]
    print(f"{len(table)} codes, {len(tensors)} tensors and the record are read back")


main()
