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

/** A measured difference rounded up to one digit: none that was measured is above it. */
function roundedUp(difference) {
  const [digits, power] = difference.toExponential().split("e");
  return Number(`${Math.ceil(Number(digits))}e${power}`);
}

/** On how many of these something was measured: "20 images"; older pages do not know. */
const counted = (count, what) => `${count ?? "some"} ${what}${count === 1 ? "" : "s"}`;

const element = (tag, textContent = "", more = {}) => Object.assign(document.createElement(tag), { textContent, ...more });

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
