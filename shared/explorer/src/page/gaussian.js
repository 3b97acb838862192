// Gaussian distributions of codes: {mean, logVar} with a number for each latent.
"use strict";

/** mean + sigma eps. */
function drawn({ mean, logVar }, eps) {
  return mean.map((mu, i) => mu + Math.exp(0.5 * logVar[i]) * eps[i]);
}

/** KL of two Gaussians, the second N(0, I) if there is none, nats. */
function klOf({ mean, logVar }, prior) {
  return mean.reduce((sum, mu, i) => {
    const [centre, spread] = prior ? [prior.mean[i], prior.logVar[i]] : [0, 0];
    const ratio = logVar[i] - spread;
    return sum + 0.5 * ((mu - centre) ** 2 * Math.exp(-spread) + Math.exp(ratio) - ratio - 1);
  }, 0);
}
