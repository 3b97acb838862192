"""Codes that `encode` wrote, and the statistics of latents."""

import csv
import pathlib
from dataclasses import dataclass, fields

import numpy as np

#: Splits as an archive numbers them; the last are other data and all of a set.
SPLITS = ["training", "validation", "test", "other"]


@dataclass(frozen=True)
class Codes:
    """Codes of examples, one a row."""

    #: Mean of q(z|x), or the code if it is a point: [examples, latent], float32.
    mean: np.ndarray
    #: log sigma^2 of q(z|x): [examples, latent], or None if the code is a point.
    log_var: np.ndarray | None
    #: Class of each example: numbers from an npz, names from a csv.
    label: np.ndarray
    #: Where each example is from: "training", "validation", "test", or "other": other data, or all of a set.
    split: np.ndarray
    #: Number of the example in its split.
    index: np.ndarray
    #: Name of each example, or None if the data name none.
    name: np.ndarray | None

    def __len__(self):
        return len(self.mean)

    def of(self, split):
        """The codes of one split."""
        wanted = self.split == split
        if not wanted.any():
            raise ValueError(f"no codes of the split {split!r}; there are {sorted(set(self.split.tolist()))}")
        arrays = (getattr(self, field.name) for field in fields(self))
        return Codes(*(None if array is None else array[wanted] for array in arrays))


def codes(path):
    """The codes in a file of `encode --to FILE.csv` or `FILE.npz`."""
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        return _archive(path)
    if path.suffix == ".csv":
        return _table(path)
    raise ValueError(f"{path}: codes are in a .csv or .npz file")


def latents(run):
    """The statistics of each latent, a dictionary each: those that `latents.csv` of a run has."""
    path = pathlib.Path(run)
    path = path if path.is_file() else path / "latents.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _archive(path):
    with np.load(path, allow_pickle=False) as archive:
        missing = {"mean", "label", "split", "index"} - set(archive.files)
        if missing:
            raise ValueError(f"{path}: not an archive of encode, without {', '.join(sorted(missing))}")
        optional = {key: archive[key] for key in ("log_var", "name") if key in archive.files}
        return Codes(
            mean=archive["mean"],
            log_var=optional.get("log_var"),
            label=archive["label"],
            split=np.array(SPLITS)[archive["split"]],
            index=archive["index"],
            name=optional.get("name"),
        )


def _table(path):
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        rows = list(reader)
    place = {name: number for number, name in enumerate(header)}
    means = [name for name in header if name[:1] == "z" and name[1:].isdigit()]
    spreads = [name for name in header if name.startswith("log_var")]
    if not means or not {"split", "index", "class"} <= place.keys():
        raise ValueError(f"{path}: not a table of encode, which has split, index, class and z0, z1, ...")

    def numbers(names):
        return np.array([[row[place[name]] for name in names] for row in rows], np.float32)

    def texts(name):
        return np.array([row[place[name]] for row in rows])

    return Codes(
        mean=numbers(means),
        log_var=numbers(spreads) if spreads else None,
        label=texts("class"),
        split=np.array([split if split in SPLITS else "other" for split in texts("split").tolist()]),
        index=texts("index").astype(np.uint32),
        name=texts("name") if "name" in place else None,
    )


def _number(text):
    if text == "":
        return None
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text else value
