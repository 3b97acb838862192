"""What TensorBoard reads of a run that was trained with --log tensorboard, beside the run's own figures.

    tensorboard_check.py RUN [EPOCHS_WITH_A_PICTURE]

Fails if a scalar of metrics.jsonl is missing, differs, or is there twice, or if a picture is missing.
"""

import json
import pathlib
import struct
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main():
    run = pathlib.Path(sys.argv[1])
    wanted_pictures = [int(epoch) for epoch in sys.argv[2:]]
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    wanted = {}
    for line in lines:
        wanted.setdefault("rate", []).append((line["epoch"], line["rate"]))
        for split in ("train", "valid"):
            for term, value in line[split].items():
                wanted.setdefault(f"{term}/{split}", []).append((line["epoch"], value))
    tags = events.Tags()
    assert sorted(tags["scalars"]) == sorted(wanted), (tags["scalars"], sorted(wanted))
    for tag, values in wanted.items():
        found = [(event.step, np.float32(event.value)) for event in events.Scalars(tag)]
        assert found == [(epoch, np.float32(value)) for epoch, value in values], (tag, found, values)
    pictures = []
    if tags["images"]:
        for event in events.Images("snapshots"):
            png = event.encoded_image_string
            assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (event.width, event.height)
            pictures.append(event.step)
    assert pictures == wanted_pictures, (pictures, wanted_pictures)
    text = events.Tensors("config")[-1]
    assert (run / "config.toml").read_text() in text.tensor_proto.string_val[0].decode(), "the configuration"
    print(f"{run.name}: {len(wanted)} scalars of {len(lines)} epochs and {len(pictures)} pictures are read back")


main()
