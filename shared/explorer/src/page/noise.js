// Random numbers: shared/kernels/src/noise.rs in JavaScript, so that a seed draws here what it draws in the
// program. Each number is a function of (seed, stream, epoch, example), the key of a ChaCha8 cipher.
"use strict";

const STREAM = { binarise: 3, posterior: 4, prior: 5 };

/** A generator; seed and example are whole numbers, or text where they may exceed 53 bits. */
class Generator {
  constructor(seed, stream, epoch, example) {
    this.key = new Uint32Array(8);
    [seed, stream, epoch, example].forEach((number, i) => {
      const value = BigInt.asUintN(64, BigInt(number));
      this.key[2 * i] = Number(value & 0xffffffffn);
      this.key[2 * i + 1] = Number(value >> 32n);
    });
    this.counter = 0;
    this.words = [];
  }

  /** Four double rounds of the cipher over the next block. */
  block() {
    const start = new Uint32Array(16);
    start.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    start.set(this.key, 4);
    start[12] = this.counter++;
    const s = Uint32Array.from(start);
    const mix = (a, b, d, by) => {
      s[a] += s[b];
      const turned = s[d] ^ s[a];
      s[d] = (turned << by) | (turned >>> (32 - by));
    };
    const quarter = (a, b, c, d) => {
      mix(a, b, d, 16);
      mix(c, d, b, 12);
      mix(a, b, d, 8);
      mix(c, d, b, 7);
    };
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i);
      for (let i = 0; i < 4; i++) {
        quarter(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4));
      }
    }
    this.words = Array.from(s, (word, i) => (word + start[i]) >>> 0);
    this.next = 0;
  }

  /** 32 random bits. */
  bits() {
    if (this.next === undefined || this.next >= this.words.length) this.block();
    return this.words[this.next++];
  }

  /** 64 random bits without the lowest `without`, as a number. */
  high(without) {
    const low = this.bits();
    return { low, number: this.bits() * 2 ** (32 - without) + (low >>> without) };
  }

  /** A uniform number in [0, 1) with 24 random bits. */
  uniform() {
    return (this.bits() >>> 8) / 2 ** 24;
  }

  /** A standard normal number by the ziggurat of rand_distr, in single precision. */
  normal() {
    const { x: edges, f: heights } = ZIGGURAT;
    for (;;) {
      const { low, number } = this.high(12);
      const [i, u] = [low & 255, number * 2 ** -51 - 1];
      const x = u * edges[i];
      if (Math.abs(x) < edges[i + 1]) return Math.fround(x);
      if (i === 0) return Math.fround(this.tail(u));
      const height = heights[i + 1] + (heights[i] - heights[i + 1]) * (this.high(11).number * 2 ** -53);
      if (height < Math.exp((-x * x) / 2)) return Math.fround(x);
    }
  }

  tail(u) {
    const open = () => Math.log(this.high(12).number * 2 ** -52 + 2 ** -53);
    let [x, y] = [1, 0];
    while (-2 * y < x * x) [x, y] = [open() / EDGE, open()];
    return u < 0 ? x - EDGE : EDGE - x;
  }
}

/** Where the tail begins, and the width of the lowest block. */
const EDGE = 3.654152885361009;
const LOWEST = 3.91075795953709;

/** Edges and heights of 256 blocks of equal area under exp(-x^2 / 2). */
const ZIGGURAT = (() => {
  const f = (x) => Math.exp((-x * x) / 2);
  const area = LOWEST * f(EDGE);
  const x = [LOWEST, EDGE];
  for (let i = 2; i < 256; i++) {
    x.push(Math.sqrt(-2 * Math.log(area / x[i - 1] + f(x[i - 1]))));
  }
  x.push(0);
  return { x, f: x.map(f) };
})();

/** Standard normal numbers for one example in an epoch. */
function normals(seed, stream, epoch, example, count) {
  const generator = new Generator(seed, stream, epoch, example);
  return Float64Array.from({ length: count }, () => generator.normal());
}
