"""The networks that `peers.py` times in PyTorch: sizes and objectives of the configurations they are compared with.

Each returns the loss of every example.
"""

import torch
from torch import nn
from torch.nn import functional as F


def of(args):
    if args.work in ("vrnn", "rnn"):
        return Vrnn(args.work == "vrnn")
    named = {"convolutional": Convolutional, "quadrants": Quadrants, "ladder": Ladder}
    if args.work in named:
        return named[args.work]()
    return Vae(args.pixels, args.hidden, args.latent)


def mlp(*widths):
    pairs = zip(widths, widths[1:])
    return nn.Sequential(*(m for a, b in pairs for m in (nn.Linear(a, b), nn.ReLU())))


def draw(mean, log_var):
    return mean + (0.5 * log_var).exp() * torch.randn_like(mean)


def kl(mean, log_var):
    """KL(q || N(0, I)) of each example."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)


def kl_between(mean, log_var, prior, prior_log_var):
    """KL(q || p) of two Gaussians, of each latent."""
    ratio = log_var - prior_log_var
    return 0.5 * ((mean - prior).square() * (-prior_log_var).exp() + ratio.exp() - 1 - ratio)


def bernoulli(logits, x, dims=1):
    """-log p(x) of each example, which has these dimensions."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dims)


class Gaussian(nn.Module):
    """Mean and log variance above hidden layers."""

    def __init__(self, *widths):
        super().__init__()
        self.hidden = mlp(*widths[:-1])
        self.mean, self.log_var = nn.Linear(*widths[-2:]), nn.Linear(*widths[-2:])

    def forward(self, x):
        hidden = self.hidden(x)
        return self.mean(hidden), self.log_var(hidden)


class Vae(nn.Module):
    def __init__(self, pixels, hidden, latent):
        super().__init__()
        self.posterior = Gaussian(pixels, *hidden, latent)
        self.decoder = mlp(latent, *hidden[::-1])
        self.output = nn.Linear(hidden[0], pixels)

    def forward(self, x):
        mean, log_var = self.posterior(x)
        return bernoulli(self.output(self.decoder(draw(mean, log_var))), x) + kl(mean, log_var)

    def decoded(self, z):
        return torch.sigmoid(self.output(self.decoder(z)))

    def log_weights(self, x, mean, log_var, eps):
        z = mean + (0.5 * log_var).exp() * eps
        logits = self.output(self.decoder(z))
        log_p = logits @ x - F.softplus(logits).sum(1)
        return log_p + 0.5 * (eps.square() - z.square()).sum(1) + 0.5 * log_var.sum()


class Vrnn(nn.Module):
    """vae-rnn on rows of MNIST, wider than its configuration mnist-rows: what does not wait for the step before is done at once."""

    def __init__(self, has_latent, latent=16, hidden=256, features=128, width=28):
        super().__init__()
        self.width, self.hidden, self.has_latent = width, hidden, has_latent
        self.input = mlp(width, features)
        self.decoder = mlp((features if has_latent else 0) + hidden, features)
        self.output = nn.Linear(features, width)
        if has_latent:
            self.posterior = Gaussian(features + hidden, features, latent)
            self.prior = Gaussian(hidden, features, latent)
            self.features = mlp(latent, features)
            self.cell = nn.GRUCell(2 * features, hidden)
        else:
            self.recurrence = nn.GRU(features, hidden)

    def forward(self, x):
        x = x.view(len(x), -1, self.width).transpose(0, 1)
        inputs, start = self.input(x), x.new_zeros(x.shape[1], self.hidden)
        if not self.has_latent:
            after, _ = self.recurrence(inputs, start[None])
            return self.nats(x, torch.cat([start[None], after[:-1]]))
        h, before, drawn, means, log_vars = start, [], [], [], []
        for given in inputs.unbind():
            mean, log_var = self.posterior(torch.cat([given, h], 1))
            features = self.features(draw(mean, log_var))
            before.append(h)
            drawn.append(features)
            means.append(mean)
            log_vars.append(log_var)
            h = self.cell(torch.cat([features, given], 1), h)
        before, drawn = torch.stack(before), torch.stack(drawn)
        between = kl_between(torch.stack(means), torch.stack(log_vars), *self.prior(before))
        return self.nats(x, torch.cat([drawn, before], 2)) + between.sum((0, 2))

    def nats(self, x, context):
        return bernoulli(self.output(self.decoder(context)), x, (0, 2))


class Convolutional(nn.Module):
    """beta-vae's configuration convolutional at the start of its training, where the capacity is 0."""

    def __init__(self, latent=10, channels=32, hidden=256, gamma=1000.0):
        super().__init__()
        self.channels, self.gamma = channels, gamma
        ins = [1, channels, channels, channels]
        convolutions = (nn.Conv2d(a, channels, 4, 2, 1) for a in ins)
        self.convolutions = nn.Sequential(*(m for c in convolutions for m in (c, nn.ReLU())))
        self.posterior = Gaussian(16 * channels, hidden, hidden, latent)
        self.decoder = mlp(latent, hidden, hidden, 16 * channels)
        self.transposed = nn.ModuleList(nn.ConvTranspose2d(channels, b, 4, 2, 1) for b in ins[::-1])

    def forward(self, x):
        mean, log_var = self.posterior(self.convolutions(x.view(-1, 1, 64, 64)).flatten(1))
        maps = self.decoder(draw(mean, log_var)).view(-1, self.channels, 4, 4)
        for layer in self.transposed[:-1]:
            maps = F.relu(layer(maps))
        logits = self.transposed[-1](maps).flatten(1)
        return bernoulli(logits, x) + self.gamma * kl(mean, log_var).mean().abs()


class Quadrants(nn.Module):
    """cvae's configuration paper with one quadrant observed: the prior sees the fixed baseline's completion."""

    def __init__(self, pixels=784, hidden=(500, 500), latent=50, unobserved=-1.0):
        super().__init__()
        seen = torch.zeros(28, 28, dtype=torch.bool)
        seen[14:, :14] = True
        self.register_buffer("seen", seen.flatten())
        self.unobserved, modelled = unobserved, int((~seen).sum())
        self.register_buffer("places", (~seen).flatten().nonzero()[:, 0])

        def predictor(inputs):
            return nn.Sequential(*mlp(inputs, *hidden), nn.Linear(hidden[-1], modelled))

        self.baseline = predictor(pixels).requires_grad_(False)
        self.recognition = Gaussian(pixels, *hidden, latent)
        self.prior = Gaussian(pixels, *hidden, latent)
        self.generation = predictor(latent + pixels)

    def forward(self, x):
        given = torch.where(self.seen, x, self.unobserved)
        with torch.no_grad():
            guess = given.index_copy(1, self.places, self.baseline(given).sigmoid())
        mean, log_var = self.recognition(x)
        logits = self.generation(torch.cat([draw(mean, log_var), given], 1))
        nats = bernoulli(logits, x[:, self.places])
        return nats + kl_between(mean, log_var, *self.prior(guess)).sum(1)


class Ladder(nn.Module):
    """few-labels' configuration ladder: the labelled images are the first of the set, an equal share of ten classes."""

    def __init__(self, widths=(784, 1000, 500, 250, 250, 250, 10), noise=0.3, labelled=100):
        super().__init__()
        self.widths, self.noise, self.labelled = widths, noise, labelled
        self.costs = (1000.0, 10.0, 0.1, 0.1, 0.1, 0.1, 0.1)
        pairs = list(zip(widths, widths[1:]))
        self.up = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairs)
        self.beta = nn.ParameterList(torch.zeros(b) for b in widths[1:])
        self.gamma = nn.Parameter(torch.ones(widths[-1]))
        self.down = nn.ModuleList(nn.Linear(b, a, bias=False) for a, b in pairs)
        start = torch.tensor([0.0, 1, 0, 0, 0, 0, 1, 0, 0, 0])
        self.combinators = nn.ParameterList(start[:, None].repeat(1, width) for width in widths)
        self.register_buffer("labels", torch.arange(labelled) % 10)
        self.register_buffer("known", torch.zeros(labelled, widths[0]))

    @staticmethod
    def normal(x):
        variance, mean = torch.var_mean(x, 0, correction=0)
        return (x - mean) * torch.rsqrt(variance + 1e-10)

    def encode(self, x, noise, groups):
        def noisy(z):
            return z + noise * torch.randn_like(z) if noise else z

        h = noisy(x)
        z, sums = [h], []
        for index, layer in enumerate(self.up):
            a = layer(h)
            sums.append(a)
            z.append(noisy(torch.cat([self.normal(part) for part in a.split(groups)])))
            h = z[-1] + self.beta[index]
            h = F.relu(h) if index + 1 < len(self.up) else h * self.gamma
        return z, sums, F.log_softmax(h, 1)

    @staticmethod
    def combine(z, u, a):
        mu = a[0] * torch.sigmoid(a[1] * u + a[2]) + a[3] * u + a[4]
        v = a[5] * torch.sigmoid(a[6] * u + a[7]) + a[8] * u + a[9]
        return (z - mu) * v + mu

    def forward(self, x):
        groups = [self.labelled, len(x)]
        z, _, log_p = self.encode(torch.cat([self.known, x]), self.noise, groups)
        label = F.nll_loss(log_p[: self.labelled], self.labels)
        _, clean, _ = self.encode(x, 0.0, [len(x)])
        signal, total = log_p[self.labelled :].exp(), 0.0
        for layer in reversed(range(len(self.widths))):
            estimate = self.combine(z[layer][self.labelled :], self.normal(signal), self.combinators[layer])
            if layer == 0:
                squares = (estimate - x).square()
            else:
                a = clean[layer - 1]
                squares = (estimate - a).square() / (a.var(0, correction=0) + 1e-10)
                signal = self.down[layer - 1](estimate)
            total = total + squares.sum(1) * (self.costs[layer] / self.widths[layer])
        return label + total
