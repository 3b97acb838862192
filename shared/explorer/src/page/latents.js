// One slider for each latent, the most informative first, over the width of its posterior.
"use strict";

/** Sliders shown at first, and added at a time. */
const SHOWN = 10;
/** Images along the chosen latent. */
const STEPS = 10;

class Latents {
  /** `onCode` is called with the place of a latent and its new value. */
  constructor(model, onCode) {
    Object.assign(this, { model, onCode, rows: [] });
    this.list = document.getElementById("latents");
    this.more = document.getElementById("more");
    this.more.addEventListener("click", () => this.extend());
    const { latents, network } = model.content;
    const hasWidth = network.encoder.log_var !== null;
    const order = latents[0]?.nats !== null ? "mean KL, in nats" : "how much one standard deviation changes the picture";
    document.getElementById("latents-hint").textContent =
      `${latents.length} latents, sorted by ${order}. Grey: where codes of the data lie, two standard deviations either way.` +
      (hasWidth ? " Coloured: the posterior of the image, likewise." : " The code of an image is a point.") +
      (latents.some((latent) => latent.follows) ? " Named after the factor each latent follows most, with its share." : "");
    this.chosen = latents[0];
    this.strip = Array.from({ length: STEPS }, (_, step) => {
      const thumb = thumbnail(model.shape, "", () => this.onCode(this.chosen.latent, this.valueAt(step)));
      document.getElementById("traversal").append(thumb.button);
      return thumb;
    });
    this.extend();
  }

  extend() {
    const { latents } = this.model.content;
    const start = this.rows.length;
    latents.slice(start, start + SHOWN).forEach((latent) => this.rows.push(this.row(latent)));
    this.more.hidden = this.rows.length >= latents.length;
    if (this.code) this.show(this.code, this.posterior);
  }

  row(latent) {
    const row = element("div", "", { className: "latent" });
    const id = `latent-${latent.latent}`;
    const label = element("label", `z${latent.latent}${latent.follows ? `: ${latent.follows}` : ""}`, { htmlFor: id });
    const facts = latent.nats !== null ? `${latent.nats.toFixed(2)} nats` : `change ${latent.change.toFixed(2)}`;
    label.append(element("small", facts));
    const slider = element("div", "", { className: "slider" });
    const [wide, band] = ["wide", "band"].map((className) => element("i", "", { className }));
    const input = element("input", "", { type: "range", id, min: latent.low, max: latent.high, step: "any" });
    const step = (latent.high - latent.low) / 100;
    input.addEventListener("input", () => this.onCode(latent.latent, Number(input.value)));
    // `step="any"` moves by whole numbers in some browsers.
    input.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
      if (!(event.key in moves)) return;
      event.preventDefault();
      const value = Number(input.value) + moves[event.key] * step;
      this.onCode(latent.latent, Math.min(latent.high, Math.max(latent.low, value)));
    });
    input.addEventListener("focus", () => this.choose(latent));
    input.addEventListener("pointerdown", () => this.choose(latent));
    slider.append(wide, band, input);
    const output = element("output", "", { htmlFor: id });
    row.append(label, slider, output);
    this.list.append(row);
    this.place(wide, latent, latent.mean, latent.deviation);
    return { latent, input, output, band };
  }

  /** Puts a bar around `mean`, two deviations either way, within the slider. */
  place(bar, { low, high }, mean, deviation) {
    const at = (value) => Math.min(1, Math.max(0, (value - low) / (high - low)));
    const [from, to] = [at(mean - 2 * deviation), at(mean + 2 * deviation)];
    bar.style.setProperty("--from", from);
    bar.style.setProperty("--over", to - from);
  }

  /** Shows a code, and the posterior of the image if it has one. */
  show(code, posterior) {
    Object.assign(this, { code, posterior });
    for (const { latent, input, output, band } of this.rows) {
      const value = code[latent.latent];
      if (document.activeElement !== input || Math.abs(Number(input.value) - value) > 1e-9) input.value = value;
      output.textContent = value.toFixed(2);
      input.setAttribute("aria-valuetext", value.toFixed(2));
      band.hidden = !posterior?.logVar;
      if (!posterior?.logVar) continue;
      const { mean, logVar } = posterior;
      this.place(band, latent, mean[latent.latent], Math.exp(0.5 * logVar[latent.latent]));
    }
  }

  choose(latent) {
    this.chosen = latent;
    this.onChoose?.();
  }

  valueAt(step) {
    const { low, high } = this.chosen;
    return low + ((step + 0.5) / STEPS) * (high - low);
  }

  /** Draws the images along the chosen latent, around this code. */
  showTraversal(code, condition) {
    const { latent, follows } = this.chosen;
    document.getElementById("along").textContent = `Along z${latent}${follows ? `: ${follows}` : ""}`;
    this.strip.forEach(({ button, canvas }, step) => {
      const moved = Float64Array.from(code);
      moved[latent] = this.valueAt(step);
      paint(canvas, this.model.decode(moved, condition), this.model.shape);
      button.setAttribute("aria-label", `z${latent} = ${moved[latent].toFixed(2)}`);
      button.title = `z${latent} = ${moved[latent].toFixed(2)}`;
    });
  }
}
