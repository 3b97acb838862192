"""Executes a notebook; fails with the cell that failed. Nothing is written.

    notebook_run.py NOTEBOOK
"""

import pathlib
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def main():
    path = pathlib.Path(sys.argv[1])
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    outputs = [cell for cell in notebook.cells if cell.get("outputs")]
    assert not outputs, "the notebook is kept without outputs"
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(f"{path}: {error}")
    pictures = sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))
    drawn = sum("plt." in cell.source and "import" not in cell.source for cell in notebook.cells)
    assert pictures == drawn, f"{pictures} pictures of {drawn} cells that draw"
    print(f"{path.name}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells, {pictures} pictures")


main()
