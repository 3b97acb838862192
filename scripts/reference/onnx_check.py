"""The exported ONNX models in onnxruntime, beside what the program computes.

    onnx_check.py FOLDER EXPECTED

FOLDER is that of `export --onnx --to FOLDER`, EXPECTED the file of `explore --expected EXPECTED` for the same run.
Fails if a code, a reconstruction, a draw or a sample differs by more than 1e-5 of the largest value.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime

LIMIT = 1e-5


def run(folder, name, inputs):
    """Outputs of a model by name; inputs it does not have are left out."""
    session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
    known = {value.name: value.shape for value in session.get_inputs()}
    for key, shape in known.items():
        assert shape[0] == "batch" and shape[1] == inputs[key].shape[1], (name, key, shape)
    outputs = [value.name for value in session.get_outputs()]
    found = session.run(outputs, {key: inputs[key] for key in known})
    # Any number of examples at a time.
    alone = session.run(outputs, {key: inputs[key][:1] for key in known})
    for whole, one in zip(found, alone):
        assert np.allclose(whole[:1], one, rtol=1e-5, atol=1e-5), name
    return dict(zip(outputs, found))


def main():
    folder, expected = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
    numbers = {key: np.asarray(value, np.float32) for key, value in expected.items()
               if key not in ("keys", "labels") and value is not None}
    given = {"c": numbers["condition"]} if "condition" in numbers else {}
    encoded = run(folder, "encoder", {"x": numbers["levels"] / np.float32(255), **given})
    pairs = [("mean", encoded["mean"], numbers["mean"])]
    if "log_var" in numbers:
        pairs.append(("log_var", encoded["log_var"], numbers["log_var"]))
    pairs.append(("decoded", run(folder, "decoder", {"z": numbers["mean"], **given})["x"], numbers["decoded"]))
    drawn = numbers["drawn"]
    if (folder / "prior.onnx").exists():
        drawn = run(folder, "prior", {"eps": numbers["eps"], **given})["z"]
        pairs.append(("drawn", drawn, numbers["drawn"]))
    pairs.append(("samples", run(folder, "decoder", {"z": drawn, **given})["x"], numbers["samples"]))
    if "log_classes" in numbers and (folder / "classifier.onnx").exists():
        told = run(folder, "classifier", {"x": numbers["levels"] / np.float32(255)})["log_p"]
        pairs.append(("log_classes", told, numbers["log_classes"]))
    worst = 0.0
    for name, found, wanted in pairs:
        assert found.shape == wanted.shape, (name, found.shape, wanted.shape)
        assert np.ptp(wanted) > 0, f"{name} is constant: nothing is compared"
        apart = float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max()))
        print(f"{name}: {len(wanted)} examples, at most {apart:.1e} apart")
        assert np.isfinite(apart), name
        worst = max(worst, apart)
    if not worst <= LIMIT:
        sys.exit(f"{folder}: {worst:.1e} apart, more than {LIMIT}")


main()
