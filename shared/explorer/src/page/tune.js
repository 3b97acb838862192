// Chords made audible: a soft tone for each note, with the browser's own synthesiser.
"use strict";

class Tune {
  /** `onStep` gets the step that is heard, and null at the end. */
  constructor(lowest, onStep) {
    Object.assign(this, { lowest, onStep, run: null });
  }

  get isPlaying() {
    return this.run !== null;
  }

  /** Notes that go on from step to step are held, not struck again: {place, from, steps}. */
  static notes(sequence) {
    const notes = [];
    const open = new Map();
    sequence.forEach((x, step) => {
      x.forEach((value, place) => {
        if (value <= 0.5) return open.delete(place);
        if (open.has(place)) open.get(place).steps++;
        else {
          const note = { place, from: step, steps: 1 };
          open.set(place, note);
          notes.push(note);
        }
      });
    });
    return notes;
  }

  play(sequence, stepsAMinute, from = 0) {
    this.stop();
    this.context ??= new AudioContext();
    this.context.resume();
    const length = 60 / stepsAMinute;
    const start = this.context.currentTime + 0.05;
    this.master = this.context.createGain();
    this.master.gain.value = 0.12;
    this.master.connect(this.context.destination);
    const run = Symbol("run");
    this.run = run;
    for (const { place, from: first, steps } of Tune.notes(sequence.slice(from))) {
      const [begin, end] = [start + first * length, start + (first + steps) * length];
      const gain = this.context.createGain();
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(1, begin + 0.02);
      gain.gain.setTargetAtTime(0.5, begin + 0.02, 0.4);
      gain.gain.setTargetAtTime(0, end - 0.02, 0.04);
      gain.connect(this.master);
      const tone = this.context.createOscillator();
      tone.type = "triangle";
      tone.frequency.value = 440 * 2 ** ((this.lowest + place - 69) / 12);
      tone.connect(gain);
      tone.start(begin);
      tone.stop(end + 0.3);
    }
    const watch = () => {
      // Played anew since, a tune has another run and another watch.
      if (this.run !== run) return;
      const step = from + Math.floor((this.context.currentTime - start) / length);
      if (step >= sequence.length) return this.stop();
      this.onStep(Math.max(from, step));
      requestAnimationFrame(watch);
    };
    watch();
  }

  stop() {
    if (!this.isPlaying) return;
    this.run = null;
    this.master.disconnect();
    this.onStep(null);
  }
}
