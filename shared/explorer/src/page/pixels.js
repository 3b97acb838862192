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

/** Luma (ITU-R BT.709) of three levels, which of three equal whole numbers is that number. */
const luma = (red, green, blue) => (2126 * red + 7152 * green + 722 * blue) / 10000;

/** Mean level of the border of a grey image. */
function borderLevel(levels, { height, width }) {
  const border = levels.filter((_, at) => {
    const [row, column] = [Math.floor(at / width), at % width];
    return row === 0 || column === 0 || row === height - 1 || column === width - 1;
  });
  return border.reduce((sum, level) => sum + level, 0) / border.length;
}

/** The part of a line of `length` pixels that each of `size` covers, {start, weights}: weighted by distance, as `Triangle` of
 * the program's image library. */
function triangles(length, size) {
  const ratio = length / size;
  const reach = Math.max(1, ratio);
  return Array.from({ length: size }, (_, i) => {
    const middle = (i + 0.5) * ratio;
    const start = Math.max(0, Math.floor(middle - reach));
    const end = Math.min(length, Math.ceil(middle + reach));
    const weights = Array.from({ length: end - start }, (_, j) => Math.max(0, 1 - Math.abs(start + j + 0.5 - middle) / reach));
    const total = weights.reduce((a, b) => a + b, 0);
    return { start, weights: weights.map((weight) => weight / total) };
  });
}

/** Levels of a picture as the program reads it, `[height * width * channels]`: the largest part around the middle that has the
 * proportions of an image, scaled (shared/data/src/own/picture.rs). */
function levelsOfPicture(picture, { height, width, channels }) {
  const isWide = picture.width * height > picture.height * width;
  const w = isWide ? Math.max(1, Math.floor((picture.height * width) / height)) : picture.width;
  const h = isWide ? picture.height : Math.max(1, Math.floor((picture.width * height) / width));
  const [left, top] = [Math.floor((picture.width - w) / 2), Math.floor((picture.height - h) / 2)];
  const canvas = document.createElement("canvas");
  const columns = triangles(w, width);
  const levels = triangles(h, height).flatMap(({ start, weights }) => {
    // Only what a row of the image covers: no phone has a canvas for all of a large photograph.
    Object.assign(canvas, { width: w, height: weights.length });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    // Transparent parts are white, as in the program.
    context.fillStyle = "white";
    context.fillRect(0, 0, w, weights.length);
    context.drawImage(picture, left, top + start, w, weights.length, 0, 0, w, weights.length);
    const { data } = context.getImageData(0, 0, w, weights.length);
    const row = new Float64Array(w * channels);
    weights.forEach((weight, y) => {
      for (let x = 0; x < w; x++) {
        const at = 4 * (y * w + x);
        if (channels === 1) row[x] += weight * Math.floor(luma(data[at], data[at + 1], data[at + 2]));
        else for (let channel = 0; channel < channels; channel++) row[x * channels + channel] += weight * data[at + channel];
      }
    });
    return columns.flatMap(({ start, weights }) =>
      Array.from({ length: channels }, (_, channel) =>
        Math.round(weights.reduce((sum, weight, j) => sum + weight * row[(start + j) * channels + channel], 0)),
      ),
    );
  });
  return Uint8Array.from(levels);
}

/** Levels 0 to 255 of a drawing, `[height * width * channels]`, averaged over the area of each pixel. */
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
      if (channels === 1) levels[at] = luma(...mean);
      else for (let channel = 0; channel < channels; channel++) levels[at + channel] = mean[channel];
    });
  });
  return Uint8Array.from(levels, Math.round);
}
