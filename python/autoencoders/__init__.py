"""What the programs of the workspace write, for Python: records, figures, codes, latents and exported models.

    import autoencoders as ae

    ae.table("results")                          # every record, a row each
    ae.epochs("runs/vae/quick")                  # the figures of every epoch
    ae.codes("codes.npz").mean                   # what `vae encode` wrote
    ae.load("exported").decode(z)                # what `vae export --onnx` wrote, as a torch.nn.Module

Only `load` needs torch; `table` makes a pandas.DataFrame where pandas is installed.
"""

from .codes import Codes, codes, latents
from .records import epochs, records, table
from .weights import description, weights

__all__ = ["Codes", "codes", "description", "epochs", "latents", "load", "records", "table", "weights"]


def load(folder):
    """The model that `export --onnx --to FOLDER` wrote, an `Autoencoder`; its weights can be trained further."""
    try:
        from .model import Autoencoder
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError("load needs torch: pip install torch", name="torch") from None
    return Autoencoder.load(folder)
