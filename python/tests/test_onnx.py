"""ONNX models, written here byte by byte."""

import pathlib
import struct
import tempfile
import unittest

import numpy as np

from autoencoders import onnx

try:
    import torch
except ModuleNotFoundError:
    torch = None


def varint(number):
    """A number as a protocol buffer has it."""
    number &= (1 << 64) - 1
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def whole(field, number):
    return varint(field << 3) + varint(number)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def value(name, width):
    shape = block(1, block(2, "batch")) + block(1, whole(1, width))
    return block(1, name) + block(2, block(1, whole(1, 1) + block(2, shape)))


def constant(name, array):
    kind = onnx.FLOAT if array.dtype == np.float32 else onnx.INT64
    dimensions = b"".join(whole(1, length) for length in array.shape)
    return dimensions + whole(2, kind) + block(8, name) + block(9, array.tobytes())


def node(operator, inputs, output, *attributes):
    names = b"".join(block(1, name) for name in inputs)
    return names + block(2, output) + block(4, operator) + b"".join(block(5, one) for one in attributes)


WEIGHT = np.arange(6, dtype=np.float32).reshape(3, 2) - 2
BIAS = np.array([0.5, -0.5], np.float32)


def model(producer="autoencoders"):
    """leaky(x W + b), of three numbers two."""
    slope = block(1, "alpha") + varint(2 << 3 | 5) + struct.pack("<f", 0.25) + whole(20, 1)
    graph = (
        block(1, node("Gemm", ["x", "w", "b"], "v", block(1, "transB") + whole(3, 0) + whole(20, 2)))
        + block(1, node("LeakyRelu", ["v"], "y", slope))
        + block(2, "encoder")
        + block(5, constant("w", WEIGHT))
        + block(5, constant("b", BIAS))
        + block(11, value("x", 3))
        + block(12, value("y", 2))
    )
    return whole(1, 8) + block(2, producer) + block(7, graph)


class Onnx(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name) / "encoder.onnx"

    def read(self, data):
        self.path.write_bytes(data)
        return onnx.read(self.path)

    def test_a_model_is_its_operators_and_constants(self):
        graph = self.read(model())
        self.assertEqual((graph.inputs, graph.outputs), ({"x": 3}, {"y": 2}))
        self.assertEqual([node.operator for node in graph.nodes], ["Gemm", "LeakyRelu"])
        self.assertEqual((graph.nodes[0].attributes, graph.nodes[1].attributes), ({"transB": 0}, {"alpha": 0.25}))
        np.testing.assert_array_equal(graph.constants["w"], WEIGHT)

    def test_negative_numbers_are_read(self):
        graph = block(1, node("Flatten", ["x"], "y", block(1, "axis") + whole(3, -1) + whole(20, 2)))
        graph = self.read(block(2, "autoencoders") + block(7, graph))
        self.assertEqual(graph.nodes[0].attributes, {"axis": -1})

    def test_a_cut_off_file_is_named_and_nothing_else_happens(self):
        whole_file = model()
        for length in range(len(whole_file) - 1):
            with self.assertRaisesRegex(ValueError, "encoder.onnx"):
                self.read(whole_file[:length])

    def test_a_model_of_another_program_is_refused(self):
        with self.assertRaisesRegex(ValueError, "pytorch"):
            self.read(model("pytorch"))

    @unittest.skipUnless(torch, "no torch")
    def test_it_computes_and_learns(self):
        from autoencoders.model import Network

        network = Network(self.read(model()))
        x = np.array([[1, 2, 3], [-1, 0, 1]], np.float32)
        wanted = x @ WEIGHT + BIAS
        wanted = np.where(wanted > 0, wanted, wanted / 4)
        y = network(x=torch.from_numpy(x))["y"]
        np.testing.assert_allclose(y.detach().numpy(), wanted, rtol=1e-6)
        y.sum().backward()
        self.assertEqual(sorted(name for name, weight in network.named_parameters() if weight.grad is not None), ["b", "w"])
        for wrong in [{}, {"x": torch.zeros(1, 2)}, {"x": torch.zeros(3)}]:
            with self.assertRaisesRegex(ValueError, "input x"):
                network(**wrong)

    @unittest.skipUnless(torch, "no torch")
    def test_what_a_model_lacks_is_told(self):
        from autoencoders.model import Autoencoder, Network

        network = Network(self.read(model()))
        lacking = Autoencoder(network, network)
        with self.assertRaisesRegex(ValueError, "no prior"):
            lacking.draw(torch.zeros(1, 2))
        with self.assertRaisesRegex(ValueError, "no classes"):
            lacking.classify(torch.zeros(1, 3))


if __name__ == "__main__":
    unittest.main()
