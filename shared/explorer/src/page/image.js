// The image: chosen, drawn by pointer or keyboard, or loaded from a file.
"use strict";

/** Share of the height that MNIST fits its digits into, around their centre of mass. */
const FITTED = 20 / 28;
/** A grey image whose border is lighter has a light ground. */
const LIGHT = 127;
/** Milliseconds after a stroke when the drawing gives way to what the model sees. */
const SETTLES = 700;

class Pad {
  /** `onImage` gets {levels, label, key, source} with each change. */
  constructor(model, onImage) {
    const { shape } = model;
    Object.assign(this, { model, shape, onImage });
    this.canvas = document.getElementById("pad");
    this.zoom = Math.max(4, Math.round(280 / Math.max(shape.height, shape.width)));
    this.raw = document.createElement("canvas");
    for (const canvas of [this.canvas, this.raw]) {
      canvas.width = shape.width * this.zoom;
      canvas.height = shape.height * this.zoom;
    }
    // Its pixels are read with each stroke.
    this.raw.getContext("2d", { willReadFrequently: true });
    this.small = canvasFor(shape);
    this.brush = document.getElementById("brush");
    this.brush.value = Math.max(1, 0.08 * shape.width);
    this.colour = document.getElementById("colour");
    document.getElementById("colour-label").hidden = shape.channels === 1;
    this.centre = document.getElementById("centre");
    // Digits are centred; so are drawings of them. A picture of anything else is taken as it is.
    this.isDigits = shape.channels === 1 && (model.content.has_digits ?? false);
    document.getElementById("centre-label").hidden = shape.channels > 1;
    this.centre.checked = this.isDigits;
    this.source = "drawn";
    this.pen = { x: this.raw.width / 2, y: this.raw.height / 2, isDown: false };
    this.listen();
    this.fillGallery();
    // Among light digits on a dark ground, dark ink on paper is inverted.
    const border = () => this.images.reduce((sum, { levels }) => sum + borderLevel(levels, shape), 0) / this.images.length;
    this.isInverting = this.isDigits && border() <= LIGHT;
  }

  listen() {
    const { canvas } = this;
    const begin = (event) => {
      this.last = this.placeOf(event);
      this.stroke(this.last);
      event.preventDefault();
      canvas.focus({ focusVisible: false });
    };
    const move = (event) => {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.stroke(this.placeOf(each));
    };
    strokes(canvas, begin, move, () => (this.last = null));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.show());
    this.erase = document.getElementById("erase");
    this.erase.addEventListener("click", () => {
      this.isErasing = !this.isErasing;
      this.erase.setAttribute("aria-pressed", String(this.isErasing));
    });
    document.getElementById("clear").addEventListener("click", () => this.clear());
    this.centre.addEventListener("change", () => this.isDrawn && this.changed());
    document.getElementById("file").addEventListener("change", (event) => {
      const file = event.target.files[0];
      if (file) this.load(file);
      event.target.value = "";
    });
  }

  /** Where an event is, in pixels of the drawing. */
  placeOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.raw.width,
      y: ((event.clientY - box.top) / box.height) * this.raw.height,
    };
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (move) {
      const inside = (value, length) => Math.min(length - 1, Math.max(0, value));
      const to = {
        x: inside(this.pen.x + move[0] * this.zoom, this.raw.width),
        y: inside(this.pen.y + move[1] * this.zoom, this.raw.height),
      };
      if (this.pen.isDown) {
        this.last = this.pen;
        this.stroke(to);
        this.last = null;
      }
      Object.assign(this.pen, to);
      this.show(true);
    } else if (event.key === " " || event.key === "Enter") {
      this.pen.isDown = !this.pen.isDown;
      if (this.pen.isDown) this.stroke(this.pen);
      this.show(true);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Draws from the last place to this one. */
  stroke(to) {
    const context = this.raw.getContext("2d");
    const from = this.last ?? to;
    const ink = this.shape.channels === 1 ? "#fff" : this.colour.value;
    context.strokeStyle = this.isErasing ? "#000" : ink;
    context.lineWidth = this.brush.value * this.zoom;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    // A line to its own start is a dot.
    context.lineTo(to.x + 0.01, to.y);
    context.stroke();
    if (this.last) this.last = to;
    this.isDrawn = true;
    if (this.isLoaded) this.source += ", drawn on";
    this.isLoaded = false;
    this.canvas.getContext("2d").drawImage(this.raw, 0, 0);
    // Many moves of a pen come within a frame: the model looks once.
    if (this.isAwaited) return;
    this.isAwaited = true;
    requestAnimationFrame(() => {
      this.isAwaited = false;
      if (this.isDrawn) this.changed(true);
    });
  }

  wipe() {
    const context = this.raw.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.raw.width, this.raw.height);
  }

  clear() {
    this.wipe();
    this.source = "drawn";
    this.isLoaded = false;
    this.isDrawn = true;
    this.pen.isDown = false;
    this.changed();
  }

  /** What the model sees of the drawing. */
  changed(isDrawing = false) {
    const source = this.centre.checked && this.isDrawn ? this.centred() : this.raw;
    this.levels = levelsOf(source, this.shape);
    this.onImage({ levels: this.levels, label: null, key: 0, source: this.source });
    this.press(null);
    clearTimeout(this.timer);
    if (isDrawing) {
      this.timer = setTimeout(() => this.show(), SETTLES);
    } else {
      this.show();
    }
  }

  /** Shows what the model sees, with the brush if it is moved by keys. */
  show(withPen = false) {
    if (!this.levels) return;
    const context = this.canvas.getContext("2d");
    paint(this.small, greys(this.levels), this.shape);
    context.imageSmoothingEnabled = false;
    context.drawImage(withPen && this.isDrawn ? this.raw : this.small, 0, 0, this.canvas.width, this.canvas.height);
    if (!withPen) return;
    context.strokeStyle = this.pen.isDown ? "#ff8c1a" : "#5cc4cb";
    context.lineWidth = 3;
    context.beginPath();
    context.arc(this.pen.x, this.pen.y, Math.max(6, (this.brush.value * this.zoom) / 2), 0, 2 * Math.PI);
    context.stroke();
  }

  /** The drawing scaled into a box and moved so that its centre of mass is in the middle. */
  centred() {
    const { width, height } = this.raw;
    const { data } = this.raw.getContext("2d").getImageData(0, 0, width, height);
    const box = { left: width, right: 0, top: height, bottom: 0 };
    let [mass, across, down] = [0, 0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const ink = data[4 * (y * width + x)];
        if (ink < 16) continue;
        mass += ink;
        across += ink * (x + 0.5);
        down += ink * (y + 0.5);
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x + 1);
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y + 1);
      }
    }
    if (!mass) return this.raw;
    const size = Math.max(box.right - box.left, box.bottom - box.top);
    const scale = (FITTED * Math.min(width, height)) / Math.max(size, width / 20);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.setTransform(scale, 0, 0, scale, width / 2 - (scale * across) / mass, height / 2 - (scale * down) / mass);
    context.drawImage(this.raw, 0, 0);
    return canvas;
  }

  /** A picture from a file as the program reads it; but ink on paper, for a model of light digits, as `drawInk` takes it. */
  async load(file) {
    // As in the program, the levels in the file, whatever its colour profile.
    const picture = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => null);
    const source = document.getElementById("source");
    if (!picture) {
      source.textContent = `${file.name} is no picture`;
      return;
    }
    const levels = levelsOfPicture(picture, this.shape);
    const isPaper = this.isInverting && borderLevel(levels, this.shape) > LIGHT;
    if (isPaper) this.drawInk(picture);
    else this.drawLevels(levels);
    this.source = isPaper ? `${file.name}, inverted` : file.name;
    this.isLoaded = true;
    // Only a light digit is centred as a drawing is.
    this.isDrawn = this.isInverting;
    this.changed();
  }

  /** Draws all of a picture of ink on paper, light on black, and as fine as a drawing: the ink is centred then. */
  drawInk(picture) {
    const { raw } = this;
    const context = raw.getContext("2d");
    this.wipe();
    const scale = Math.min(raw.width / picture.width, raw.height / picture.height);
    const [w, h] = [picture.width, picture.height].map((length) => Math.max(1, Math.round(length * scale)));
    const [left, top] = [Math.floor((raw.width - w) / 2), Math.floor((raw.height - h) / 2)];
    Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
    // Transparent parts are white, as where a picture is read from a file.
    context.fillStyle = "white";
    context.fillRect(left, top, w, h);
    context.drawImage(picture, left, top, w, h);
    const area = context.getImageData(left, top, w, h);
    const { data } = area;
    for (let at = 0; at < data.length; at += 4) {
      data.fill(255 - luma(data[at], data[at + 1], data[at + 2]), at, at + 3);
    }
    context.putImageData(area, left, top);
  }

  /** Draws an image of these levels, pixel for pixel. */
  drawLevels(levels) {
    paint(this.small, greys(levels), this.shape);
    const context = this.raw.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.small, 0, 0, this.raw.width, this.raw.height);
  }

  /** Images to choose from. */
  fillGallery() {
    const { content, bytes, shape, pixels } = this.model;
    const { gallery, classes } = content;
    const all = numbersAt(bytes, gallery.levels);
    const name = (label) => classes.find((known) => known.class === label)?.name ?? label;
    this.images = gallery.labels.map((label, i) => ({
      levels: all.slice(i * pixels, (i + 1) * pixels),
      label,
      key: gallery.keys[i],
      source: `${classes.length > 1 ? `${name(label)}, ` : ""}${gallery.name} ${gallery.titles[i]}`,
    }));
    const strip = document.getElementById("gallery");
    strip.setAttribute("aria-label", `Images: ${gallery.name}`);
    this.thumbs = this.images.map((image, i) => {
      const { button, canvas } = thumbnail(shape, image.source, () => this.choose(i));
      paint(canvas, greys(image.levels), shape);
      strip.append(button);
      return button;
    });
  }

  /** Takes image `i` of the gallery. */
  choose(i) {
    const image = this.images[i];
    this.levels = image.levels;
    this.isDrawn = this.isLoaded = false;
    this.source = "drawn";
    this.drawLevels(image.levels);
    this.press(i);
    clearTimeout(this.timer);
    this.show();
    this.onImage(image);
  }

  press(chosen) {
    this.thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(i === chosen)));
  }
}
