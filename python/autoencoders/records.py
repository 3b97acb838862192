"""Records of runs, and the figures of their epochs."""

import json
import pathlib
import re

SCHEMA = 1


def records(folder):
    """Every record at or below `folder`, each a flat dictionary: `results`, `runs`, a run, or one file.

    Columns are `paper`, `name`, `seed`, `data`, `code`, `backend`, `parameters`, `latent`, `epochs`, `path`, one for each
    metric, `METRIC standard_error` where there is one, and `config.KEY` for each value of the configuration. Other JSON
    files are passed over; records on other data than a run's own too.
    """
    folder = pathlib.Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such file or folder")
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.json"))
    found = []
    for path in paths:
        if path.name == "record-other-data.json" and path != folder:
            continue
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            if path == folder or _is_named_as_record(path):
                raise ValueError(f"{path}: not a whole JSON file ({error})") from None
            continue
        if not isinstance(record, dict) or "schema" not in record or "metrics" not in record:
            if path == folder or _is_named_as_record(path):
                raise ValueError(f"{path}: not the record of a run")
            continue
        if record["schema"] != SCHEMA:
            raise ValueError(f"{path}: a record of schema {record['schema']}, this package reads {SCHEMA}")
        found.append(_row(record, path))
    return found


def _is_named_as_record(path):
    """record.json, or NAME-seedN.json as `cargo xtask keep` names it."""
    return path.name == "record.json" or re.fullmatch(r".*-seed[0-9]+\.json", path.name) is not None


def table(folder):
    """The same as a pandas.DataFrame, or as the list of `records` where pandas is not installed."""
    rows = records(folder)
    try:
        import pandas
    except ModuleNotFoundError:
        return rows
    return pandas.DataFrame(rows)


def epochs(run):
    """The figures of every epoch of a run, or of a phase (`RUN/checkpoints/PHASE`): a dictionary each, with `epoch`,
    `rate`, and `TERM/train` and `TERM/valid` in nats per example."""
    path = pathlib.Path(run)
    path = path if path.is_file() else path / "metrics.jsonl"
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        figures = json.loads(line)
        row = {"epoch": figures["epoch"], "rate": figures["rate"]}
        for split in ("train", "valid"):
            row.update({f"{term}/{split}": value for term, value in figures[split].items()})
        rows.append(row)
    return rows


def _row(record, path):
    row = {key: record[key] for key in ("paper", "name", "seed", "code", "backend")}
    row["data"] = record["data"]["name"]
    row["latent"] = record["model"]["latent"]
    row["parameters"] = record["model"]["parameters"]
    row["epochs"] = (record.get("training") or {}).get("epochs")
    row["path"] = str(path)
    for name, metric in record["metrics"].items():
        row[name] = metric["value"]
        if "standard_error" in metric:
            row[f"{name} standard_error"] = metric["standard_error"]
    row.update(_flat(record["config"], "config."))
    return row


def _flat(table, prefix):
    flat = {}
    for key, value in table.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
