// Images on canvases.
"use strict";

/** A canvas with as many pixels as an image. */
function canvasFor(shape, label) {
  const canvas = document.createElement("canvas");
  canvas.width = shape.width;
  canvas.height = shape.height;
  canvas.className = "picture";
  if (label) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
  }
  return canvas;
}

/** Draws numbers in [0, 1], a pixel's channels side by side, on a canvas of that many pixels. */
function paint(canvas, image, { channels }) {
  const context = canvas.getContext("2d");
  const data = context.createImageData(canvas.width, canvas.height);
  const count = canvas.width * canvas.height;
  for (let pixel = 0; pixel < count; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const from = channels === 1 ? pixel : pixel * channels + channel;
      data.data[4 * pixel + channel] = Math.round(255 * Math.min(1, Math.max(0, image[from])));
    }
    data.data[4 * pixel + 3] = 255;
  }
  context.putImageData(data, 0, 0);
}

/** A button with an image. */
function thumbnail(shape, label, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "thumb";
  button.setAttribute("aria-label", label);
  button.title = label;
  const canvas = canvasFor(shape);
  canvas.setAttribute("aria-hidden", "true");
  button.append(canvas);
  button.addEventListener("click", onClick);
  return { button, canvas };
}

/** Levels 0 to 255 of a picture, `[height * width * channels]`, averaged over the area of each pixel. */
function levelsOf(source, { height, width, channels }) {
  const canvas = document.createElement("canvas");
  const [w, h] = [source.width, source.height];
  canvas.width = w;
  canvas.height = h;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  const { data } = context.getImageData(0, 0, w, h);
  const levels = new Float64Array(height * width * channels);
  const of = (length, size) => Array.from({ length: size }, (_, i) => [(i * length) / size, ((i + 1) * length) / size]);
  const [rows, columns] = [of(h, height), of(w, width)];
  rows.forEach(([top, bottom], row) => {
    columns.forEach(([left, right], column) => {
      const sums = [0, 0, 0];
      let area = 0;
      for (let y = Math.floor(top); y < Math.min(h, Math.ceil(bottom)); y++) {
        const high = Math.min(bottom, y + 1) - Math.max(top, y);
        for (let x = Math.floor(left); x < Math.min(w, Math.ceil(right)); x++) {
          const share = high * (Math.min(right, x + 1) - Math.max(left, x));
          area += share;
          for (let i = 0; i < 3; i++) sums[i] += share * data[4 * (y * w + x) + i];
        }
      }
      const at = (row * width + column) * channels;
      const mean = sums.map((sum) => sum / area);
      if (channels === 1) levels[at] = 0.2126 * mean[0] + 0.7152 * mean[1] + 0.0722 * mean[2];
      else for (let channel = 0; channel < channels; channel++) levels[at + channel] = mean[channel];
    });
  });
  return Uint8Array.from(levels, Math.round);
}
