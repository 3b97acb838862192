"""The peers' side of `cargo xtask bench-peers`: the same work in PyTorch, JAX and scikit-learn.

Prints "ready", then for every number read from standard input repeats its piece of work that often
and prints the seconds it took; at the end of input prints the most memory it held, in bytes.
Each peer is written as its users would write it for speed: fused Adam, one compiled step where the
framework has it, the likelihood from logits.
"""

import argparse
import os
import pathlib
import resource
import sys
import time

# Steps of other networks than the plain VAE.
MODELS = ["vrnn", "rnn", "convolutional", "quadrants", "ladder"]
EXAMPLES, TRAIN, EPOCHS, BOUND_IMAGES, BOUND_SAMPLES, CHUNK = 4096, 50_000, 4, 200, 5000, 1000
SAMPLES = 10_000
MNIST, WIDE_EXAMPLES = 784, 10_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", choices=["step", *MODELS, "epochs", "bound", "encode", "sample", "pca"], required=True)
    parser.add_argument("--name", choices=["torch", "torch-compile", "jax", "sklearn"], required=True)
    parser.add_argument("--pixels", type=int, default=784)
    parser.add_argument("--hidden", type=lambda s: [int(n) for n in s.split(",")], default=[400])
    parser.add_argument("--latent", type=int, default=20)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lit", type=float, default=0.2, help="share of the pixels of random images that are 1")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--data", type=pathlib.Path, help="folder of MNIST's files")
    return parser.parse_args()


def images(path):
    import numpy as np

    raw = path.read_bytes()
    dims = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    pixels = np.frombuffer(raw, np.uint8, offset=4 + 4 * len(dims)).reshape(dims[0], -1)
    return pixels.astype(np.float32) / np.float32(255)


def inputs(args):
    """What the work is done on: random binary pixels, random numbers, or MNIST's grey levels."""
    import numpy as np

    if args.work == "pca" and args.pixels != MNIST:
        return np.random.default_rng(1).standard_normal((WIDE_EXAMPLES, args.pixels), dtype=np.float32)
    if args.work in ("step", "sample", *MODELS):
        draw = np.random.default_rng(1)
        return (draw.random((EXAMPLES, args.pixels)) < args.lit).astype(np.float32)
    if args.work == "bound":
        grey = images(args.data / "t10k-images-idx3-ubyte")[:BOUND_IMAGES]
        return (np.random.default_rng(1).random(grey.shape) < grey).astype(np.float32)
    grey = images(args.data / "train-images-idx3-ubyte")
    return grey[:TRAIN] if args.work == "epochs" else grey


def sklearn_work(args):
    from sklearn.decomposition import PCA

    x = inputs(args)
    # What it chooses by itself for MNIST; for wider images it would choose an approximation.
    return lambda: PCA(64, svd_solver="covariance_eigh").fit(x)


def torch_work(args):
    import models
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(1)

    # Data, noise and order are drawn where the network is.
    torch.set_default_device(args.device)
    model = models.of(args)
    data = torch.from_numpy(inputs(args)).to(args.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def loss_of(x):
        return model(x).mean()

    log_weights, decoded = getattr(model, "log_weights", None), getattr(model, "decoded", None)
    posterior = getattr(model, "posterior", None)
    if args.name == "torch-compile":
        # On a GPU as one graph of kernels, since small ones cost more to launch than to run.
        mode = "reduce-overhead" if args.device == "cuda" else None
        loss_of = torch.compile(loss_of, mode=mode)
        log_weights = log_weights and torch.compile(log_weights, mode=mode)
        posterior, decoded = (each and torch.compile(each, mode=mode) for each in (posterior, decoded))

    def descend(x):
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(x)
        loss.backward()
        optimiser.step()
        return loss.item()

    order, at = torch.randperm(len(data)), 0

    def step():
        nonlocal at
        at = at + args.batch if at + 2 * args.batch <= len(data) else 0
        descend(data[order[at : at + args.batch]])

    def epochs():
        for _ in range(EPOCHS):
            for indices in torch.randperm(len(data)).split(args.batch):
                descend(torch.bernoulli(data[indices]))

    @torch.inference_mode()
    def bound():
        for x in data:
            mean, log_var = model.posterior(x[None])
            weights = [
                log_weights(x, mean, log_var, torch.randn(CHUNK, args.latent)).clone()
                for _ in range(BOUND_SAMPLES // CHUNK)
            ]
            torch.logsumexp(torch.cat(weights), 0).item()

    @torch.inference_mode()
    def encode():
        for x in data.split(CHUNK):
            mean, log_var = posterior(x)
        mean.sum().item()

    @torch.inference_mode()
    def sample():
        for _ in range(SAMPLES // CHUNK):
            image = decoded(torch.randn(CHUNK, args.latent))
        image.sum().item()

    works = {"epochs": epochs, "bound": bound, "encode": encode, "sample": sample}
    return works.get(args.work, step)


def jax_work(args):
    os.environ["XLA_FLAGS"] = (
        f"--xla_cpu_multi_thread_eigen={'true' if args.threads > 1 else 'false'} "
        f"intra_op_parallelism_threads={args.threads}"
    )
    os.environ["JAX_PLATFORMS"] = args.device
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    import jax
    import numpy as np
    from jax import numpy as jnp

    # As the others: all 24 bits of a number are multiplied.
    jax.config.update("jax_default_matmul_precision", "float32")
    draw = np.random.default_rng(1)

    def layer(a, b):
        return jnp.asarray(draw.normal(0, (2 / (a + b)) ** 0.5, (a, b)), jnp.float32), jnp.zeros(b)

    def mlp(widths):
        return [layer(a, b) for a, b in zip(widths, widths[1:])]

    weights = {
        "encoder": mlp([args.pixels, *args.hidden]),
        "mean": layer(args.hidden[-1], args.latent),
        "log_var": layer(args.hidden[-1], args.latent),
        "decoder": mlp([args.latent, *args.hidden[::-1]]),
        "output": layer(args.hidden[0], args.pixels),
    }

    def dense(x, layer):
        return x @ layer[0] + layer[1]

    def hidden(x, layers):
        for each in layers:
            x = jax.nn.relu(dense(x, each))
        return x

    def posterior(weights, x):
        h = hidden(x, weights["encoder"])
        return dense(h, weights["mean"]), dense(h, weights["log_var"])

    def log_p(weights, x, z):
        logits = dense(hidden(z, weights["decoder"]), weights["output"])
        return (x * logits - jax.nn.softplus(logits)).sum(1)

    def negative_elbo(weights, x, key):
        mean, log_var = posterior(weights, x)
        z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)
        kl = 0.5 * (mean**2 + jnp.exp(log_var) - 1 - log_var).sum(1)
        return (kl - log_p(weights, x, z)).mean()

    def adam(state, x, key):
        weights, first, second, time = state
        loss, slope = jax.value_and_grad(negative_elbo)(weights, x, key)
        time = time + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, slope)
        m_scale, v_scale = 1 / (1 - 0.9**time), 1 / (1 - 0.999**time)
        weights = jax.tree.map(
            lambda w, m, v: w - 1e-4 * m * m_scale / (jnp.sqrt(v * v_scale) + 1e-8),
            weights, first, second,
        )
        return (weights, first, second, time), loss

    def keyed(state, x, key):
        key, now = jax.random.split(key)
        return *adam(state, x, now), key

    def binarised(state, grey, key):
        key, now, noise = jax.random.split(key, 3)
        x = jax.random.bernoulli(noise, grey).astype(jnp.float32)
        return *adam(state, x, now), key

    step_on = jax.jit(keyed, donate_argnums=0)
    epoch_on = jax.jit(binarised, donate_argnums=0)
    data = jnp.asarray(inputs(args)) if args.device == "cuda" else inputs(args)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, jax.tree.map(jnp.zeros_like, weights), jnp.float32(0))
    key = jax.random.key(1)
    order, at = draw.permutation(len(data)), 0

    def step():
        nonlocal state, key, at
        at = at + args.batch if at + 2 * args.batch <= len(data) else 0
        state, loss, key = step_on(state, data[order[at : at + args.batch]], key)
        float(loss)

    def epochs():
        nonlocal state, key
        for _ in range(EPOCHS):
            order = draw.permutation(len(data))
            for start in range(0, len(data), args.batch):
                state, loss, key = epoch_on(state, data[order[start : start + args.batch]], key)
                float(loss)

    @jax.jit
    def bound_of(weights, x, key):
        mean, log_var = posterior(weights, x[None])

        def chunk(key):
            eps = jax.random.normal(key, (CHUNK, args.latent))
            z = mean + jnp.exp(0.5 * log_var) * eps
            return log_p(weights, x, z) + 0.5 * (eps**2 - z**2).sum(1) + 0.5 * log_var.sum()

        keys = jax.random.split(key, BOUND_SAMPLES // CHUNK)
        return jax.nn.logsumexp(jax.lax.map(chunk, keys))

    def bound():
        nonlocal key
        for x in data:
            key, now = jax.random.split(key)
            float(bound_of(state[0], x, now))

    codes_of = jax.jit(posterior)

    @jax.jit
    def images_of(weights, key):
        z = jax.random.normal(key, (CHUNK, args.latent))
        return jax.nn.sigmoid(dense(hidden(z, weights["decoder"]), weights["output"]))

    def encode():
        for start in range(0, len(data), CHUNK):
            mean, _ = codes_of(state[0], data[start : start + CHUNK])
        mean.block_until_ready()

    def sample():
        nonlocal key
        for _ in range(SAMPLES // CHUNK):
            key, now = jax.random.split(key)
            image = images_of(state[0], now)
        image.block_until_ready()

    works = {"step": step, "epochs": epochs, "bound": bound, "encode": encode, "sample": sample}
    return works[args.work]


def main():
    args = arguments()
    # JAX has more threads than it is asked for.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    make = {"sklearn": sklearn_work, "jax": jax_work}.get(args.name, torch_work)
    once = make(args)
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        for _ in range(int(line)):
            once()
        print(time.perf_counter() - started, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
