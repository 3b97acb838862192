// Between two images: through their codes, and through their pixels.
"use strict";

class Between {
  /** `models` are one or two; `start` and `end` are images. */
  constructor(models, start, end, currentImage) {
    Object.assign(this, { models, ends: [start, end], currentImage });
    const panel = document.getElementById("between");
    const make = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
    const { shape } = models[0];
    const row = make("div", "ends");
    const figure = (caption, label) => {
      const canvas = canvasFor(shape, label);
      const whole = make("figure");
      whole.append(make("figcaption", "", caption), canvas);
      row.append(whole);
      return { canvas, whole };
    };
    const [first, last] = ["First image", "Last image"].map((name, i) => {
      const { canvas, whole } = figure(name, name);
      const button = make("button", "", "take the image above");
      button.type = "button";
      button.setAttribute("aria-label", `${name}: take the current image`);
      button.style.marginTop = "0.4rem";
      button.addEventListener("click", () => {
        this.ends[i] = this.currentImage();
        this.show();
      });
      whole.append(button);
      return canvas;
    });
    this.canvases = [first, last];
    const names = models.length > 1 ? models.map((model) => model.name) : ["through the codes"];
    this.coded = names.map((name) => figure(name, `Between the images, ${name}`).canvas);
    this.mixed = figure("through the pixels", "Between the images, through the pixels").canvas;
    const label = make("label", "blend");
    this.slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.01, value: 0.5 });
    this.slider.setAttribute("aria-label", "From the first image to the last");
    this.slider.addEventListener("input", () => this.show());
    label.append("first", this.slider, "last");
    panel.append(label, row);
  }

  show() {
    const t = Number(this.slider.value);
    const blend = (a, b) => Float64Array.from(a, (a, i) => (1 - t) * a + t * b[i]);
    const images = this.ends.map((end) => greys(end.levels));
    this.models.forEach((model, i) => {
      // A condition is blended as the code is, so that both ends are reconstructions.
      const conditions = this.ends.map((end, j) => model.condition(images[j], end.label ?? 0));
      const codes = images.map((image, j) => model.encode(image, conditions[j]).mean);
      paint(this.coded[i], model.decode(blend(...codes), blend(...conditions)), model.shape);
    });
    const { shape } = this.models[0];
    paint(this.mixed, blend(...images), shape);
    this.canvases.forEach((canvas, i) => paint(canvas, images[i], shape));
    this.slider.setAttribute("aria-valuetext", `${Math.round(100 * t)} percent`);
  }
}
