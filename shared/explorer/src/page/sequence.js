// The page of a model of sequences: one sequence, of which the first steps are given and the others drawn.
"use strict";

/** Milliseconds of rest after which what costs time is computed again. */
const REST = 120;
/** And after which the numbers are read out. */
const SPOKEN = 900;
/** Draws of the latent over which the next step's probabilities are averaged. */
const DRAWS = 20;
/** Of these the likeliest are shown. */
const LIKELIEST = 12;
/** Continuations of a text. */
const LINES = 6;
/** Steps, at most. */
const LONGEST = 1000;
/** Latents with a slider. */
const SLIDERS = 32;
/** Sequences from one to another. */
const BETWEEN = 7;

const byId = (id) => document.getElementById(id);

/** By the kind of a step. */
const EDITORS = { chords: Roll, rows: Roll, pen: PenPad, symbols: Line };

class SequencePage {
  /** A page of this model, and of another beside it if there is one. */
  constructor(model, other) {
    this.model = model;
    this.frames = 0;
    const { content } = model;
    this.kind = content.shown.kind;
    this.editor = new EDITORS[this.kind](model, (sequence, step) => this.edited(sequence, step), "editor");
    this.hasNext = this.kind === "chords" || this.kind === "symbols";
    this.score = new Score(model, "");
    this.tunes = [];
    if (other) this.beside = new Beside(this, other);
    this.describe();
    byId("network").append(...[model, other].filter(Boolean).flatMap((each) => this.layersOf(each)));
    this.fillGallery();
    this.fillTools();
    if (model.isWhole) this.fillCode();
    byId("next-panel").hidden = !this.hasNext;
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", () => this.showRest());
    this.choose(0);
  }

  describe() {
    const { content } = this.model;
    byId("title").textContent = content.title;
    byId("about").textContent = content.about;
    const { bits, apart, compared } = content.precision;
    const off = `numbers off by ${atMost(apart, (x) => x.toPrecision(1))} on ${counted(compared, "sequence")}`;
    byId("facts").textContent =
      `${content.parameters.toLocaleString("en")} parameters, ` +
      (bits === 32 ? "single precision" : `weights in half precision: ${off}`);
    const isText = this.kind === "symbols";
    byId("editor-help").textContent = {
      chords: "Click or drag to set and remove notes; arrow keys and space do it too.",
      rows: "Click or drag to set and remove pixels; arrow keys and space do it too.",
      pen: "Draw with a pointer: a mouse, a pen or a finger. Keys do not draw here.",
      symbols: "Type a beginning. Each symbol is the darker the more nats it costs.",
    }[this.kind];
    if (!isText) {
      for (const [name, text] of [["--given", "given"], ["--drawn", "drawn by the model"]]) {
        const mark = element("i");
        mark.style.background = `var(${name})`;
        const entry = element("span");
        entry.append(mark, text);
        byId("legend").append(entry);
      }
    }
  }

  /** The layers of a model in words. */
  layersOf({ content }) {
    const { steps, citation, latents, precision } = content;
    const titles = (layers) => (layers ?? []).map((layer) => layer.title);
    const own = steps.latents;
    const heads = (coder) => [...titles(coder.trunk.layers), ...titles(coder.mean).map((t) => `mean: ${t}`), ...titles(coder.log_var).map((t) => `log-variance: ${t}`)];
    const parts = {
      "Features of a step": titles(steps.input),
      Recurrence: [steps.recurrence.title],
      ...(own.encoder && { "Recurrence of the encoder": [own.encoder.title] }),
      ...(own.posterior && { "Posterior": heads(own.posterior) }),
      ...(own.prior && { "Prior, of the state": heads(own.prior) }),
      ...(own.features && { "Features of the latent": titles(own.features) }),
      [`Decoder; ${steps.distribution.kind} steps`]: [...titles(steps.decoder), ...titles(steps.output)],
    };
    const nodes = [element("h3", content.title), element("p", citation)];
    for (const [name, lines] of Object.entries(parts)) {
      const list = element("ul");
      list.append(...lines.map((line) => element("li", line)));
      nodes.push(element("h3", name), list);
    }
    const kind = { none: "no latents", step: `${latents} latents at each step`, whole: `${latents} latents for the whole sequence` }[own.kind];
    nodes.push(
      element(
        "p",
        `There are ${kind}. A seed draws here what it draws in the program. On ${counted(precision.compared, "sequence")}, numbers in ` +
          `this page differ from the program's by ${atMost(precision.apart, (x) => x.toExponential(0))}.`,
      ),
    );
    return nodes;
  }

  /** The name of a place of a step. */
  nameOf(place) {
    return this.kind === "symbols" ? this.editor.known.name(place) : this.editor.nameOf(place);
  }

  fillGallery() {
    const { gallery } = this.model.content;
    byId("gallery-name").textContent = `From ${gallery.name}`;
    this.titles = gallery.titles.map((title, i) =>
      this.kind === "symbols" ? this.editor.known.write(this.model.sequence(gallery.sequences[i])) : title,
    );
    this.titles.forEach((title, i) => byId("gallery").add(new Option(title, i)));
    byId("gallery").addEventListener("change", () => this.choose(Number(byId("gallery").value)));
    byId("clear").addEventListener("click", () => {
      this.stopTunes();
      this.leaveGallery();
      this.sequence = this.editor.empty();
      // What is drawn then is a beginning.
      this.setGiven(0);
      this.changed();
    });
  }

  fillTools() {
    const { content, isWhole } = this.model;
    byId("count").value = this.kind === "rows" ? content.longest : content.typical;
    byId("count").disabled = this.kind === "rows";
    this.sayGoOn();
    if (this.kind === "symbols") for (const id of ["given-label", "count-label", "keep"]) byId(id).hidden = true;
    const detail = isWhole
      ? ", for one draw of its code"
      : !this.model.latents
      ? ""
      : `, the mean over ${DRAWS} draws of its latent`;
    const end = this.kind === "symbols" ? "; ¶ is the end of the text" : "";
    byId("next-hint").textContent = `After what is given${detail}. Click one to append it${end}.`;
    byId("given").addEventListener("input", () => {
      this.given = Number(byId("given").value);
      this.changed(this.isDecoded);
    });
    const temperature = () => (byId("temperature-value").value = Number(byId("temperature").value).toFixed(2));
    byId("temperature").addEventListener("input", () => {
      temperature();
      this.goOn();
    });
    temperature();
    byId("go-on").addEventListener("click", () => this.goOn());
    this.seed = new SeedField(content.seed, () => this.goOn());
    byId("keep").addEventListener("click", () => {
      this.setGiven(this.sequence.length);
      this.changed(this.isDecoded);
    });
    if (this.kind !== "chords") return;
    byId("tempo-label").hidden = false;
    this.playable("play", () => this.sequence, (step) => {
      this.playing = step;
      this.show();
    });
  }

  /** Says from where the model goes on, or why it does not. */
  sayGoOn(reason) {
    byId("go-on-hint").textContent =
      reason ??
      (this.kind === "symbols"
        ? "The model goes on from what is typed."
        : "The model goes on from the steps that are given: with none it draws a sequence of its own.");
  }

  /** A button that plays a tune, and stops it; `onStep` gets the step that is heard, and null at the end. */
  playable(id, sequence, onStep) {
    const button = byId(id);
    button.hidden = false;
    let at = null;
    const tune = new Tune(this.model.content.shown.lowest, (step) => {
      at = step;
      button.textContent = step === null ? "Play" : "Stop";
      onStep(step);
    });
    const play = (from) => tune.play(sequence(), Number(byId("tempo").value), from);
    this.tunes.push(tune);
    button.addEventListener("click", () => {
      const isStop = tune.isPlaying;
      // One at a time.
      this.stopTunes();
      if (!isStop) play(0);
    });
    byId("tempo").addEventListener("input", () => tune.isPlaying && play(at ?? 0));
  }

  /** What is heard is what is shown, or nothing. */
  stopTunes() {
    this.tunes.forEach((each) => each.stop());
  }

  get temperature() {
    return Number(byId("temperature").value);
  }

  setGiven(given) {
    // What comes after a text comes before its end.
    const end = this.kind === "symbols" ? this.sequence.findIndex((x) => x[0] === 1) : -1;
    this.given = end < 0 ? given : Math.min(given, end);
    const slider = byId("given");
    slider.max = this.sequence.length;
    slider.value = this.given;
  }

  /** Takes a sequence of the gallery, all of it given. */
  choose(i) {
    const { gallery } = this.model.content;
    this.stopTunes();
    this.source = { key: gallery.keys[i] };
    this.sequence = this.model.sequence(gallery.sequences[i]);
    if (this.kind !== "rows") byId("count").value = this.sequence.length;
    this.setGiven(this.kind === "symbols" ? Math.floor(this.sequence.length / 2) : this.sequence.length);
    this.changed();
  }

  /** What comes is no sequence of the gallery, which can be chosen again. */
  leaveGallery() {
    this.source = { key: 0 };
    byId("gallery").selectedIndex = -1;
  }

  /** A sequence that was drawn or typed; what was changed is given. */
  edited(sequence, step) {
    this.stopTunes();
    this.leaveGallery();
    this.sequence = sequence;
    const isFree = this.kind === "symbols" || this.kind === "pen";
    this.setGiven(isFree ? sequence.length : Math.max(this.given, step + 1));
    this.changed();
  }

  /** Draws what comes after the given steps. */
  goOn() {
    const prefix = this.sequence.slice(0, this.given);
    if (this.kind === "symbols") {
      this.lines = this.linesOf(this.model, prefix);
      refill(byId("others"), [this.listed(this.lines)]);
      this.beside?.goOn(prefix);
      return;
    }
    const asked = Math.max(1, Math.round(Number(byId("count").value)) || 1);
    let count = Math.min(LONGEST, asked);
    // As much again as most sequences have.
    if (this.kind !== "rows" && count <= this.given) count = Math.min(LONGEST, this.given + this.model.content.typical);
    byId("count").value = count;
    if (count <= this.given) {
      // Nothing that is given is cut.
      this.sayGoOn(
        this.kind === "rows"
          ? "All rows are given: move Given to where the model should go on."
          : `${this.given} steps are given, and a page draws at most ${LONGEST}.`,
      );
      return;
    }
    this.sayGoOn(asked > LONGEST ? `${asked} steps were asked for, and a page draws at most ${LONGEST}.` : null);
    this.stopTunes();
    this.sequence = this.model.continued(prefix, count, this.temperature, this.seed.value, 0);
    byId("given").max = this.sequence.length;
    this.changed();
  }

  /** How a model of texts goes on from a beginning. */
  linesOf(model, prefix) {
    const { longest, typical } = model.content;
    const count = prefix.length < longest ? longest : prefix.length + typical;
    return Array.from({ length: LINES }, (_, key) => model.continued(prefix, count, this.temperature, this.seed.value, key));
  }

  /** Lines as a list; one that is clicked is taken. */
  listed(lines) {
    const list = element("ol", "", { className: "between" });
    list.append(
      ...lines.map((line) => {
        const text = this.editor.known.write(line);
        const button = element("button", text.trim() ? text : "(blank)", { type: "button" });
        button.addEventListener("click", () => {
          this.editor.field.value = text;
          this.editor.field.dispatchEvent(new Event("input"));
        });
        const item = element("li");
        item.append(button);
        return item;
      }),
    );
    return list;
  }

  /** Shows the sequence at once, and after a rest what follows from it; `isDecoded` if it is that of the sliders. */
  changed(isDecoded = false) {
    this.isDecoded = isDecoded;
    this.score.nats = [];
    byId("left-out").textContent = "";
    this.show();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showRest(), REST);
    clearTimeout(this.speaker);
    this.speaker = setTimeout(() => this.speak(), SPOKEN);
  }

  /** Has read out what the numbers are. */
  speak() {
    const beside = this.beside ? `\nThe run beside: ${byId("beside-numbers").textContent}` : "";
    byId("spoken").textContent = byId("numbers").textContent + beside;
  }

  show() {
    byId("given-value").value = `${this.given} of ${this.sequence.length}`;
    this.editor.show(this.sequence, this.given, this.playing, this.score.nats);
    this.frames++;
  }

  showRest() {
    const { model, sequence, score, beside } = this;
    const { key } = this.source;
    score.measure(sequence, key);
    beside?.score.measure(sequence, key);
    const other = beside?.score ?? score;
    const range = [Math.min(score.least, other.least), Math.max(score.most, other.most)];
    this.editor.show(sequence, this.given, this.playing, score.nats);
    score.show(this.given, range);
    if (this.hasNext) score.showNext(sequence.slice(0, this.given), this);
    beside?.show(range);
    if (model.isWhole && !this.isDecoded) this.showCode();
    if (this.kind === "symbols") this.goOn();
  }

  /** True if this place of the next step can be set: nothing follows the end of a text. */
  canAppend(place) {
    return this.kind !== "symbols" || place !== 0;
  }

  /** Sets a place of the next step; a symbol makes it. */
  append(place) {
    if (this.kind === "symbols") {
      this.sequence = [...this.sequence.slice(0, this.given), this.model.read([place])];
      this.leaveGallery();
      this.setGiven(this.sequence.length);
      this.editor.field.value = this.editor.known.write(this.sequence);
      this.changed();
      return;
    }
    if (this.given >= this.sequence.length) this.sequence.push(new Float64Array(this.model.width));
    const step = this.given;
    this.sequence[step][place] = 1;
    this.edited(this.sequence, step);
  }

  /** Sliders of the code of a whole sequence. */
  fillCode() {
    byId("code-panel").hidden = false;
    const { model } = this;
    this.titles.forEach((title, i) => byId("towards").add(new Option(title, i)));
    byId("towards").value = Math.min(1, this.titles.length - 1);
    byId("towards").addEventListener("change", () => this.showOther());
    byId("share").addEventListener("input", () => {
      const share = Number(byId("share").value);
      this.setCode(this.own.map((z, j) => (1 - share) * z + share * this.other[j]));
    });
    byId("to-own").addEventListener("click", () => this.setCode(Float64Array.from(this.own)));
    this.sliders = Array.from({ length: Math.min(SLIDERS, model.latents) }, (_, latent) => {
      const row = element("div", "", { className: "latent" });
      const label = element("label", `z${latent}`, { htmlFor: `z${latent}` });
      const input = element("input", "", { type: "range", id: `z${latent}`, min: -3.5, max: 3.5, step: 0.02 });
      const value = element("output");
      input.addEventListener("input", () => {
        this.code[latent] = Number(input.value);
        this.setCode(this.code);
      });
      row.append(label, input, value);
      byId("code").append(row);
      return { input, value };
    });
    if (model.latents > SLIDERS) byId("code").append(element("p", `The first ${SLIDERS} of ${model.latents} latents.`, { className: "hint" }));
  }

  /** The code of the sequence that is shown; of no steps there is none. */
  showCode() {
    const isEmpty = this.sequence.length === 0;
    this.own = isEmpty ? null : this.model.encode(this.sequence).mean;
    for (const id of ["share", "to-own"]) byId(id).disabled = isEmpty;
    byId("share").value = 0;
    if (!isEmpty) {
      this.code = Float64Array.from(this.own);
      this.moveSliders();
    }
    this.showOther();
  }

  /** The code of the other sequence, and the texts on the way there. */
  showOther() {
    const { model, own } = this;
    const { gallery } = model.content;
    this.other = model.encode(model.sequence(gallery.sequences[Number(byId("towards").value)])).mean;
    if (this.kind !== "symbols") return;
    const shares = own ? Array.from({ length: BETWEEN }, (_, i) => i / (BETWEEN - 1)) : [];
    byId("between").replaceChildren(
      ...shares.map((share) => {
        const z = own.map((z, j) => (1 - share) * z + share * this.other[j]);
        return element("li", this.editor.known.write(model.decode(z, model.content.longest)));
      }),
    );
  }

  moveSliders() {
    this.sliders.forEach(({ input, value }, latent) => {
      input.value = this.code[latent];
      value.value = this.code[latent].toFixed(2);
    });
  }

  /** Shows what a code decodes to. */
  setCode(z) {
    const { model } = this;
    this.stopTunes();
    this.code = Float64Array.from(z);
    this.moveSliders();
    const count = this.kind === "symbols" ? model.content.longest : this.sequence.length || model.content.typical;
    let decoded = model.decode(this.code, count);
    if (this.kind === "symbols") {
      const end = decoded.findIndex((x) => x[0] === 1);
      if (end >= 0) decoded = decoded.slice(0, end);
    }
    this.sequence = decoded;
    this.leaveGallery();
    this.setGiven(this.kind === "symbols" ? decoded.length : 0);
    this.changed(true);
  }
}

window.explorer = new SequencePage(...readModels(StepModel));
