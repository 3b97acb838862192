"""What MLflow's own client reads of a run that was trained with --log mlflow, beside the run's own figures.

    mlflow_check.py RUN

The server is that of MLFLOW_TRACKING_URI. Fails if there is another number of runs, or if a value of metrics.jsonl, a
parameter, a picture or the record is missing, differs, or is there twice.
"""

import json
import pathlib
import sys
import tempfile
import tomllib

from mlflow import MlflowClient


def flat(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def main():
    folder = pathlib.Path(sys.argv[1])
    client = MlflowClient()
    experiment = client.get_experiment_by_name("vae")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1, [run.info.run_id for run in runs]
    run = runs[0]
    assert run.info.status == "FINISHED" and run.info.run_name == folder.name, run.info

    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    wanted = {}
    for line in lines:
        wanted.setdefault("rate", []).append((line["epoch"], line["rate"]))
        for split in ("train", "valid"):
            for term, value in line[split].items():
                wanted.setdefault(f"{term}/{split}", []).append((line["epoch"], value))
    assert sorted(run.data.metrics) == sorted(wanted), (sorted(run.data.metrics), sorted(wanted))
    for key, values in wanted.items():
        found = sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, key))
        assert found == values, (key, found, values)

    config = dict(flat(tomllib.loads((folder / "config.toml").read_text())))
    assert sorted(run.data.params) == sorted(config), (sorted(run.data.params), sorted(config))
    changed = [key for key in config if key in run.data.tags]
    assert changed == ["train.epochs"] and run.data.tags["train.epochs"] == str(config["train.epochs"]), changed

    names = [file.path for file in client.list_artifacts(run.info.run_id)]
    own = sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".svg", ".gif"))
    assert sorted(names) == sorted(own + ["config.toml", "metrics.jsonl", "record.json"]), (names, own)
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            copy = pathlib.Path(client.download_artifacts(run.info.run_id, name, scratch))
            assert copy.read_bytes() == (folder / name).read_bytes(), name
    print(f"{folder.name}: {len(wanted)} metrics of {len(lines)} epochs, {len(config)} parameters and {len(names)} files, "
          f"after an interruption one run")


main()
