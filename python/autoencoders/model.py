"""Exported models as torch.nn.Module."""

import pathlib

import torch
from torch import nn
from torch.nn import functional

from . import onnx


class Network(nn.Module):
    """One exported network, such as `encoder.onnx`: a chain of layers whose weights are parameters."""

    def __init__(self, graph):
        super().__init__()
        self.widths, self.outputs = dict(graph.inputs), dict(graph.outputs)
        self._nodes = list(graph.nodes)
        unknown = sorted({node.operator for node in self._nodes} - OPERATORS.keys())
        if unknown:
            raise ValueError(f"unknown operators: {', '.join(unknown)}")
        for name, values in graph.constants.items():
            values = torch.from_numpy(values)
            if values.is_floating_point():
                self.register_parameter(name, nn.Parameter(values))
            else:
                # Shapes and places are no weights.
                self.register_buffer(name, values, persistent=False)

    def forward(self, **inputs):
        """The outputs by their names, of inputs [batch, width] by theirs; those that it has no use for are left out."""
        values = {}
        for name, width in self.widths.items():
            if inputs.get(name) is None:
                raise ValueError(f"the input {name} is missing")
            if inputs[name].dim() != 2 or inputs[name].shape[1] != width:
                raise ValueError(f"the input {name} is {list(inputs[name].shape)}, wanted [batch, {width}]")
            values[name] = inputs[name]
        for node in self._nodes:
            taken = [values[name] if name in values else getattr(self, name) for name in node.inputs]
            values[node.output] = OPERATORS[node.operator](*taken, **node.attributes)
        return {name: values[name] for name in self.outputs}


class Autoencoder(nn.Module):
    """A model of `export --onnx`: encoder, decoder, and a prior and a classifier where it has one.

    Images are rows of pixels from 0 to 1, a pixel's channels side by side. A conditional model takes the condition `c`
    with each of them: the class, one-hot, or the image with a constant where it is not observed.
    """

    def __init__(self, encoder, decoder, prior=None, classifier=None):
        super().__init__()
        self.encoder, self.decoder, self.prior, self.classifier = encoder, decoder, prior, classifier

    @classmethod
    def load(cls, folder):
        """The model in a folder that `export --onnx --to FOLDER` wrote."""
        folder = pathlib.Path(folder)
        if not (folder / "encoder.onnx").is_file():
            raise FileNotFoundError(f"{folder}: no encoder.onnx; write it into another folder with `export --onnx --to FOLDER`")
        names = ["encoder", "decoder"] + [name for name in ("prior", "classifier") if (folder / f"{name}.onnx").is_file()]
        return cls(**{name: Network(onnx.read(folder / f"{name}.onnx")) for name in names})

    @property
    def pixels(self):
        """Width of an image."""
        return self.decoder.outputs["x"]

    @property
    def latent(self):
        """Width of a code."""
        return self.encoder.outputs["mean"]

    @property
    def condition(self):
        """Width of the condition; 0 without one."""
        networks = [self.encoder, self.decoder, self.prior]
        return max((network.widths.get("c", 0) for network in networks if network is not None))

    def encode(self, x, c=None):
        """Mean and log-variance of q(z|x); of a code that is a point the second is None."""
        outputs = self.encoder(x=x, c=c)
        return outputs["mean"], outputs.get("log_var")

    def decode(self, z, c=None):
        """The mean of p(x|z)."""
        return self.decoder(z=z, c=c)["x"]

    def draw(self, eps, c=None):
        """Codes of the prior, from standard normal numbers [batch, latent]."""
        if self.prior is None:
            raise ValueError("this model has no prior of its code")
        return self.prior(eps=eps, c=c)["z"]

    def classify(self, x):
        """log p(class|x) [batch, classes], of a model that tells classes apart."""
        if self.classifier is None:
            raise ValueError("this model tells no classes apart")
        return self.classifier(x=x)["log_p"]

    def forward(self, x, c=None):
        """The reconstruction of x from the mean of its code."""
        return self.decode(self.encode(x, c)[0], c)


def _gemm(x, weight, bias, transB=0):
    return functional.linear(x, weight if transB else weight.t(), bias)


def _convolution(x, weight, bias, kernel_shape, strides, pads):
    return functional.conv2d(x, weight, bias, stride=strides, padding=pads[:2])


def _transposed(x, weight, bias, kernel_shape, strides, pads, output_padding):
    return functional.conv_transpose2d(x, weight, bias, stride=strides, padding=pads[:2], output_padding=output_padding)


OPERATORS = {
    "Add": torch.add,
    "Concat": lambda *parts, axis: torch.cat(parts, dim=axis),
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "Exp": torch.exp,
    "Expand": lambda x, shape: x.expand(*shape),
    "Flatten": lambda x, axis: torch.flatten(x, axis),
    "Gemm": _gemm,
    "Identity": lambda x: x,
    "LeakyRelu": lambda x, alpha: functional.leaky_relu(x, alpha),
    "LogSoftmax": lambda x, axis: torch.log_softmax(x, axis),
    "Mul": torch.mul,
    "Relu": torch.relu,
    "Reshape": lambda x, shape: x.reshape(shape.tolist()),
    "ScatterElements": lambda x, places, values, axis: x.scatter(axis, places, values),
    # The sizes themselves, which `Expand` takes.
    "Shape": lambda x: x.shape,
    "Sigmoid": torch.sigmoid,
    "Slice": lambda x, first, end, axis: x.narrow(int(axis), int(first), int(end - first)),
    "Softmax": lambda x, axis: torch.softmax(x, axis),
    "Softplus": functional.softplus,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
    "Transpose": lambda x, perm: x.permute(*perm),
}
