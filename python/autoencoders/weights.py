"""The weights of a run or an export, by their names."""

import json
import pathlib

from safetensors.numpy import load_file


def weights(folder):
    """Every tensor of `weights.safetensors` by its name, float32.

    The weight of a dense layer is [outputs, inputs], as in torch.nn.Linear. That of a convolution of windows s x s is
    [s * s * channels in, channels out]: `W.reshape(s, s, channels_in, channels_out).transpose(3, 2, 0, 1)` is
    torch.nn.Conv2d's. That of a transposed convolution is [channels in, s * s * channels out]:
    `W.reshape(channels_in, s, s, channels_out).transpose(0, 3, 1, 2)`.
    """
    return load_file(_file(folder, "weights.safetensors"))


def description(folder):
    """What `model.json` has of the model: paper, citation, configuration, names and shapes of its tensors."""
    return json.loads(pathlib.Path(_file(folder, "model.json")).read_text(encoding="utf-8"))


def _file(folder, name):
    path = pathlib.Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not there; a folder of `export`, or a run that was trained to its end, has it")
    return path
