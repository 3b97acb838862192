"""The weights of a run or an export, by their names."""

import json
import pathlib

from safetensors.numpy import load_file


def weights(folder):
    """Every tensor of `weights.safetensors` by its name, float32; a layer's weight is [outputs, inputs], as in
    torch.nn.Linear."""
    return load_file(_file(folder, "weights.safetensors"))


def description(folder):
    """What `model.json` has of the model: paper, citation, configuration, names and shapes of its tensors."""
    return json.loads(pathlib.Path(_file(folder, "model.json")).read_text(encoding="utf-8"))


def _file(folder, name):
    path = pathlib.Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not there; a folder of `export`, or a run that was trained to its end, has it")
    return path
