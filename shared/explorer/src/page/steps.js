// A model of sequences: shared/network/src/steps/follow.rs in JavaScript, and what the program draws from it. A sequence is
// an array of steps, a step an array of numbers.
"use strict";

Object.assign(STREAM, { filter: 15, draw: 17 });

const NOTHING = new Float64Array(0);

/** A recurrent cell: start, the h of a state, and a step. */
function recurrence({ cell, width, input, hidden }, bytes) {
  const [below, across] = [chain(input, bytes), chain(hidden, bytes)];
  const start = () => new Float64Array(cell === "lstm" ? 2 * width : width);
  const output = (state) => state.subarray(0, width);
  const step = (x, state) => {
    const [a, b] = [below(x, NOTHING), across(output(state), NOTHING)];
    const after = start();
    for (let j = 0; j < width; j++) {
      if (cell === "gru") {
        const gate = (k) => sigmoid(a[k * width + j] + b[k * width + j]);
        const n = Math.tanh(a[2 * width + j] + gate(0) * b[2 * width + j]);
        after[j] = n + gate(1) * (state[j] - n);
      } else {
        const sum = (k) => a[k * width + j] + b[k * width + j];
        const memory = sigmoid(sum(1)) * state[width + j] + sigmoid(sum(0)) * Math.tanh(sum(2));
        after[width + j] = memory;
        after[j] = sigmoid(sum(3)) * Math.tanh(memory);
      }
    }
    return after;
  };
  return { start, output, step };
}

class StepModel {
  constructor(content, bytes) {
    const { steps } = content;
    const { latents } = steps;
    this.content = content;
    this.width = steps.width;
    this.distribution = steps.distribution;
    this.isBinary = ["bernoulli", "categorical"].includes(this.distribution.kind);
    this.input = chain(steps.input, bytes);
    this.recurrence = recurrence(steps.recurrence, bytes);
    this.decoder = chain(steps.decoder, bytes);
    this.output = chain(steps.output, bytes);
    this.latents = latents.kind === "none" ? 0 : content.latents;
    this.features = latents.features && chain(latents.features, bytes);
    this.posterior = latents.posterior && coder(latents.posterior, bytes);
    this.prior = latents.prior && coder(latents.prior, bytes);
    this.isWhole = latents.kind === "whole";
    if (this.isWhole) {
      this.encoder = recurrence(latents.encoder, bytes);
      this.first = chain(latents.first, bytes);
      this.isBlind = latents.is_blind;
    }
  }

  /** A step from the content: numbers, or the places that are 1. */
  read(step) {
    if (!this.isBinary) return Float64Array.from(step);
    const x = new Float64Array(this.width);
    for (const place of step) x[place] = 1;
    return x;
  }

  sequence(steps) {
    return steps.map((step) => this.read(step));
  }

  featuresOf(z) {
    return Float64Array.from(this.features(z, NOTHING));
  }

  /** The state before the first step, given the code of a whole sequence where there is one. */
  start(z) {
    if (!this.isWhole) return { h: this.recurrence.start(), features: NOTHING };
    const features = this.featuresOf(z);
    return { h: Float64Array.from(this.first(features, NOTHING)), features };
  }

  /** q(z|x) of a model with one code for a sequence. */
  encode(sequence) {
    const h = sequence.reduce(
      (state, x) => this.encoder.step(Float64Array.from(this.input(x, NOTHING)), state),
      this.encoder.start(),
    );
    return this.posterior({ image: this.encoder.output(h), code: NOTHING, condition: NOTHING });
  }

  /** The parameters of p(x_t | z_t, before). */
  parameters(features, state) {
    const context = joined([features, this.recurrence.output(state.h)]);
    return Float64Array.from(this.output(this.decoder(context, NOTHING), NOTHING));
  }

  after(features, input, state) {
    return { h: this.recurrence.step(joined([features, input]), state.h), features: state.features };
  }

  priorOf(state) {
    return this.prior && this.prior({ image: NOTHING, code: NOTHING, condition: this.recurrence.output(state.h) });
  }

  /** The terms of -ELBO of step x in nats, and the state after it, with z_t drawn from its posterior by eps. */
  follow(x, eps, state) {
    const input = Float64Array.from(this.input(this.isBlind ? new Float64Array(x.length) : x, NOTHING));
    let [features, kl] = [state.features, 0];
    if (this.latents && !this.isWhole) {
      const posterior = this.posterior({ image: input, code: NOTHING, condition: this.recurrence.output(state.h) });
      kl = klOf(posterior, this.priorOf(state));
      features = this.featuresOf(drawn(posterior, eps));
    }
    const reconstruction = -this.logProb(this.parameters(features, state), x);
    return { reconstruction, kl, state: this.after(features, input, state) };
  }

  /** log p(x) in nats under a distribution with these parameters. */
  logProb(parameters, x) {
    const { kind, least, components, margin } = this.distribution;
    const sum = (f) => x.reduce((total, x, i) => total + f(x, i), 0);
    switch (kind) {
      case "bernoulli":
        return sum((x, i) => x * parameters[i] - softplus(parameters[i]));
      case "gaussian":
        return sum((x, i) => {
          const logVar = Math.max(parameters[this.width + i], least);
          return -0.5 * (Math.log(2 * Math.PI) + logVar + (x - parameters[i]) ** 2 * Math.exp(-logVar));
        });
      case "categorical": {
        const total = logSumExp(parameters);
        return sum((x, i) => (x ? x * (parameters[i] - total) : 0));
      }
      default: {
        const of = (at, k) => parameters[at * components + k];
        const total = logSumExp(parameters.subarray(0, components));
        const joint = Float64Array.from({ length: components }, (_, k) => {
          const [logAcross, logDown] = [Math.max(of(3, k), least), Math.max(of(4, k), least)];
          const across = (x[0] - of(1, k)) * Math.exp(-logAcross);
          const down = (x[1] - of(2, k)) * Math.exp(-logDown);
          const correlation = Math.tanh(of(5, k)) * (1 - margin);
          const rest = 1 - correlation ** 2;
          const squared = across ** 2 + down ** 2 - 2 * correlation * across * down;
          return of(0, k) - total - (0.5 * squared) / rest - logAcross - logDown - 0.5 * Math.log(rest) - Math.log(2 * Math.PI);
        });
        const pen = parameters[6 * components];
        return logSumExp(joint) + x[2] * pen - softplus(pen);
      }
    }
  }

  /** A step drawn from a distribution with these parameters. */
  draw(parameters, generator, temperature) {
    const { kind, least, components, margin } = this.distribution;
    const x = new Float64Array(this.width);
    const bernoulli = (logit) => (generator.uniform() < sigmoid(logit / temperature) ? 1 : 0);
    switch (kind) {
      case "bernoulli":
        for (let i = 0; i < x.length; i++) x[i] = bernoulli(parameters[i]);
        break;
      case "gaussian":
        for (let i = 0; i < x.length; i++) {
          const deviation = Math.exp(0.5 * Math.max(parameters[this.width + i], least)) * Math.sqrt(temperature);
          x[i] = parameters[i] + deviation * generator.normal();
        }
        break;
      case "categorical":
        x[categorical(parameters, generator, temperature)] = 1;
        break;
      default: {
        const of = (at) => parameters.subarray(at * components, (at + 1) * components);
        const chosen = categorical(of(0), generator, temperature);
        const [across, down] = [3, 4].map((at) => Math.exp(Math.max(of(at)[chosen], least)) * Math.sqrt(temperature));
        const correlation = Math.tanh(of(5)[chosen]) * (1 - margin);
        const [first, second] = [generator.normal(), generator.normal()];
        x[0] = of(1)[chosen] + across * first;
        x[1] = of(2)[chosen] + down * (correlation * first + Math.sqrt(1 - correlation ** 2) * second);
        x[2] = bernoulli(parameters[6 * components]);
      }
    }
    return x;
  }

  /** The most likely step: of a mixture the mean of its heaviest component. */
  mostLikely(parameters) {
    const { kind, components } = this.distribution;
    const x = new Float64Array(this.width);
    const largest = (numbers) => numbers.reduce((best, value, i) => (value > numbers[best] ? i : best), 0);
    if (kind === "categorical") x[largest(parameters)] = 1;
    else if (kind === "bernoulli") x.forEach((_, i) => (x[i] = parameters[i] > 0 ? 1 : 0));
    else if (kind === "gaussian") x.set(parameters.subarray(0, this.width));
    else {
      const heaviest = largest(parameters.subarray(0, components));
      x.set([parameters[components + heaviest], parameters[2 * components + heaviest], parameters[6 * components] > 0 ? 1 : 0]);
    }
    return x;
  }

  /** The state after a beginning, with the latents that seed and key draw, as `generate` and `complete` have it. */
  begin(prefix, seed, key) {
    const eps = (step) => normals(seed, STREAM.prior, step, key, this.latents);
    const z = () => (prefix.length ? drawn(this.encode(prefix), eps(0)) : eps(0));
    let state = this.start(this.isWhole ? z() : undefined);
    prefix.forEach((x, step) => ({ state } = this.follow(x, this.isWhole ? NOTHING : eps(step), state)));
    return state;
  }

  /** phi_z of a draw from the prior of the next step. */
  next(state, step, seed, key) {
    if (this.isWhole || !this.latents) return state.features;
    const eps = normals(seed, STREAM.prior, step, key, this.latents);
    const prior = this.priorOf(state);
    return this.featuresOf(prior ? drawn(prior, eps) : eps);
  }

  /** A beginning continued until it has `count` steps. */
  continued(prefix, count, temperature, seed, key) {
    const generator = new Generator(seed, STREAM.draw, 0, key);
    let state = this.begin(prefix, seed, key);
    const result = prefix.slice(0, count);
    for (let step = result.length; step < count; step++) {
      const features = this.next(state, step, seed, key);
      const x = this.draw(this.parameters(features, state), generator, temperature);
      state = this.after(features, Float64Array.from(this.input(this.isBlind ? new Float64Array(x.length) : x, NOTHING)), state);
      result.push(x);
    }
    return result;
  }

  /** The most likely step after the most likely step, for a code. */
  decode(z, count) {
    let state = this.start(z);
    return Array.from({ length: count }, () => {
      const x = this.mostLikely(this.parameters(state.features, state));
      ({ state } = this.follow(x, NOTHING, state));
      return x;
    });
  }

  /** -ELBO of a sequence: {steps: [{reconstruction, kl}], whole}, the last the KL of one code for all of it. */
  terms(sequence, seed, key) {
    const eps = (step) => normals(seed, STREAM.filter, step, key, this.latents);
    let [state, kl] = [null, 0];
    if (this.isWhole) {
      const posterior = this.encode(sequence);
      kl = klOf(posterior);
      state = this.start(drawn(posterior, normals(seed, STREAM.posterior, 0, key, this.latents)));
    } else state = this.start();
    const steps = sequence.map((x, step) => {
      const found = this.follow(x, this.isWhole ? NOTHING : eps(step), state);
      ({ state } = found);
      return { reconstruction: found.reconstruction, kl: found.kl };
    });
    return { steps, whole: kl };
  }

  /** The mean of the next step after a beginning, over `draws` of its latent: keys' or symbols' probabilities. */
  expectation(prefix, seed, draws) {
    const mean = new Float64Array(this.width);
    const count = this.latents && !this.isWhole ? draws : 1;
    const state = this.begin(prefix, seed, 0);
    for (let key = 0; key < count; key++) {
      const parameters = this.parameters(this.next(state, prefix.length, seed, key), state);
      const total = logSumExp(parameters);
      const isSymbols = this.distribution.kind === "categorical";
      mean.forEach((_, i) => {
        mean[i] += (isSymbols ? Math.exp(parameters[i] - total) : sigmoid(parameters[i])) / count;
      });
    }
    return mean;
  }
}

/** A symbol by its log-odds. */
function categorical(logits, generator, temperature) {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logits.map((logit) => Math.exp((logit - largest) / temperature));
  let left = generator.uniform() * weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return logits.length - 1;
}
