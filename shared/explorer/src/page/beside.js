// The run beside: the same steps are given to it, and it goes on with the same seed and temperature.
"use strict";

class Beside {
  constructor(page, model) {
    Object.assign(this, { page, model });
    this.score = new Score(model, "beside-");
    byId("beside").hidden = false;
    byId("beside-title").textContent = model.content.title;
    const isText = page.kind === "symbols";
    byId("beside-hint").textContent = isText
      ? "Its score of the same text, and how it goes on, with the same seed and temperature."
      : "How it goes on from the steps that are given, with the same seed and temperature; below, its score of the sequence above, on the same scale.";
    if (!isText) this.view = new EDITORS[page.kind](model, null, "beside-editor");
    byId("beside-next-title").hidden = !page.hasNext;
    if (page.kind !== "chords") return;
    const draw = (step) => this.view.show(this.sequence, page.given, step);
    page.playable("beside-play", () => this.sequence, draw);
  }

  /** Shows the score, its bars on the scale of `range`, the least and the most nats, and how the model goes on. */
  show(range) {
    const { page } = this;
    const { sequence, given } = page;
    this.score.show(given, range);
    const prefix = sequence.slice(0, given);
    if (page.hasNext) this.score.showNext(prefix, page);
    if (!this.view) return;
    const isDrawn = given < sequence.length;
    this.sequence = isDrawn ? this.model.continued(prefix, sequence.length, page.temperature, page.seed.value, 0) : sequence;
    this.view.show(this.sequence, given);
  }

  /** Lines that go on from a beginning. */
  goOn(prefix) {
    this.lines = this.page.linesOf(this.model, prefix);
    refill(byId("beside-others"), [this.page.listed(this.lines)]);
  }
}
