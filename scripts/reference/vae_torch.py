"""The vae in PyTorch, written from the papers: reads our weights, or writes its own for us to read.

    evaluate  per-image terms of -ELBO for exported weights, compared with what `vae` computed
    create    freshly drawn weights saved under the documented names, for `vae import`

`vae export --terms N` writes inputs, noise and our terms: nothing is recomputed here from a seed.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Vae(nn.Module):
    """Fields are named as the weights are; see model.json of an export."""

    def __init__(self, pixels, hidden, latent, activation):
        super().__init__()
        widths = [pixels, *hidden]
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.mean = nn.Linear(widths[-1], latent)
        self.log_var = nn.Linear(widths[-1], latent)
        widths = [latent, *reversed(hidden)]
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.output = nn.Linear(widths[-1], pixels)
        self.activation = {"tanh": torch.tanh, "relu": torch.relu}[activation]

    def forward(self, x, eps):
        """Reconstruction and KL of each image, nats."""
        h = x
        for layer in self.encoder:
            h = self.activation(layer(h))
        mean, log_var = self.mean(h), self.log_var(h)
        h = mean + torch.exp(log_var / 2) * eps
        for layer in self.decoder:
            h = self.activation(layer(h))
        cross_entropy = nn.functional.binary_cross_entropy_with_logits
        reconstruction = cross_entropy(self.output(h), x, reduction="none").sum(1)
        prior = torch.distributions.Normal(0.0, 1.0)
        posterior = torch.distributions.Normal(mean, torch.exp(log_var / 2))
        kl = torch.distributions.kl_divergence(posterior, prior).sum(1)
        return reconstruction, kl


def build(config):
    model = config["model"]
    return Vae(784, model["hidden"], model["latent"], model["activation"])


def evaluate(args):
    description = json.loads((args.export / "model.json").read_text())
    model = build(description["config"])
    model.load_state_dict(load_torch(args.export / "weights.safetensors"))
    terms = load_file(args.terms)
    with torch.no_grad():
        found = model.double()(
            torch.from_numpy(terms["x"]).double(), torch.from_numpy(terms["eps"]).double()
        )
    worst = {}
    for name, ours in zip(["reconstruction", "kl"], found):
        worst[name] = float(np.max(np.abs(ours.numpy() - terms[name])))
    result = {
        "about": "largest difference of a per-image ELBO term between vae and PyTorch, nats",
        "weights": args.label,
        "images": len(terms["x"]),
        "torch": torch.__version__,
        "largest_difference": worst,
        "mean_negative_elbo": float(sum(t.mean() for t in found)),
    }
    print(json.dumps(result, indent=2))
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")
    assert all(found < 1e-3 for found in worst.values()), worst


def create(args):
    torch.manual_seed(args.seed)
    config = {"model": {"hidden": [400], "latent": 20, "activation": "relu"}}
    args.to.parent.mkdir(parents=True, exist_ok=True)
    save_file(build(config).state_dict(), args.to)
    print(f"wrote {args.to}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("evaluate")
    command.add_argument("--export", type=pathlib.Path, required=True)
    command.add_argument("--terms", type=pathlib.Path, required=True)
    command.add_argument("--label", default="trained by vae")
    command.add_argument("--out", type=pathlib.Path)
    command.set_defaults(run=evaluate)
    command = commands.add_parser("create")
    command.add_argument("--to", type=pathlib.Path, required=True)
    command.add_argument("--seed", type=int, default=1)
    command.set_defaults(run=create)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
