// A model: its networks, and what the program computes with them.
"use strict";

class Model {
  constructor(content, bytes) {
    const { network } = content;
    this.content = content;
    // Paper and run.
    this.name = content.title.split(",")[0];
    this.bytes = bytes;
    this.shape = content.image;
    this.pixels = this.shape.height * this.shape.width * this.shape.channels;
    this.latents = content.latents;
    // Those it was fitted to; the images may be of others.
    this.classes = content.model_classes ?? content.classes;
    this.width = content.latents.length;
    this.meanCode = new Float64Array(this.width);
    for (const { latent, mean } of this.latents) this.meanCode[latent] = mean;
    this.pixel = network.decoder.pixels;
    this.places = network.decoder.places;
    this.priorKind = network.prior.kind;
    this.conditionKind = network.condition.kind;
    this.encoder = coder(network.encoder, bytes);
    this.decoder = decoder(network.decoder, bytes);
    const { prior, condition, classes } = network;
    if (classes) this.classifier = chain(classes, bytes);
    if (prior.coder) this.prior = coder(prior.coder, bytes);
    if (prior.by) this.deviations = numbersAt(bytes, prior.by);
    if (condition.observed) this.observed = numbersAt(bytes, condition.observed);
    if (this.pixel.log_scale) this.logScales = numbersAt(bytes, this.pixel.log_scale);
  }

  /** log p(class|x) of every class, of a model that tells classes apart. */
  logClasses(x) {
    const logits = Float64Array.from(this.classifier(x, []));
    const total = logSumExp(logits);
    return logits.map((logit) => logit - total);
  }

  /** The class that a model finds likeliest for x. */
  likeliest(x) {
    const logs = this.logClasses(x);
    return logs.indexOf(Math.max(...logs));
  }

  /** True if the model is conditional on the class of an image. */
  get takesClass() {
    return this.conditionKind === "class";
  }

  /** True if a class is one of those that a model is conditional on. */
  hasClass(label) {
    return label < this.content.network.condition.classes;
  }

  /** `label`, or in place of a class that the model does not have the one it finds likeliest for x. */
  classOf(x, label) {
    if (!this.takesClass || !this.classifier || this.hasClass(label)) return label;
    return this.likeliest(x);
  }

  /** The name of a class. */
  nameOf(label) {
    return this.classes.find((known) => known.class === label)?.name ?? label;
  }

  /** The condition of an image x of class `label`; empty without one. */
  condition(x, label) {
    const { classes, unobserved } = this.content.network.condition;
    switch (this.conditionKind) {
      case "class": {
        const own = this.classOf(x, label);
        return Float64Array.from({ length: classes }, (_, i) => (i === own ? 1 : 0));
      }
      case "observed":
        return Float64Array.from(x, (x, i) => (this.observed[i] ? x : unobserved));
      default:
        return new Float64Array(0);
    }
  }

  /** q(z|x, c): {mean, logVar}. */
  encode(x, c) {
    return this.encoder({ image: x, code: [], condition: c });
  }

  /** E[x|z, c]. */
  decode(z, c) {
    const { output } = this.decoder({ image: [], code: z, condition: c });
    const mean = this.mean(output);
    return this.places ? complete(this.places, mean, c) : mean;
  }

  mean(output) {
    return this.pixel.kind === "gaussian" ? output : output.map(sigmoid);
  }

  /** log p(x|z, c) in nats, a sum over the modelled pixels. */
  logProb(x, z, c) {
    const { output, logVar } = this.decoder({ image: [], code: z, condition: c }, true);
    const modelled = this.places ? this.places.map((place) => x[place]) : x;
    const of = {
      bernoulli: (x, i) => x * output[i] - softplus(output[i]),
      gaussian: (x, i) => {
        const { least, constant } = this.pixel;
        const spread = logVar ? Math.max(logVar[i], least) : constant;
        return -0.5 * (Math.log(2 * Math.PI) + spread + (x - output[i]) ** 2 * Math.exp(-spread));
      },
      logistic: (x, i) => logMass(x, sigmoid(output[i]), Math.exp(-this.logScales[i])),
    }[this.pixel.kind];
    return modelled.reduce((sum, x, i) => sum + of(x, i), 0);
  }

  /** A draw from the prior made from standard normal numbers. */
  samplePrior(eps, c) {
    if (this.deviations) return Float64Array.from(eps, (eps, i) => eps * this.deviations[i]);
    const prior = this.priorOf(c);
    return prior ? drawn(prior, eps) : Float64Array.from(eps);
  }

  /** p(z|c), if it depends on the condition. */
  priorOf(c) {
    return this.prior && this.prior({ image: [], code: [], condition: c });
  }

  /** True if -ELBO can be computed. */
  get hasBound() {
    const { has_bound, network } = this.content;
    return has_bound && network.encoder.log_var !== null && this.priorKind !== "none";
  }

  /** The input the program makes of grey levels 0 to 255: binarised as its configuration says. */
  input(levels, key) {
    const { binarise, seed } = this.content;
    if (binarise === "none") return greys(levels);
    if (binarise === "threshold") return Float64Array.from(levels, (level) => (level >= 128 ? 1 : 0));
    const generator = new Generator(seed, STREAM.binarise, 0, key);
    return Float64Array.from(levels, (level) => {
      if (level === 0 || level === 255) return level / 255;
      return generator.uniform() < Math.fround(level / 255) ? 1 : 0;
    });
  }

  /** -ELBO of such an input with one draw, as `score` has it: {reconstruction, kl}, nats. */
  negativeElbo(levels, label, key) {
    const x = this.input(levels, key);
    const c = this.condition(x, label);
    const posterior = this.encode(x, c);
    const eps = normals(this.content.seed, STREAM.posterior, 0, key, this.width);
    return { reconstruction: -this.logProb(x, drawn(posterior, eps), c), kl: klOf(posterior, this.priorOf(c)) };
  }
}

/** Grey levels 0 to 255 as the numbers in [0, 1] that the program reads. */
function greys(levels) {
  return Float64Array.from(levels, (level) => Math.fround(level / 255));
}

/** log of the mass a logistic distribution puts within half a level of x; `inverse` is 1 / scale. */
function logMass(x, mean, inverse) {
  const half = 0.5 / 255;
  const [hasLower, hasUpper] = [x > half, x < 1 - half];
  const upper = hasUpper ? -softplus(-(x - mean + half) * inverse) : 0;
  const lower = hasLower ? -softplus((x - mean - half) * inverse) : 0;
  const width = hasLower && hasUpper ? Math.log(-Math.expm1(-inverse / 255)) : 0;
  return width + upper + lower;
}
