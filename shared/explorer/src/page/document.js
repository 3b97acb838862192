// The page as a document: the runs that it carries, and new elements.
"use strict";

/** The runs of the page in their order, each a `Kind` of its content and its bytes, which are decoded and let go. */
function readModels(Kind) {
  const contents = document.querySelectorAll("script.content");
  const blocks = document.querySelectorAll("script.bytes");
  return Array.from(contents, (content, i) => {
    const text = atob(blocks[i].textContent);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    blocks[i].remove();
    return new Kind(JSON.parse(content.textContent), bytes);
  });
}

/** "at most" a measured difference rounded up to one digit, as `write` writes it: none that was measured is above it. Of null, which is
 * JSON for a number that is not finite, nothing is known. */
function atMost(difference, write) {
  if (difference === null) return "an unknown amount (a number is not finite)";
  const [digits, power] = difference.toExponential().split("e");
  return `at most ${write(Number(`${Math.ceil(Number(digits))}e${power}`))}`;
}

/** On how many of these something was measured: "20 images"; older pages do not know. */
const counted = (count, what) => `${count ?? "some"} ${what}${count === 1 ? "" : "s"}`;

const element = (tag, textContent = "", more = {}) => Object.assign(document.createElement(tag), { textContent, ...more });

/** Puts these nodes into a box in place of what is there. A button with the focus leaves it to the one in its place, or, if
 * that is disabled, to the next one that is not. */
function refill(box, nodes) {
  const buttons = () => Array.from(box.querySelectorAll("button"));
  const place = buttons().indexOf(document.activeElement);
  box.replaceChildren(...nodes);
  if (place < 0) return;
  const after = buttons();
  const next = [...after.slice(place), ...after.slice(0, place).reverse()].find((button) => !button.disabled);
  next?.focus({ preventScroll: true });
}

/** The field of the seed, and the button of the next one. `onChange` is called with each new seed; what is no seed is marked,
 * and the last one stays. */
class SeedField {
  constructor(seed, onChange) {
    Object.assign(this, { value: seed, onChange });
    this.field = document.getElementById("seed");
    this.field.value = seed;
    this.field.addEventListener("input", () => this.take());
    document.getElementById("next-seed").addEventListener("click", () => {
      this.field.value = Number(this.value) + 1;
      this.field.reportValidity();
      this.take();
    });
  }

  take() {
    if (!this.field.checkValidity()) return;
    this.value = this.field.valueAsNumber;
    this.onChange();
  }
}

/** Draws or drags on a canvas with one pointer at a time, since a palm may lie beside the pen: `begin`, `move` and `end` get
 * its events. */
function strokes(canvas, begin, move, end = () => {}) {
  let pointer = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pointer !== null) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    begin(event);
  });
  canvas.addEventListener("pointermove", (event) => event.pointerId === pointer && move(event));
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      end();
    });
  }
}
