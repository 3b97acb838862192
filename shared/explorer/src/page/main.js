// The page: one image and one code for each model; whatever changes them, everything follows.
"use strict";

/** Milliseconds of rest after which the strips of small images are drawn again. */
const REST = 90;
/** And after which the numbers are read out. */
const SPOKEN = 900;

class Page {
  constructor(models) {
    this.models = models;
    const [first] = models;
    this.first = first;
    // The classes are those of the first model conditional on one.
    this.classed = models.find((model) => model.takesClass);
    this.codes = models.map(() => null);
    this.posteriors = models.map(() => null);
    this.classes = { encoded: null, decoded: null };
    this.describe();
    this.canvases = this.fillDecoded();
    this.pad = new Pad(first, (image) => this.setImage(image));
    this.latents = new Latents(first, (latent, value) => this.setLatent(latent, value));
    this.latents.onChoose = () => this.request();
    this.map = new CodeMap(first, (code) => this.setCode(code), () => this.codes[0], models.length > 1);
    this.samples = new Samples(first, (label, epsOf) => this.setSample(label, epsOf));
    this.fillClasses();
    this.between = new Between(models, this.pad.images[this.startOf(2)], this.pad.images[this.startOf(7)], () => this.image);
    const on = (id, f) => document.getElementById(id).addEventListener("click", f);
    on("to-image", () => this.setImage(this.image));
    const hasPrior = first.priorKind !== "none";
    document.getElementById("to-centre").textContent = hasPrior ? "Centre of the prior" : "Mean of all codes";
    on("to-centre", () => this.setSample(null, (width) => new Float64Array(width)));
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", () => this.map.show());
    this.pad.choose(this.startOf(Math.min(3, first.content.classes.length - 1)));
    this.between.show();
  }

  /** The first image of a class by its place among the classes, or image `place`. */
  startOf(place) {
    const { labels } = this.first.content.gallery;
    const known = this.first.content.classes[place];
    const found = labels.findIndex((label) => label === known?.class);
    return found >= 0 ? found : Math.min(place, labels.length - 1);
  }

  describe() {
    const text = (id, value) => (document.getElementById(id).textContent = value);
    const { content } = this.first;
    text("title", this.models.map((model) => model.content.title).join("  |  "));
    text("about", content.about);
    const isAlone = this.models.length === 1;
    const facts = this.models.map(({ name, content: { parameters, precision } }) => {
      const { bits, image, compared } = precision;
      const off = `pixels off by ${atMost(image, (x) => x.toPrecision(1))} on ${counted(compared, "image")}`;
      const rounding = bits === 32 ? "single precision" : `weights in half precision: ${off}`;
      return `${isAlone ? "" : `${name}: `}${parameters.toLocaleString("en")} parameters, ${rounding}`;
    });
    text("facts", facts.join("\n"));
    const box = document.getElementById("network");
    for (const model of this.models) box.append(...describeNetwork(model));
  }

  /** A canvas for each model's decoded image. */
  fillDecoded() {
    const box = document.getElementById("decoded");
    const isAlone = this.models.length === 1;
    document.body.classList.toggle("beside", !isAlone);
    return this.models.map(({ shape, name }) => {
      const figure = box.appendChild(document.createElement("figure"));
      const caption = figure.appendChild(document.createElement("figcaption"));
      caption.textContent = isAlone ? "Decoded" : name;
      return figure.appendChild(canvasFor(shape, `Decoded image: ${name}`));
    });
  }

  fillClasses() {
    const { classed } = this;
    if (!classed) return;
    document.getElementById("class-panel").hidden = false;
    if (this.models.length > 1) document.getElementById("class-hint").append(` Decoded by ${classed.name}.`);
    const select = document.getElementById("encoded-as");
    const box = document.getElementById("classes");
    this.classThumbs = classed.classes.map((known) => {
      select.add(new Option(known.name, known.class));
      const thumb = thumbnail(classed.shape, `Class ${known.name}`, () => this.setClass(known.class));
      thumb.button.setAttribute("role", "radio");
      thumb.button.append(known.name);
      box.append(thumb.button);
      return { ...thumb, known };
    });
    select.addEventListener("change", () => {
      this.image = { ...this.image, label: Number(select.value) };
      this.setImage(this.image);
    });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const all = this.classThumbs;
      const at = all.findIndex(({ known }) => known.class === this.classes.decoded);
      const next = all[(at + step + all.length) % all.length];
      this.setClass(next.known.class);
      next.button.focus();
    });
  }

  /** The condition that model `i` decodes under. */
  condition(i) {
    return this.models[i].condition(this.pixels ?? new Float64Array(this.first.pixels), this.classes.decoded);
  }

  /** The class of an image of these pixels: its own; that of a drawing is predicted, or else the one chosen before. */
  labelOf(pixels, label) {
    const { classed = this.first } = this;
    return classed.classOf(pixels, label ?? this.predicted(pixels) ?? this.classes.encoded ?? classed.classes[0]?.class ?? 0);
  }

  /** The class that the first model which is conditional on one, and has a classifier, finds likeliest. */
  predicted(pixels) {
    const found = this.models.find((model) => model.takesClass && model.classifier)?.likeliest(pixels);
    return this.classed?.hasClass(found) ? found : undefined;
  }

  /** Encodes an image {levels, label, key, source}. */
  setImage(image) {
    this.pixels = greys(image.levels);
    const label = this.labelOf(this.pixels, image.label);
    this.image = { ...image, label };
    this.classes = { encoded: label, decoded: label };
    this.posteriors = this.models.map((model) => model.encode(this.pixels, model.condition(this.pixels, label)));
    this.codes = this.posteriors.map(({ mean }) => Float64Array.from(mean));
    document.getElementById("encoded-as").value = label;
    document.getElementById("source").textContent = image.source;
    this.showPredicted();
    this.scores = null;
    this.request();
  }

  /** Which class each model takes the image for, as bars. */
  showPredicted() {
    const box = document.getElementById("predicted");
    const classifiers = this.models.filter((model) => model.classifier);
    box.hidden = classifiers.length === 0;
    box.replaceChildren(
      ...classifiers.flatMap((model) => {
        const shares = model.logClasses(this.pixels).map(Math.exp);
        const bars = element("ol", "", { className: "shares" });
        bars.append(
          ...Array.from(shares, (share, number) => {
            const bar = element("li", model.nameOf(number));
            bar.style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
            bar.title = `${share.toFixed(4)}`;
            return bar;
          }),
        );
        const best = shares.indexOf(Math.max(...shares));
        const whose = this.models.length > 1 ? `${model.name}: ` : "";
        return [element("p", `${whose}class ${model.nameOf(best)}, probability ${shares[best].toFixed(3)}`, { className: "numbers" }), bars];
      }),
    );
  }

  setLatent(latent, value) {
    this.codes[0][latent] = value;
    const { latents } = this.first;
    const place = latents.findIndex((known) => known.latent === latent);
    const from = latents[place];
    // The latent of the same rank in the other model moves by as many standard deviations.
    const to = this.models[1]?.latents[place];
    if (to) this.codes[1][to.latent] = to.mean + ((value - from.mean) / (from.deviation || 1)) * to.deviation;
    this.request();
  }

  setCode(code) {
    this.codes[0] = code;
    this.request();
  }

  /** A draw from the prior of each model, by the numbers that `epsOf` gives for so many latents; without a prior the mean
   * of all codes. */
  setSample(label, epsOf) {
    if (label !== null) this.classes.decoded = label;
    this.codes = this.models.map((model, i) =>
      model.priorKind === "none" ? Float64Array.from(model.meanCode) : model.samplePrior(epsOf(model.width), this.condition(i)),
    );
    this.request();
  }

  setClass(label) {
    this.classes.decoded = label;
    this.request();
  }

  /** Draws in the next frame, and what may wait after a rest. */
  request() {
    if (!this.isRequested) requestAnimationFrame(() => this.render());
    this.isRequested = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.renderRest(), REST);
    clearTimeout(this.speaker);
    this.speaker = setTimeout(() => this.speak(), SPOKEN);
  }

  /** Has read out what the numbers are, and what a classifier says; on the map, where the point is. */
  speak() {
    const isOnMap = document.activeElement === this.map.canvas;
    const lines = document.querySelectorAll(`${isOnMap ? "#map-place, " : ""}#numbers, #predicted .numbers`);
    document.getElementById("spoken").textContent = Array.from(lines, (each) => each.textContent).join("\n");
  }

  render() {
    this.isRequested = false;
    this.decoded = this.models.map((model, i) => {
      const image = model.decode(this.codes[i], this.condition(i));
      paint(this.canvases[i], image, model.shape);
      return image;
    });
    this.latents.show(this.codes[0], this.posteriors[0]);
    this.map.show();
    this.showNumbers();
    this.frames = (this.frames ?? 0) + 1;
  }

  renderRest() {
    this.latents.showTraversal(this.codes[0], this.condition(0));
    for (const { known, button, canvas } of this.classThumbs ?? []) {
      const isChosen = known.class === this.classes.decoded;
      button.setAttribute("aria-checked", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      const { classed } = this;
      const code = this.codes[this.models.indexOf(classed)];
      paint(canvas, classed.decode(code, classed.condition(this.pixels, known.class)), classed.shape);
    }
    if (this.sampled !== this.image || !this.samples.codes) {
      const needsPixels = this.first.conditionKind === "observed" || !this.samples.codes;
      if (needsPixels) this.samples.draw(this.image.levels);
      this.sampled = this.image;
    }
  }

  /** -ELBO of the image, and how far the decoded image is from it. */
  showNumbers() {
    const { levels, label, key } = this.image;
    this.scores ??= this.models.map((model) => model.hasBound && model.negativeElbo(levels, label, key));
    const lines = this.models.map((model, i) => {
      const squared = this.decoded[i].reduce((sum, value, j) => sum + (value - this.pixels[j]) ** 2, 0) / model.pixels;
      const name = this.models.length > 1 ? `${model.name}: ` : "";
      const error = `decoded picture from the image: squared error ${squared.toFixed(4)} per pixel`;
      const as = model.takesClass ? ` as class ${model.nameOf(model.classOf(this.pixels, label))}` : "";
      const score = this.scores[i];
      if (!score) return `${name}${as && `image${as}; `}${error}`;
      const { reconstruction, kl } = score;
      const total = (reconstruction + kl).toFixed(2);
      const of = model.content.scored ? ` (${model.content.scored})` : "";
      return `${name}image${as}${of}: -ELBO ${total} nats = reconstruction ${reconstruction.toFixed(2)} + KL ${kl.toFixed(2)}; ${error}`;
    });
    document.getElementById("numbers").textContent = lines.join("\n");
  }
}

/** The layers of a model's networks, for people. */
function describeNetwork({ content, hasBound }) {
  const { title, citation, network, precision, binarise } = content;
  const { encoder, decoder, prior, condition, classes } = network;
  const titles = (layers) => (layers ?? []).map((layer) => layer.title);
  const inputs = ({ inputs }) => inputs.join(" and ");
  const head = encoder.log_var ? ["mean: ", "log-variance: "] : ["", ""];
  const parts = {
    [`Encoder, of ${inputs(encoder.trunk)}`]: [
      ...titles(encoder.trunk.layers),
      ...titles(encoder.mean).map((title) => head[0] + title),
      ...titles(encoder.log_var).map((title) => head[1] + title),
    ],
    [`Decoder, of ${inputs(decoder.trunk)}; ${decoder.pixels.kind} pixels`]: [
      ...titles(decoder.trunk.layers),
      ...titles(decoder.output),
      ...titles(decoder.pixels.log_var).map((title) => `log-variance: ${title}`),
    ],
    ...(classes && { "Classifier, of image": titles(classes) }),
  };
  const nodes = [element("h3", title), element("p", citation)];
  for (const [name, lines] of Object.entries(parts)) {
    const list = document.createElement("ul");
    list.append(...lines.map((line) => element("li", line)));
    nodes.push(element("h3", name), list);
  }
  const scored = {
    none: "of the image as it is",
    threshold: "of the image in black and white, white from level 128",
    dynamic: "of the image in black and white, each pixel white with its grey level as probability",
    static: "of the image in black and white, each pixel white with its grey level as probability",
  }[binarise];
  const bound = hasBound ? `; -ELBO is ${scored}, with one draw of the code, as in score` : "";
  const [code, image] = [precision.code, precision.image].map((apart) => atMost(apart, (x) => x.toExponential(0)));
  nodes.push(
    element(
      "p",
      `Prior: ${prior.kind}. Condition: ${condition.kind}. Codes and decoded images are of the grey image, as in encode and ` +
        `reconstruct${bound}. On ${counted(precision.compared, "image")}, codes in this page differ from the program's by ` +
        `${code}, pixels by ${image}.`,
    ),
  );
  return nodes;
}

window.explorer = new Page(readModels(Model));
