"""Codes as a table and as an archive."""

import pathlib
import tempfile
import unittest

import numpy as np

import autoencoders as ae

TABLE = """split,index,name,class,z0,z1,log_var0,log_var1
training,0,a.png,zero,0.5,-1.25,0.1,0.2
test,0,"b, or c.png",one,1.5,2e-3,-0.1,-0.2
"""


class CodesTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def test_a_table_is_read_by_its_header(self):
        codes = ae.codes(self.file("codes.csv", TABLE))
        np.testing.assert_array_equal(codes.mean, np.array([[0.5, -1.25], [1.5, 2e-3]], np.float32))
        np.testing.assert_array_equal(codes.log_var, np.array([[0.1, 0.2], [-0.1, -0.2]], np.float32))
        self.assertEqual(codes.name.tolist(), ["a.png", "b, or c.png"])
        test = codes.of("test")
        self.assertEqual((len(test), test.label.tolist()), (1, ["one"]))
        with self.assertRaisesRegex(ValueError, "validation"):
            codes.of("validation")

    def test_the_code_of_a_point_has_no_variance(self):
        codes = ae.codes(self.file("codes.csv", "split,index,class,z0\ntest,3,one,0.5\n"))
        self.assertEqual((codes.log_var, codes.name, codes.index.tolist()), (None, None, [3]))

    def test_an_archive_says_the_same(self):
        path = self.folder / "codes.npz"
        mean = np.array([[0.5], [1.5]], np.float32)
        arrays = {"mean": mean, "label": np.uint8([7, 9]), "split": np.uint8([0, 3]), "index": np.uint32([4, 5])}
        np.savez(path, **arrays)
        codes = ae.codes(path)
        self.assertEqual(codes.split.tolist(), ["training", "other"])
        self.assertEqual((codes.of("other").label.tolist(), codes.log_var, codes.name), ([9], None, None))

    def test_all_of_a_set_and_other_data_are_other_in_both(self):
        path = self.folder / "codes.npz"
        numbers = np.uint8([3, 1])
        np.savez(path, mean=np.zeros((2, 1), np.float32), label=numbers, split=numbers, index=np.uint32([0, 0]))
        for split in ["all", "mine.npz"]:
            table = ae.codes(self.file("codes.csv", f"split,index,class,z0\n{split},0,a,0\nvalidation,0,a,0\n"))
            self.assertEqual(table.split.tolist(), ae.codes(path).split.tolist())

    def test_what_is_no_file_of_codes_is_refused(self):
        np.savez(self.folder / "other.npz", x=np.zeros(3))
        for path in [self.file("other.csv", "a,b\n1,2\n"), self.folder / "other.npz", self.file("codes.txt", "")]:
            with self.assertRaisesRegex(ValueError, path.name):
                ae.codes(path)


if __name__ == "__main__":
    unittest.main()
