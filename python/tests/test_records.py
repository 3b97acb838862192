"""Records, figures of epochs and latents."""

import json
import pathlib
import tempfile
import unittest

import autoencoders as ae

ROOT = pathlib.Path(__file__).parents[2]


class Records(unittest.TestCase):
    def test_every_committed_record_is_a_row_with_its_numbers(self):
        rows = ae.records(ROOT / "results")
        self.assertGreater(len(rows), 50)
        for row in rows:
            record = json.loads(pathlib.Path(row["path"]).read_text())
            self.assertEqual((row["paper"], row["seed"]), (record["paper"], record["config"]["seed"]))
            for name, metric in record["metrics"].items():
                self.assertEqual(row[name], metric["value"])
        paths = {row["path"] for row in rows}
        left_out = [path for path in (ROOT / "results").rglob("*.json") if str(path) not in paths]
        for path in left_out:
            self.assertFalse({"schema", "metrics"} <= json.loads(path.read_text()).keys(), path)

    def test_what_cannot_be_read_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "record.json"
            for text in ['{"schema": 1,', '{"schema": 2, "metrics": {}}']:
                path.write_text(text)
                with self.assertRaisesRegex(ValueError, "record.json"):
                    ae.records(folder)
            path.write_text("[]")
            with self.assertRaisesRegex(ValueError, "not the record"):
                ae.records(path)
            # One of three seeds that is cut short would leave a mean of two.
            path = path.rename(path.with_name("quick-seed2.json"))
            for text in ['{"schema": 1,', "[]"]:
                path.write_text(text)
                with self.assertRaisesRegex(ValueError, "quick-seed2.json"):
                    ae.records(folder)
            path.rename(path.with_name("summary.json"))
            self.assertEqual(ae.records(folder), [])
            path = path.with_name("record.json")
        with self.assertRaises(FileNotFoundError):
            ae.records(path)

    def test_figures_and_latents_are_rows(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            line = {"epoch": 1, "rate": 0.5, "train": {"kl": 2.0, "loss": 3.0}, "valid": {"loss": 4.0}}
            (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
            self.assertEqual(
                ae.epochs(folder),
                [{"epoch": 1, "rate": 0.5, "kl/train": 2.0, "loss/train": 3.0, "loss/valid": 4.0}],
            )
            (folder / "latents.csv").write_text("latent,kl_nats,variance_of_mean\n0,1.5,2\n1,,0.25\n")
            self.assertEqual(
                ae.latents(folder),
                [
                    {"latent": 0, "kl_nats": 1.5, "variance_of_mean": 2},
                    {"latent": 1, "kl_nats": None, "variance_of_mean": 0.25},
                ],
            )


if __name__ == "__main__":
    unittest.main()
