// Samples from the prior: those that `sample --seed` draws.
"use strict";

const SAMPLES = 20;

class Samples {
  /** `onCode` gets the class of a sample that is clicked, and a function that gives its normal numbers for so many
   * latents. */
  constructor(model, onCode) {
    Object.assign(this, { model, onCode });
    const hint = document.getElementById("samples-hint");
    if (model.priorKind === "none") {
      hint.textContent = "This model has no prior: there is no distribution to draw codes from.";
      document.getElementById("samples-tools").hidden = true;
      document.getElementById("samples").hidden = true;
      return;
    }
    hint.textContent =
      model.conditionKind === "observed"
        ? "Completions of the image: the pixels it shows are kept."
        : `The first ${SAMPLES} of: ${model.content.paper} sample --seed. Click one to go on from there.`;
    this.thumbs = Array.from({ length: SAMPLES }, (_, i) => {
      const thumb = thumbnail(model.shape, `Sample ${i + 1}`, () => this.onCode(this.classOf(i), (width) => this.epsOf(i, width)));
      document.getElementById("samples").append(thumb.button);
      return thumb;
    });
    this.seed = new SeedField(model.content.seed, () => this.draw());
  }

  /** The classes take turns, as in the program. */
  classOf(sample) {
    const { classes } = this.model;
    return this.model.conditionKind === "class" ? classes[sample % classes.length].class : null;
  }

  /** The numbers from which sample `i` is made. */
  epsOf(i, width) {
    return normals(this.seed.value, STREAM.prior, 0, i, width);
  }

  /** Draws again; `image` are the current levels, of which a condition may need the pixels. */
  draw(image = this.image) {
    this.image = image;
    if (!this.thumbs) return;
    const { model } = this;
    const x = greys(image);
    this.codes = this.thumbs.map(({ canvas }, i) => {
      const condition = model.condition(x, this.classOf(i));
      const code = model.samplePrior(this.epsOf(i, model.width), condition);
      paint(canvas, model.decode(code, condition), model.shape);
      return code;
    });
  }
}
