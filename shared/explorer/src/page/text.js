// Text as its symbols: typed, and coloured by how surprising each symbol is.
"use strict";

/** The symbols of a text by number, and back. The first ends a line. */
class Symbols {
  constructor({ symbols, separator }) {
    Object.assign(this, { symbols, separator });
    this.numbers = new Map(symbols.map((symbol, number) => [symbol, number]));
    this.unknown = this.numbers.get("<unk>");
  }

  /** The numbers of a text without its end, and what is left out of it as not known. */
  read(text) {
    const parts = this.separator ? text.split(/\s+/).filter(Boolean) : Array.from(text);
    const leftOut = parts.filter((part) => !this.numbers.has(part) && this.unknown === undefined);
    const numbers = parts.map((part) => this.numbers.get(part) ?? this.unknown).filter((number) => number !== undefined);
    return { numbers, leftOut };
  }

  /** The text up to its end, or all of it. */
  write(sequence) {
    const numbers = sequence.map((x) => x.indexOf(1));
    const end = numbers.indexOf(0);
    const own = end < 0 ? numbers : numbers.slice(0, end);
    return own.map((number) => this.symbols[number]).join(this.separator);
  }

  name(number) {
    return number === 0 ? "¶" : this.symbols[number] === " " ? "␣" : this.symbols[number];
  }
}

/** An editor of a line of text in this element. `onChange` gets the sequence. */
class Line {
  constructor(model, onChange, place) {
    Object.assign(this, { model, onChange });
    this.known = new Symbols(model.content.shown);
    const label = Object.assign(document.createElement("label"), { className: "line", textContent: "Beginning " });
    this.field = Object.assign(document.createElement("input"), { type: "text", id: "line", spellcheck: false, autocomplete: "off" });
    label.append(this.field);
    this.coloured = Object.assign(document.createElement("p"), { id: "coloured", className: "coloured" });
    document.getElementById(place).append(label, this.coloured);
    this.field.addEventListener("input", () => {
      const { numbers, leftOut } = this.known.read(this.field.value);
      this.onChange(numbers.map((number) => model.read([number])), 0);
      // A change clears what was said of the text before.
      if (!leftOut.length) return;
      document.getElementById("left-out").textContent = `The model does not know ${Array.from(new Set(leftOut)).join(" ")}: left out.`;
    });
  }

  empty() {
    return [];
  }

  /** Shows a sequence, each symbol the darker the more nats it costs. */
  show(sequence = this.sequence, given = sequence.length, playing = null, nats = []) {
    this.sequence = sequence;
    const typed = this.known.write(sequence.slice(0, given));
    if (document.activeElement !== this.field) this.field.value = typed;
    this.coloured.replaceChildren(
      ...sequence.map((x, step) => {
        const number = x.indexOf(1);
        const mark = Object.assign(document.createElement("span"), { textContent: this.known.name(number) + this.known.separator });
        if (nats[step] !== undefined) {
          mark.title = `${nats[step].toFixed(2)} nats`;
          mark.style.setProperty("--share", `${Math.min(100, 12 * nats[step]).toFixed(0)}%`);
        }
        return mark;
      }),
    );
  }
}
