// The networks: shared/network/src/evaluate.rs in JavaScript. An array of numbers in, another out; weights
// are in single precision, sums in double.
"use strict";

/** The numbers of an entry {kind, at, count} of the content, in the block of bytes. */
function numbersAt(bytes, entry) {
  const start = bytes.byteOffset + entry.at;
  switch (entry.kind) {
    case "f32":
      return new Float32Array(bytes.buffer, start, entry.count);
    case "f16":
      return Float32Array.from(new Uint16Array(bytes.buffer, start, entry.count), fromHalf);
    default:
      return new Uint8Array(bytes.buffer, start, entry.count);
  }
}

/** A number of 16 bits: sign, five bits of exponent, ten of mantissa. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + mantissa) : 2 ** -24 * mantissa);
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function logSumExp(values) {
  const greatest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  // Infinities would cancel to NaN.
  const largest = Number.isFinite(greatest) ? greatest : 0;
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

const ACTIVATIONS = {
  tanh: Math.tanh,
  relu: (x) => (x > 0 ? x : 0),
  "leaky-relu": (x) => (x > 0 ? x : x / 5),
  sigmoid,
  softplus,
};

/** f of every number, in place. */
function activate(name, y) {
  const f = ACTIVATIONS[name];
  if (f) for (let i = 0; i < y.length; i++) y[i] = f(y[i]);
  return y;
}

/** The condition's pixels, and these at the places. */
function complete(places, pixels, c) {
  const image = Float64Array.from(c);
  places.forEach((place, i) => (image[place] = pixels[i]));
  return image;
}

/** Layers by kind: each makes of its description and weights a function of x and the condition c. */
const LAYERS = {
  dense(layer, weight, bias) {
    const outputs = bias.length;
    const y = new Float64Array(outputs);
    if (layer.is_transposed) {
      return (x) => {
        for (let j = 0; j < outputs; j++) {
          let sum = bias[j];
          for (let i = 0, at = j * x.length; i < x.length; i++, at++) sum += x[i] * weight[at];
          y[j] = sum;
        }
        return activate(layer.activation, y);
      };
    }
    return (x) => {
      y.set(bias);
      for (let i = 0, at = 0; i < x.length; i++, at += outputs) {
        const value = x[i];
        // Black pixels and silent units are most of the input.
        if (value !== 0) for (let j = 0; j < outputs; j++) y[j] += value * weight[at + j];
      }
      return activate(layer.activation, y);
    };
  },

  convolution(layer, weight, bias) {
    const { image, positions } = layer.geometry;
    const [outputs, channels] = [bias.length, image[2]];
    const y = new Float64Array(positions[0] * positions[1] * outputs);
    return (x) => {
      for (let i = 0; i < y.length; i++) y[i] = bias[i % outputs];
      eachPlace(layer.geometry, (position, pixel, place) => {
        for (let channel = 0; channel < channels; channel++) {
          const value = x[pixel * channels + channel];
          if (value === 0) continue;
          const [to, from] = [position * outputs, (place * channels + channel) * outputs];
          for (let j = 0; j < outputs; j++) y[to + j] += value * weight[from + j];
        }
      });
      return activate(layer.activation, y);
    };
  },

  transposed(layer, weight, bias) {
    const { image, positions, side } = layer.geometry;
    const channels = image[2];
    const patch = side * side * channels;
    const inputs = weight.length / patch;
    const y = new Float64Array(image[0] * image[1] * channels);
    return (x) => {
      for (let i = 0; i < y.length; i++) y[i] = bias[i % channels];
      eachPlace(layer.geometry, (position, pixel, place) => {
        for (let k = 0; k < inputs; k++) {
          const value = x[position * inputs + k];
          if (value === 0) continue;
          const [to, from] = [pixel * channels, k * patch + place * channels];
          for (let j = 0; j < channels; j++) y[to + j] += value * weight[from + j];
        }
      });
      return activate(layer.activation, y);
    };
  },

  apply: (layer) => (x) => activate(layer.activation, Float64Array.from(x)),
  shift: (layer, weight, bias, by) => (x) => Float64Array.from(x, (x, i) => x + by[i]),
  scale: (layer, weight, bias, by) => (x) => Float64Array.from(x, (x, i) => x * by[i]),
  complete: (layer) => (x, c) => complete(layer.places, x, c),
  join: () => (x, c) => joined([x, c]),
  fork: (layer, weight, bias, by, image) => (x, c) => joined([x, image(x, c)]),
  softmax: () => (x) => {
    const total = logSumExp(x);
    return Float64Array.from(x, (x) => Math.exp(x - total));
  },
  combine: (layer, weight, bias, by) => (x) => {
    const units = x.length / 2;
    const [z, u] = [x.subarray(0, units), x.subarray(units)];
    const mean = bent(by.subarray(0, 5 * units), u);
    const share = bent(by.subarray(5 * units), u);
    return mean.map((mean, i) => (z[i] - mean) * share[i] + mean);
  },
  "prior-mean": (layer, weight, bias, by) => (u) => bent(by, u),
};

/** a_1 sigmoid(a_2 u + a_3) + a_4 u + a_5 of each unit, for a [5, units]. */
function bent(a, u) {
  const units = u.length;
  const at = (row, i) => a[row * units + i];
  return Float64Array.from(u, (u, i) => {
    return at(0, i) * sigmoid(at(1, i) * u + at(2, i)) + at(3, i) * u + at(4, i);
  });
}

/** Calls f for each position of the window and each pixel of the image under it, with the pixel's place in
 * the window. */
function eachPlace({ image, positions, side, stride, padding }, f) {
  const [height, width] = image;
  const [down, across] = positions;
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      for (let i = 0; i < side; i++) {
        const y = row * stride + i - padding;
        if (y < 0 || y >= height) continue;
        for (let j = 0; j < side; j++) {
          const x = column * stride + j - padding;
          if (x >= 0 && x < width) f(row * across + column, y * width + x, i * side + j);
        }
      }
    }
  }
}

/** One function of layers one after another. */
function chain(layers, bytes) {
  const of = (entry) => entry && numbersAt(bytes, entry);
  const steps = layers.map((layer) => {
    const within = layer.layers && chain(layer.layers, bytes);
    return LAYERS[layer.kind](layer, of(layer.weight), of(layer.bias), of(layer.by), within);
  });
  return (x, c) => steps.reduce((x, step) => step(x, c), x);
}

/** Arrays joined into one. */
function joined(parts) {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Layers on top of joined inputs {image, code, condition}. */
function trunk({ inputs, layers }, bytes) {
  const above = chain(layers, bytes);
  return (given) => above(joined(inputs.map((input) => given[input])), given.condition);
}

/** A distribution of codes: {mean, logVar}, where a point has no logVar. */
function coder({ trunk: below, mean, log_var }, bytes) {
  const [hidden, mu] = [trunk(below, bytes), chain(mean, bytes)];
  const logVar = log_var && chain(log_var, bytes);
  return (given) => {
    const h = hidden(given);
    return {
      mean: Float64Array.from(mu(h, given.condition)),
      logVar: logVar && Float64Array.from(logVar(h, given.condition)),
    };
  };
}

/** p(x|z): {output, logVar}, what the last layers have. */
function decoder({ trunk: below, output, pixels }, bytes) {
  const [hidden, last] = [trunk(below, bytes), chain(output, bytes)];
  const logVar = pixels.log_var && chain(pixels.log_var, bytes);
  return (given, withLogVar) => {
    const h = hidden(given);
    return {
      output: Float64Array.from(last(h, given.condition)),
      logVar: logVar && withLogVar && Float64Array.from(logVar(h, given.condition)),
    };
  };
}
