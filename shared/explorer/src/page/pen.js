// Drawings with a pen: steps (dx, dy, lifted), drawn by pointer.
"use strict";

/** An editor of drawings in this element. `onChange` gets the sequence; without it, a picture. */
class PenPad {
  constructor(model, onChange, place) {
    Object.assign(this, { model, onChange });
    this.canvas = Object.assign(document.createElement("canvas"), { className: "roll pen", width: 1200, height: 600 });
    const { canvas } = this;
    canvas.setAttribute("role", "img");
    document.getElementById(place).append(canvas);
    if (onChange) this.listen();
    else canvas.setAttribute("aria-label", "How the run beside goes on");
  }

  listen() {
    const { canvas } = this;
    canvas.id = "roll";
    canvas.setAttribute("aria-label", "Drawing: draw here with the pointer, or choose one above");
    canvas.setAttribute("aria-describedby", "editor-help");
    const begin = (event) => {
      event.preventDefault();
      // What the model drew may end within a stroke.
      this.lift();
      this.last = null;
      this.isDrawing = true;
      this.point(event);
    };
    const end = () => {
      this.isDrawing = false;
      this.lift();
      this.onChange(this.sequence, 0);
    };
    strokes(canvas, begin, (event) => this.point(event), end);
  }

  /** Lifts the pen after the last step. */
  lift() {
    const last = this.sequence[this.sequence.length - 1];
    if (last) last[2] = 1;
  }

  empty() {
    return [];
  }

  /** Adds a step to where the pointer is, if it went as far as a typical step of the data. */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top].map((value) => (value / box.width) * this.canvas.width);
    // A drawing begins where the pointer is.
    if (this.sequence.length === 0) this.view = { scale: 14, left: at[0], top: at[1] };
    const { scale, left, top } = this.view;
    const to = [(at[0] - left) / scale, (at[1] - top) / scale];
    const from = this.sequence.reduce(([x, y], step) => [x + step[0], y + step[1]], [0, 0]);
    const by = [to[0] - from[0], to[1] - from[1]];
    if (this.sequence.length === 0) by.fill(0);
    else if (this.last && Math.hypot(...by) < 1) return;
    this.sequence.push(Float64Array.from([by[0], by[1], 0]));
    this.last = to;
    this.show(this.sequence, this.sequence.length);
  }

  /** Draws a sequence, of which `given` steps are given and the rest continued. */
  show(sequence = this.sequence, given = this.given) {
    Object.assign(this, { sequence, given });
    const { canvas } = this;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    context.fillStyle = colour("--roll");
    context.fillRect(0, 0, canvas.width, canvas.height);
    const points = [[0, 0]];
    for (const [dx, dy] of sequence) {
      const [x, y] = points[points.length - 1];
      points.push([x + dx, y + dy]);
    }
    const of = (axis, f) => points.reduce((found, point) => f(found, point[axis]), 0);
    const [low, high] = [[of(0, Math.min), of(1, Math.min)], [of(0, Math.max), of(1, Math.max)]];
    const scale = Math.min(40, 0.9 * canvas.width / (high[0] - low[0] || 1), 0.9 * canvas.height / (high[1] - low[1] || 1));
    const middle = [0, 1].map((axis) => (low[axis] + high[axis]) / 2);
    const fitted = { scale, left: canvas.width / 2 - scale * middle[0], top: canvas.height / 2 - scale * middle[1] };
    // The view stays while a line is drawn, whoever asks.
    if (!this.isDrawing) this.view = fitted;
    const { left, top } = this.view;
    const placed = points.map(([x, y]) => [left + this.view.scale * x, top + this.view.scale * y]);
    context.lineWidth = 4;
    context.lineCap = "round";
    let isLifted = true;
    sequence.forEach((step, i) => {
      const isEnd = step[2] > 0.5 || i === sequence.length - 1;
      if (!isLifted || isEnd) {
        context.strokeStyle = colour(i < given ? "--given" : "--drawn");
        context.beginPath();
        context.moveTo(...placed[isLifted ? i + 1 : i]);
        // A stroke of one point is a line to its own start, which is a dot.
        context.lineTo(placed[i + 1][0] + 0.01, placed[i + 1][1]);
        context.stroke();
      }
      isLifted = step[2] > 0.5;
    });
  }
}
