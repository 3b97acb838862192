// The map: codes of images in the plane, coloured by class; the point under the pointer is decoded.
"use strict";

/** Of a class without one. */
const GREY = "#8c9196";
/** Classes in the legend, at most. */
const LEGEND = 30;
const ACROSS = 800;
const UP = 600;

class CodeMap {
  /** `onCode` gets the code under the pointer, `current` returns the one that is shown; `isOneOfTwo` if another model
   * is beside this one. */
  constructor(model, onCode, current, isOneOfTwo) {
    const { map, classes, latents } = model.content;
    Object.assign(this, { model, onCode, current, isOneOfTwo, map, latents: latents.map((latent) => latent.latent) });
    this.labels = numbersAt(model.bytes, map.labels);
    this.codes = map.codes && numbersAt(model.bytes, map.codes);
    if (map.components) {
      const { centre, axes, points } = map.components;
      this.components = [centre, axes, points].map((entry) => numbersAt(model.bytes, entry));
    }
    this.canvas = document.getElementById("map");
    Object.assign(this.canvas, { width: ACROSS, height: UP });
    this.points = document.createElement("canvas");
    Object.assign(this.points, { width: ACROSS, height: UP });
    this.colourOf = new Map(classes.map((known) => [known.class, known.colour ?? GREY]));
    this.fillAxes();
    this.fillLegend(classes);
    this.listen();
    this.choose();
  }

  fillAxes() {
    const [across, up] = ["across", "up"].map((id) => document.getElementById(id));
    Object.assign(this, { across, up, keep: document.getElementById("keep") });
    const option = (select, value, text) => select.add(new Option(text, value));
    if (this.components) option(across, "components", "principal components");
    if (this.codes) {
      for (const latent of this.latents) {
        option(across, latent, `z${latent}`);
        option(up, latent, `z${latent}`);
      }
      if (!this.components && this.latents.length > 1) {
        [across.value, up.value] = [0, 1];
      } else if (this.latents.length > 1) {
        up.selectedIndex = 1;
      }
    }
    document.getElementById("map-tools").hidden = this.latents.length < 3;
    across.addEventListener("change", () => this.choose());
    up.addEventListener("change", () => this.choose());
  }

  fillLegend(classes) {
    if (classes.length < 2) return;
    const legend = document.getElementById("legend");
    for (const known of classes.slice(0, LEGEND)) {
      const entry = document.createElement("span");
      const dot = document.createElement("i");
      dot.style.background = this.colourOf.get(known.class);
      entry.append(dot, known.name);
      legend.append(entry);
    }
    if (classes.length > LEGEND) legend.append(element("span", `and ${classes.length - LEGEND} more`));
  }

  listen() {
    const { canvas } = this;
    const move = (event) => {
      const box = canvas.getBoundingClientRect();
      this.go(
        this.range.left + ((event.clientX - box.left) / box.width) * this.range.width,
        this.range.bottom + (1 - (event.clientY - box.top) / box.height) * this.range.height,
      );
    };
    strokes(canvas, move, move);
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const step = moves[event.key];
      if (!step) return;
      event.preventDefault();
      const [x, y] = this.placeOf(this.current());
      const by = event.shiftKey ? 0.1 : 0.02;
      this.go(x + step[0] * by * this.range.width, y + step[1] * by * this.range.height);
    });
  }

  /** True if the plane is that of the principal components. */
  get isComponents() {
    return this.across.value === "components";
  }

  /** The two latents of the plane; the second is missing of a code of one. */
  get pair() {
    return [Number(this.across.value), this.latents.length > 1 ? Number(this.up.value) : -1];
  }

  /** Lays the points out on the chosen plane. */
  choose() {
    const { map, model } = this;
    const { count } = map;
    this.up.parentElement.hidden = this.isComponents;
    document.getElementById("keep-label").hidden = !this.isComponents;
    const [first, second] = this.pair;
    const width = this.latents.length;
    this.places = Array.from({ length: count }, (_, i) => {
      if (this.isComponents) return [this.components[2][2 * i], this.components[2][2 * i + 1]];
      return [this.codes[i * width + first], second < 0 ? 0 : this.codes[i * width + second]];
    });
    const range = (axis) => {
      const values = this.places.map((place) => place[axis]).sort((a, b) => a - b);
      // A few far points would press all others together.
      const [low, high] = [values[Math.floor(0.002 * count)], values[Math.ceil(0.998 * count) - 1]];
      const margin = 0.08 * (high - low) || 1;
      return [low - margin, high - low + 2 * margin];
    };
    const [[left, w], [bottom, h]] = [range(0), range(1)];
    this.range = { left, width: w, bottom, height: h };
    document.getElementById("map-hint").textContent =
      `Codes of ${count} images (${model.content.gallery.name})` +
      (this.isComponents ? " in the plane of their first two principal components" : "") +
      `. Click or drag: ${this.isOneOfTwo ? `${model.name} decodes the point` : "the point is decoded"}.`;
    this.drawPoints();
    this.show();
  }

  /** Place on the canvas. */
  onCanvas([x, y]) {
    const { left, width, bottom, height } = this.range;
    return [((x - left) / width) * ACROSS, (1 - (y - bottom) / height) * UP];
  }

  drawPoints() {
    const context = this.points.getContext("2d");
    context.clearRect(0, 0, ACROSS, UP);
    context.globalAlpha = 0.75;
    this.places.forEach((place, i) => {
      const [x, y] = this.onCanvas(place);
      context.fillStyle = this.colourOf.get(this.labels[i]) ?? GREY;
      context.beginPath();
      context.arc(x, y, 3.4, 0, 2 * Math.PI);
      context.fill();
    });
  }

  /** Where a code is on the plane. */
  placeOf(code) {
    if (!this.isComponents) {
      const [first, second] = this.pair;
      return [code[first], second < 0 ? 0 : code[second]];
    }
    const [centre, axes] = this.components;
    const along = (axis) => code.reduce((sum, z, i) => sum + (z - centre[i]) * axes[axis * code.length + i], 0);
    return [along(0), along(1)];
  }

  /** Decodes a place of the plane. */
  go(x, y) {
    const code = Float64Array.from(this.current());
    if (this.isComponents) {
      const [centre, axes] = this.components;
      const [a, b] = this.keep.checked ? this.placeOf(code) : [0, 0];
      for (let i = 0; i < code.length; i++) {
        const start = this.keep.checked ? code[i] : centre[i];
        code[i] = start + (x - a) * axes[i] + (y - b) * axes[code.length + i];
      }
    } else {
      const [first, second] = this.pair;
      code[first] = x;
      if (second >= 0) code[second] = y;
    }
    this.onCode(code);
  }

  /** Marks the current code. */
  show() {
    const code = this.current();
    if (!code) return;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, ACROSS, UP);
    context.drawImage(this.points, 0, 0);
    const place = this.placeOf(code);
    const [x, y] = this.onCanvas(place);
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineWidth = 1;
    context.globalAlpha = 0.6;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, UP);
    context.moveTo(0, y);
    context.lineTo(ACROSS, y);
    context.stroke();
    context.globalAlpha = 1;
    context.lineWidth = 4;
    context.beginPath();
    context.arc(x, y, 11, 0, 2 * Math.PI);
    context.stroke();
    const [first, second] = this.isComponents ? ["first component", "second"] : this.pair.map((latent) => `z${latent}`);
    // As many digits as a step by key changes.
    const rounded = (value, extent) => value.toFixed(Math.min(8, Math.max(2, Math.ceil(-Math.log10(0.02 * extent)))));
    document.getElementById("map-place").textContent =
      `${first} ${rounded(place[0], this.range.width)}` +
      (this.latents.length > 1 ? `, ${second} ${rounded(place[1], this.range.height)}` : "");
  }
}
