// What a model of sequences says of one: its bound, the nats of each step, and what may come next.
"use strict";

class Score {
  /** The score of this model, in the elements of the page whose names begin with `prefix`. */
  constructor(model, prefix) {
    this.model = model;
    this.place = (name) => document.getElementById(prefix + name);
    this.nats = [];
  }

  /** Computes the terms of the bound of a sequence by step. */
  measure(sequence, key) {
    const { model } = this;
    const { steps, whole } = model.terms(sequence, model.content.seed, key);
    Object.assign(this, { terms: steps, whole });
    this.nats = steps.map(({ reconstruction, kl }) => reconstruction + kl);
    this.least = this.nats.reduce((a, b) => Math.min(a, b), 0);
    this.most = this.nats.reduce((a, b) => Math.max(a, b), -Infinity);
  }

  /** The bound in words, and bars of the nats of each step, from the lowest `least` to the highest `most`. */
  show(given, [least, most]) {
    const sum = (of) => this.terms.reduce((total, terms) => total + of(terms), 0);
    const [reconstruction, kl] = [sum((t) => t.reconstruction), sum((t) => t.kl) + this.whole];
    const [steps, nats] = [this.nats.length, reconstruction + kl];
    const line = this.model.latents
      ? `-ELBO ${nats.toFixed(2)} nats = reconstruction ${reconstruction.toFixed(2)} + KL ${kl.toFixed(2)}`
      : `-log p(x) ${nats.toFixed(2)} nats`;
    this.place("numbers").textContent = steps ? `${line}; ${(nats / steps).toFixed(3)} nats a step` : "No step yet";
    const canvas = this.place("surprise");
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const width = canvas.width / Math.max(1, steps);
    // What one code for all steps costs is of none of them.
    const what = this.model.isWhole ? "Nats of each step given the code" : "Nats of each step";
    const from = this.least < 0 ? `from ${this.least.toFixed(1)} to` : "at most";
    const caption = steps ? `${what}, ${from} ${this.most.toFixed(1)}` : "";
    this.place("surprise-caption").textContent = caption;
    canvas.setAttribute("aria-label", caption);
    // Nats of a density may be negative: their bars hang from 0.
    const high = Math.max(most, 1e-9);
    const level = (nats) => ((high - nats) / (high - least)) * canvas.height;
    this.nats.forEach((nats, step) => {
      context.fillStyle = style.getPropertyValue(step < given ? "--given" : "--drawn");
      const height = level(0) - level(nats);
      context.fillRect(step * width + 1, level(nats), Math.max(1, width - 2), height);
    });
  }

  /** What may come after a beginning, the likeliest first: `page` names a place of the step, and appends one that is
   * clicked. */
  showNext(prefix, page) {
    const { model } = this;
    const expected = model.expectation(prefix, model.content.seed, DRAWS);
    const ranked = Array.from(expected.keys()).sort((a, b) => expected[b] - expected[a]);
    refill(
      this.place("next"),
      ranked.slice(0, LIKELIEST).map((place) => {
        const share = expected[place];
        const button = element("button", "", { type: "button", className: "bar", disabled: !page.canAppend(place) });
        button.style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
        button.append(element("span", page.nameOf(place)), element("span", share.toFixed(3)));
        button.addEventListener("click", () => page.append(place));
        return button;
      }),
    );
  }
}
