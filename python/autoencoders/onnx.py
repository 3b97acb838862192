"""Reads the ONNX models that `export --onnx` writes: the fields of the format that those have, and no more.

Numbers of fields are those of onnx.proto3.
"""

import pathlib
import struct
from dataclasses import dataclass, field

import numpy as np

FLOAT, INT64 = 1, 7


@dataclass(frozen=True)
class Node:
    """One operator."""

    operator: str
    inputs: list
    output: str
    attributes: dict


@dataclass
class Graph:
    """A model: its operators in an order in which they can be computed."""

    nodes: list = field(default_factory=list)
    constants: dict = field(default_factory=dict)
    #: Width of each input and output, [batch, width], by its name.
    inputs: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)


def read(path):
    """The graph of a file."""
    path = pathlib.Path(path)
    try:
        fields = _fields(path.read_bytes())
        producer, graph = _text(fields, 2), _graph(_one(fields, 7))
    except (AttributeError, IndexError, KeyError, TypeError, UnicodeDecodeError, ValueError, struct.error) as error:
        raise ValueError(f"{path}: not a whole ONNX model ({error or type(error).__name__})") from None
    if producer != "autoencoders":
        raise ValueError(f"{path}: a model of {producer or 'another program'}; only those of export --onnx are read")
    return graph


def _graph(message):
    graph, fields = Graph(), _fields(message)
    for node in fields.get(1, []):
        own = _fields(node)
        inputs, outputs = ([text.decode() for text in own.get(number, [])] for number in (1, 2))
        attributes = dict(_attribute(attribute) for attribute in own.get(5, []))
        graph.nodes.append(Node(_text(own, 4), inputs, outputs[0], attributes))
    graph.constants = dict(_tensor(tensor) for tensor in fields.get(5, []))
    graph.inputs = dict(_value(value) for value in fields.get(11, []))
    graph.outputs = dict(_value(value) for value in fields.get(12, []))
    return graph


def _attribute(message):
    fields = _fields(message)
    name, kind = _text(fields, 1), _one(fields, 20)
    if kind == 1:
        return name, struct.unpack("<f", _one(fields, 2))[0]
    if kind == 2:
        return name, _signed(_one(fields, 3))
    if kind == 7:
        return name, [_signed(value) for value in _packed(fields.get(8, []))]
    raise ValueError(f"an attribute {name} of kind {kind}")


def _tensor(message):
    fields = _fields(message)
    shape, kind = _packed(fields.get(1, [])), _one(fields, 2)
    if kind not in (FLOAT, INT64):
        raise ValueError(f"a constant of kind {kind}")
    numbers = np.frombuffer(_one(fields, 9), "<f4" if kind == FLOAT else "<i8")
    return _text(fields, 8), numbers.reshape(shape).copy()


def _value(message):
    fields = _fields(message)
    shape = _fields(_one(_fields(_one(_fields(_one(fields, 2)), 1)), 2))
    dimensions = [_fields(dimension) for dimension in shape[1]]
    return _text(fields, 1), _one(dimensions[1], 1)


def _packed(values):
    """Whole numbers, which may stand one by one or in blocks."""
    numbers = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        place = 0
        while place < len(value):
            number, place = _varint(value, place)
            numbers.append(number)
    return numbers


def _one(fields, number):
    return fields[number][-1]


def _text(fields, number):
    return fields[number][-1].decode() if number in fields else ""


def _signed(number):
    return number - (1 << 64) if number >> 63 else number


def _varint(data, place):
    number = shift = 0
    while True:
        byte = data[place]
        place += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, place
        if shift > 63:
            raise ValueError("a number without an end")


def _fields(data):
    """The fields of a protocol buffer: lists of numbers and bytes by the fields' numbers."""
    fields, place = {}, 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(data, place)
        else:
            if kind == 2:
                length, place = _varint(data, place)
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
            else:
                raise ValueError(f"a field of wire type {kind}")
            if place + length > len(data):
                raise ValueError("a field beyond the end")
            value, place = data[place:place + length], place + length
        fields.setdefault(number, []).append(value)
    return fields
