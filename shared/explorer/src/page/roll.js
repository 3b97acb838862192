// Chords on a piano roll, and images as their rows: a grid in which steps are drawn.
"use strict";

const NOTES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

/** An editor of sequences of 0 and 1 in this element. `onChange` gets the sequence; without it, a picture. */
class Roll {
  constructor(model, onChange, place) {
    Object.assign(this, { model, onChange });
    const { content } = model;
    this.isRoll = content.shown.kind === "chords";
    this.canvas = Object.assign(document.createElement("canvas"), { className: this.isRoll ? "roll" : "roll rows" });
    const { canvas } = this;
    document.getElementById(place).append(canvas);
    // Keys that nothing is played on only make the others small.
    const played = this.isRoll ? content.gallery.sequences.flat(2) : [];
    // Not by Math.min(...played): a call takes no hundred thousand arguments.
    const low = played.reduce((least, note) => Math.min(least, note), Infinity);
    const high = played.reduce((greatest, note) => Math.max(greatest, note), -Infinity);
    this.range = played.length ? [Math.max(0, low - 4), Math.min(model.width, high + 5)] : [0, model.width];
    [this.low, this.high] = this.range;
    this.cursor = { step: 0, place: Math.floor((this.low + this.high) / 2), isShown: false };
    if (onChange) this.listen();
    else {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", "How the run beside goes on");
    }
  }

  listen() {
    const { canvas } = this;
    Object.assign(canvas, { tabIndex: 0, id: "roll" });
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", this.isRoll ? "piano roll" : "drawing pad");
    canvas.setAttribute("aria-label", this.isRoll ? "Chords: set and remove notes here" : "Image: draw here");
    canvas.setAttribute("aria-describedby", "editor-help");
    strokes(canvas, (event) => this.press(event), (event) => this.move(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => {
      this.cursor.isShown = false;
      this.show();
    });
  }

  /** The name of a place: a note, or a pixel. */
  nameOf(place) {
    if (!this.isRoll) return `column ${place + 1}`;
    const note = this.model.content.shown.lowest + place;
    return `${NOTES[note % 12]}${Math.floor(note / 12) - 1}`;
  }

  empty() {
    const count = this.isRoll ? this.model.content.typical : this.model.content.longest;
    return Array.from({ length: count }, () => new Float64Array(this.model.width));
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const { x, y } = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    const along = this.isRoll ? x : y;
    const across = this.isRoll ? 1 - y : x;
    const clamp = (value, count) => Math.min(count - 1, Math.max(0, Math.floor(value * count)));
    return { step: clamp(along, this.sequence.length), place: this.low + clamp(across, this.high - this.low) };
  }

  press(event) {
    if (!this.sequence.length) return;
    event.preventDefault();
    this.canvas.focus();
    const { step, place } = this.at(event);
    this.level = this.sequence[step][place] > 0.5 ? 0 : 1;
    this.move(event);
  }

  move(event) {
    if (!this.sequence.length) return;
    const { step, place } = this.at(event);
    if (this.sequence[step][place] === this.level) return;
    this.sequence[step][place] = this.level;
    this.onChange(this.sequence, step);
  }

  key(event) {
    const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const { cursor } = this;
    if (!this.sequence.length) return;
    cursor.isShown = true;
    if (by) {
      const [along, across] = this.isRoll ? by : [-by[1], by[0]];
      const within = (value, least, end) => Math.min(end - 1, Math.max(least, value));
      cursor.step = within(cursor.step + along, 0, this.sequence.length);
      cursor.place = within(cursor.place + across, this.low, this.high);
    } else if (event.key === " ") {
      const x = this.sequence[cursor.step];
      x[cursor.place] = x[cursor.place] > 0.5 ? 0 : 1;
      this.onChange(this.sequence, cursor.step);
    } else return;
    event.preventDefault();
    const isOn = this.sequence[cursor.step][cursor.place] > 0.5;
    document.getElementById("spoken").textContent = `step ${cursor.step + 1}, ${this.nameOf(cursor.place)}, ${isOn ? "on" : "off"}`;
    this.show();
  }

  /** Draws a sequence, of which `given` steps are given and the rest continued; `playing` is heard. */
  show(sequence = this.sequence, given = this.given, playing = this.playing) {
    Object.assign(this, { sequence, given, playing });
    const { canvas, isRoll, cursor } = this;
    const steps = sequence.length;
    // The sequence may be shorter than the last.
    cursor.step = Math.max(0, Math.min(cursor.step, steps - 1));
    [this.low, this.high] = this.range;
    for (const x of isRoll ? sequence : []) {
      x.forEach((value, place) => {
        if (value <= 0.5) return;
        this.low = Math.min(this.low, place);
        this.high = Math.max(this.high, place + 1);
      });
    }
    const { low, high } = this;
    const width = high - low;
    const cell = isRoll ? Math.max(4, Math.floor(1200 / Math.max(1, steps))) : 14;
    const row = isRoll ? Math.max(4, Math.floor(420 / width)) : 14;
    [canvas.width, canvas.height] = isRoll ? [steps * cell, width * row] : [width * cell, steps * row];
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const fill = (name, step, place, steps = 1, places = 1) => {
      context.fillStyle = colour(name);
      if (isRoll) context.fillRect(step * cell, (high - place - places) * row, cell * steps, row * places);
      else context.fillRect(place * cell, step * row, cell * places, row * steps);
    };
    fill("--roll", 0, low, steps, width);
    if (isRoll) {
      const { lowest } = this.model.content.shown;
      for (let place = low; place < high; place++) {
        if ([1, 3, 6, 8, 10].includes((lowest + place) % 12)) fill("--black-key", 0, place, steps);
      }
    }
    if (given < steps) fill("--drawn-ground", given, low, steps - given, width);
    if (playing !== null && playing !== undefined) fill("--band", playing, low, 1, width);
    sequence.forEach((x, step) => {
      x.forEach((value, place) => {
        if (isRoll ? value <= 0.5 : value <= 0) return;
        context.globalAlpha = isRoll ? 1 : Math.min(1, value);
        fill(step < given ? "--given" : "--drawn", step, place);
        context.globalAlpha = 1;
      });
    });
    if (cursor.isShown) {
      context.strokeStyle = colour("--ink");
      context.lineWidth = 2;
      const [x, y] = isRoll ? [cursor.step * cell, (high - cursor.place - 1) * row] : [cursor.place * cell, cursor.step * row];
      context.strokeRect(x + 1, y + 1, cell - 2, row - 2);
    }
  }
}
