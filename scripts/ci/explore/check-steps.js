// One page of a model of sequences in a browser: node check-steps.js BROWSER PAGE [OTHER], where PAGE.html and PAGE.json are
// what `explore --to --expected` wrote, and OTHER.json what it wrote of the run beside. Writes pictures beside the page. Fails
// on the first number or behaviour that is wrong.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

/** Largest difference of a number, as a share of it where it is above 1. */
const TOLERANCE = 1e-5;
/** Draws of this share of the sequences may differ: one key whose probability is a rounding away from the uniform number it is
 * compared with changes all that follows. */
const STRAY = 0.03;

const [executablePath, name, otherName] = process.argv.slice(2);

/** What the page's model, or that of the run beside, makes of the sequences of its file; runs in the page. */
function computed([expected, isBeside]) {
  const { model } = isBeside ? window.explorer.beside : window.explorer;
  const { seed } = model.content;
  const sequences = expected.sequences.map((steps) => model.sequence(steps));
  const plain = (array) => Array.from(array);
  const written = (sequence) =>
    sequence.map((x) => (model.isBinary ? plain(x.keys()).filter((place) => x[place] > 0.5) : plain(x)));
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  return {
    terms: sequences.map((sequence, i) => {
      const { steps, whole } = model.terms(sequence, seed, expected.keys[i]);
      const [reconstruction, kl] = [steps.map((t) => t.reconstruction), steps.map((t) => t.kl)];
      return expected.is_whole ? { reconstruction: sum(reconstruction), kl: whole } : { reconstruction, kl };
    }),
    codes: expected.is_whole
      ? sequences.map((sequence) => {
          const { mean, logVar } = model.encode(sequence);
          return { mean: plain(mean), log_var: plain(logVar) };
        })
      : [],
    decoded: expected.is_whole
      ? expected.codes.map(({ mean }, i) => written(model.decode(Float64Array.from(mean), expected.decoded[i].length)))
      : [],
    continued: sequences.map((sequence, i) => {
      const given = sequence.slice(0, Math.floor(sequence.length / 2));
      return written(model.continued(given, sequence.length, 1, seed, i));
    }),
  };
}

/** Largest difference of two values of the same shape. */
function apart(a, b) {
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b) / Math.max(1, Math.abs(b));
  const keys = Object.keys(b);
  if (Object.keys(a).length !== keys.length) return Infinity;
  return keys.reduce((most, key) => Math.max(most, apart(a[key], b[key])), 0);
}

/** Fails if a model of the page differs from what `explore --expected` wrote of its run. */
async function compare(page, isBeside, file) {
  const expected = JSON.parse(fs.readFileSync(`${file}.json`, "utf8"));
  const found = await page.evaluate(computed, [expected, isBeside]);
  const differences = ["terms", "codes"].map((key) => [key, apart(found[key], expected[key])]);
  const stray = (key) => found[key].filter((own, i) => apart(own, expected[key][i]) > 1e-3).length;
  const draws = ["continued", "decoded"].map((key) => [key, stray(key)]);
  console.log(
    `${path.basename(name)}: largest differences of ${expected.sequences.length} sequences of ${path.basename(file)}: ` +
      differences.map(([key, value]) => `${key} ${value.toExponential(1)}`).join(", ") +
      "; drawn otherwise: " + draws.map(([key, count]) => `${key} ${count} of ${found[key].length}`).join(", "),
  );
  for (const [key, value] of differences) assert.ok(value <= TOLERANCE, `${key} differ from the program's by ${value}`);
  for (const [key, count] of draws) {
    assert.ok(count <= STRAY * found[key].length, `${count} ${key} sequences differ from the program's`);
  }
}

/** The steps that a tune reports in each frame while it goes on faster, and then slower; runs in the page. */
async function reported() {
  const tune = window.explorer.tunes.find((each) => each.isPlaying);
  const tempo = document.getElementById("tempo");
  const { onStep } = tune;
  const frames = [];
  let frame = [];
  tune.onStep = (step) => {
    frame.push(step);
    onStep(step);
  };
  for (const [stepsAMinute, milliseconds] of [[600, 300], [60, 1300]]) {
    tempo.value = stepsAMinute;
    tempo.dispatchEvent(new Event("input"));
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      frame = [];
      frames.push(frame);
      await new Promise(requestAnimationFrame);
    }
    // What a change of the tempo reports comes between frames.
    frame = [];
  }
  tune.onStep = onStep;
  return frames;
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => {
    if (!/^(file|blob|data):/.test(request.url())) problems.push(`request of ${request.url()}`);
  });
  await page.goto(pathToFileURL(path.resolve(`${name}.html`)).href);
  await page.waitForFunction(() => window.explorer?.score?.terms?.length > 0);
  const picture = (what) => page.screenshot({ path: `${name}-${what}.png`, fullPage: true });
  const rest = () => page.waitForTimeout(500);
  await rest();
  await picture("light");

  // Numbers.
  await compare(page, false, name);
  if (otherName) await compare(page, true, otherName);

  // They are read out.
  await page.waitForFunction(() => {
    const text = (id) => document.getElementById(id).textContent;
    const isBesideTold = document.getElementById("beside").hidden || text("spoken").includes(text("beside-numbers"));
    return text("spoken").startsWith(text("numbers")) && isBesideTold;
  }, null, { timeout: 5000 });

  const kind = await page.evaluate(() => window.explorer.kind);
  const sequence = () => page.evaluate(() => window.explorer.sequence.map((x) => Array.from(x)));
  const given = () => page.evaluate(() => window.explorer.given);
  const roll = page.locator("#roll");
  // Colours of the drawing.
  const colours = () =>
    page.evaluate(() => {
      const { canvas } = window.explorer.editor;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set();
      for (let i = 0; i < data.length; i += 4) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return colours.size;
    });

  // Given steps stay, others are drawn, another seed draws others.
  if (kind !== "symbols") {
    await page.locator("#given").fill(String(Math.max(1, Math.floor((await given()) / 2))));
    const before = await sequence();
    await page.click("#go-on");
    await rest();
    const drawn = await sequence();
    const kept = await given();
    assert.deepEqual(drawn.slice(0, kept), before.slice(0, kept), "given steps stay");
    await page.click("#next-seed");
    await rest();
    assert.notDeepEqual(await sequence(), drawn, "another seed, other steps");
    assert.deepEqual((await sequence()).slice(0, kept), before.slice(0, kept), "given steps stay");
    await picture("continued");
    // More steps than a page draws.
    if (kind !== "rows") {
      await page.locator("#count").fill("1234");
      await page.click("#go-on");
      assert.equal((await sequence()).length, 1000);
      assert.equal(await page.locator("#count").inputValue(), "1000", "the field says what is drawn");
      assert.match(await page.locator("#go-on-hint").textContent(), /1234 steps .* 1000/);
      await rest();
    }
  } else {
    const lines = () => page.evaluate(() => window.explorer.lines.map((line) => window.explorer.editor.known.write(line)));
    await page.click("#go-on");
    const old = await lines();
    await page.click("#next-seed");
    assert.notDeepEqual(await lines(), old, "another seed, other lines");
    const symbols = await page.evaluate(() => window.explorer.model.content.shown.symbols);
    await page.locator("#line").fill(symbols[2]);
    await rest();
    assert.equal((await sequence()).length, 1, "one symbol is typed");
    await page.locator("#next button:enabled").first().click();
    await rest();
    await page.locator("#line").fill(symbols.slice(1, 4).join(await page.evaluate(() => window.explorer.editor.known.separator)));
    await page.click("#go-on");
    await rest();
    const begun = await page.evaluate(() => window.explorer.sequence.slice(0, window.explorer.given).map((x) => x.indexOf(1)));
    assert.deepEqual(begun, [1, 2, 3]);
    await page.locator("#line").fill(`${symbols[1]}\u2603`);
    await rest();
    const isKnown = await page.evaluate(() => window.explorer.editor.known.unknown !== undefined);
    assert.ok(isKnown || (await page.locator("#left-out").textContent()).includes("\u2603"), "what is not known is said");
    await picture("continued");
    await page.click("#clear");
    assert.equal(await page.locator("#left-out").textContent(), "", "nothing is said of a text that is gone");
  }

  // What is no seed is marked, and the last one stays.
  const seed = page.locator("#seed");
  const last = Number(await seed.inputValue());
  for (const text of ["-1", "1.5", ""]) {
    await seed.fill(text);
    assert.ok(await seed.evaluate((field) => field.matches(":invalid")), `"${text}" is marked`);
    assert.equal(Number(await page.evaluate(() => window.explorer.seed.value)), last, `"${text}" is not taken`);
  }
  await page.click("#next-seed");
  assert.equal(Number(await seed.inputValue()), last + 1, "the next seed after the last one");

  // A sequence that is left can be chosen again.
  const chosen = () => page.locator("#gallery").evaluate((select) => select.selectedIndex);
  await page.click("#clear");
  assert.equal(await chosen(), -1, "what is empty is none of the gallery");
  await page.locator("#gallery").selectOption("0");
  await rest();
  assert.ok((await given()) > 0, "the same sequence again");

  // Drawing by pointer and keyboard.
  if (kind === "chords" || kind === "rows") {
    await roll.scrollIntoViewIfNeeded();
    let before = await sequence();
    const box = await roll.boundingBox();
    await page.mouse.click(box.x + 0.3 * box.width, box.y + 0.4 * box.height);
    let after = await sequence();
    const changes = (a, b) => a.flat().filter((value, i) => value !== b.flat()[i]).length;
    assert.equal(changes(before, after), 1, "a click changes one place");
    assert.equal(await chosen(), -1, "what is changed is none of the gallery");
    await roll.press("ArrowRight");
    await roll.press("ArrowDown");
    before = await sequence();
    await roll.press(" ");
    after = await sequence();
    assert.equal(changes(before, after), 1, "space changes one place");
    assert.match(await page.locator("#spoken").textContent(), /step \d+, .*, (on|off)/);
    await page.click("#clear");
    await rest();
    assert.ok((await sequence()).flat().every((value) => value === 0), "nothing is left");
    if (kind === "chords") {
      const was = await given();
      await page.locator("#next button").first().click();
      assert.equal(await given(), was + 1, "a key that is clicked makes a step");
    }
  }
  if (kind === "pen") {
    await page.click("#clear");
    await roll.scrollIntoViewIfNeeded();
    const box = await roll.boundingBox();
    await page.mouse.move(box.x + 100, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + 300, box.y + 200, { steps: 20 });
    // What rests meanwhile leaves the scale under the pen as it is.
    const view = () => page.evaluate(() => ({ ...window.explorer.editor.view }));
    const under = await view();
    await page.evaluate(() => window.explorer.showRest());
    assert.deepEqual(await view(), under, "the scale stays while a line is drawn");
    await page.mouse.up();
    await rest();
    assert.notDeepEqual(await view(), under, "a drawing fits when it is done");
    assert.ok((await sequence()).length > 3, "the pointer draws");
    assert.match(await page.locator("#editor-help").textContent(), /pointer/);
    await page.locator("#count").fill("60");
    await page.click("#go-on");
    await rest();
    assert.ok((await colours()) > 2, "both the given and the drawn part are seen");
    await picture("drawn");
    // What the model drew may end within a stroke; another that is drawn then is another.
    const count = await page.evaluate(() => {
      const { sequence } = window.explorer;
      sequence[sequence.length - 1][2] = 0;
      return sequence.length;
    });
    await roll.scrollIntoViewIfNeeded();
    const again = await roll.boundingBox();
    await page.mouse.move(again.x + 400, again.y + 100);
    await page.mouse.down();
    await page.mouse.move(again.x + 500, again.y + 200, { steps: 20 });
    await page.mouse.up();
    const longer = await sequence();
    assert.ok(longer.length > count, "the pointer draws on");
    assert.equal(longer[count - 1][2], 1, "a new stroke does not hang on to what was drawn");
    // One click is a dot.
    await page.click("#clear");
    await rest();
    assert.equal(await colours(), 1, "nothing is left");
    await roll.scrollIntoViewIfNeeded();
    const dot = await roll.boundingBox();
    await page.mouse.click(dot.x + 100, dot.y + 100);
    await rest();
    assert.ok((await colours()) > 1, "a dot is seen");
  }

  // A button that is pressed by key keeps the focus when all are written anew: the same place, if it can be pressed again.
  for (const box of ["#next", "#beside-next", "#others", "#beside-others"]) {
    const buttons = page.locator(`${box} button:enabled`);
    if (!(await buttons.nth(1).isVisible())) continue;
    const pressed = await buttons.nth(1).elementHandle();
    const place = () =>
      page.evaluate((box) => Array.from(document.querySelectorAll(`${box} button`)).indexOf(document.activeElement), box);
    await pressed.focus();
    const before = await place();
    await page.keyboard.press("Enter");
    await rest();
    assert.ok(!(await pressed.evaluate((button) => button.isConnected)), `${box} is written anew`);
    const isFree = await page.locator(`${box} button`).nth(before).isEnabled();
    const after = await place();
    assert.ok(isFree ? after === before : after >= 0, `the focus in ${box} was at ${before} and is at ${after}`);
  }
  const ends = page.locator("#next button", { hasText: "¶" });
  if (kind === "symbols" && (await ends.count()) > 0) assert.ok(await ends.first().isDisabled(), "no end is appended");

  // A tune is heard: the playing step moves on, and stops.
  if (kind === "chords") {
    await page.locator("#gallery").selectOption("0");
    await rest();
    await page.click("#play");
    await page.waitForFunction(() => window.explorer.playing > 1, null, { timeout: 5000 });
    assert.equal(await page.locator("#play").textContent(), "Stop");
    const frames = await page.evaluate(reported);
    assert.ok(frames.every((steps) => steps.length === 1), "a step is reported once a frame");
    const steps = frames.flat();
    assert.ok(steps.every((step, i) => step !== null && step >= (steps[i - 1] ?? 0)), `steps rise: ${steps.join(" ")}`);
    assert.ok(steps[steps.length - 1] > steps[0], "the tune goes on");
    await page.screenshot({ path: `${name}-playing.png` });
    await page.click("#play");
    assert.equal(await page.evaluate(() => window.explorer.playing), null);
    await page.locator("#tempo").fill("240");
    // Another sequence is not heard as this one.
    for (const change of [() => page.locator("#gallery").selectOption("1"), () => page.click("#go-on"), () => page.click("#clear")]) {
      await page.locator("#given").fill("2");
      await page.click("#play");
      assert.equal(await page.locator("#play").textContent(), "Stop");
      await change();
      assert.equal(await page.locator("#play").textContent(), "Play", "a tune ends with its sequence");
    }
    await page.locator("#gallery").selectOption("0");
    const notes = await page.evaluate(() => {
      const on = (...places) => Float64Array.from({ length: 4 }, (_, place) => Number(places.includes(place)));
      return Tune.notes([on(0, 2), on(0), on(1), on(1, 2)]);
    });
    assert.deepEqual(notes.map(({ place, from, steps }) => [place, from, steps]), [[0, 0, 2], [2, 0, 1], [1, 2, 2], [2, 3, 1]]);
  }

  // The run beside is given the same steps, and has its own score and its own continuation.
  if (await page.locator("#beside").isVisible()) {
    const numbers = async () => [await page.locator("#numbers").textContent(), await page.locator("#beside-numbers").textContent()];
    await page.locator("#gallery").selectOption("1");
    await rest();
    const [own, other] = await numbers();
    assert.match(other, /nats a step/);
    assert.notEqual(other, own, "each model has its score");
    const isRight = await page.evaluate(() => {
      const { beside, sequence, source } = window.explorer;
      const nats = (terms) => terms.reduce((sum, { reconstruction, kl }) => sum + reconstruction + kl, 0);
      const { model } = beside;
      return Math.abs(nats(beside.score.terms) - nats(model.terms(sequence, model.content.seed, source.key).steps)) < 1e-9;
    });
    assert.ok(isRight, "the score is of the sequence above");
    if (kind === "symbols") {
      const [mine, theirs] = await page.evaluate(() => {
        const { lines, beside, editor } = window.explorer;
        return [lines, beside.lines].map((each) => each.map((line) => editor.known.write(line)));
      });
      assert.equal(theirs.length, mine.length);
    } else {
      await page.locator("#given").fill("2");
      await page.click("#go-on");
      await rest();
      const [mine, theirs] = await page.evaluate(() =>
        [window.explorer.sequence, window.explorer.beside.sequence].map((steps) => steps.map((x) => Array.from(x))),
      );
      assert.deepEqual(theirs.slice(0, 2), mine.slice(0, 2), "given steps stay");
      assert.equal(theirs.length, mine.length);
      assert.notDeepEqual(theirs, mine, "another model goes on otherwise");
    }
    await picture("beside");
  }

  // A code by slider, and towards another sequence.
  if (await page.locator("#code-panel").isVisible()) {
    await page.locator("#gallery").selectOption("0");
    await rest();
    if (kind === "chords") await page.click("#play");
    await page.locator("#z0").fill("3");
    assert.equal(await page.locator("#play").textContent(), "Play", "a tune ends with its sequence");
    await rest();
    assert.equal(await page.evaluate(() => window.explorer.code[0]), 3);
    assert.equal(await chosen(), -1, "what a code decodes to is none of the gallery");
    // Another end of the way leaves the code of the sequence that was chosen.
    const ends = () => page.evaluate(() => [window.explorer.own, window.explorer.other].map((code) => Array.from(code)));
    const was = await ends();
    await page.locator("#towards").selectOption("2");
    if (kind !== "symbols") await page.locator("#given").fill("1");
    await rest();
    const are = await ends();
    assert.deepEqual(are[0], was[0], "this sequence's code stays");
    assert.notDeepEqual(are[1], was[1], "the other's is another");
    assert.equal(await page.evaluate(() => window.explorer.code[0]), 3);
    await page.locator("#share").fill("1");
    await rest();
    const reached = await page.evaluate(() => Array.from(window.explorer.code, (z, j) => z - window.explorer.other[j]));
    assert.ok(reached.every((difference) => Math.abs(difference) < 1e-9), "the other sequence's code");
    await picture("code");
    // No steps, no code.
    await page.click("#clear");
    await rest();
    const isEmpty = (await sequence()).length === 0;
    for (const id of ["share", "to-own"]) assert.equal(await page.locator(`#${id}`).isDisabled(), isEmpty, id);
    if (isEmpty) assert.equal(await page.locator("#between li").count(), 0);
  }

  // Every control has a name.
  const nameless = await page.evaluate(() =>
    Array.from(document.querySelectorAll("button, input, select, [tabindex]"))
      .filter((each) => !each.closest("[hidden]"))
      .filter((each) => !(each.labels?.length || each.getAttribute("aria-label") || each.textContent.trim()))
      .map((each) => each.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(nameless, [], "every control has a name");

  // In the dark, and on a phone.
  await page.locator("#gallery").selectOption("0");
  await page.emulateMedia({ colorScheme: "dark" });
  await rest();
  await picture("dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 800 });
  await rest();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than a phone`);
  await picture("phone");

  // A difference that is not finite is no reason not to start.
  const unknown = `${name}-unknown.html`;
  const html = fs.readFileSync(`${name}.html`, "utf8");
  fs.writeFileSync(unknown, html.replace(/"precision":\{[^}]*\}/g, '"precision":{"apart":null,"bits":16,"compared":10}'));
  await page.goto(pathToFileURL(path.resolve(unknown)).href);
  await page.waitForFunction(() => window.explorer?.score?.terms?.length > 0);
  for (const place of ["#facts", "#network"]) assert.match(await page.locator(place).textContent(), /a number is not finite/);
  fs.rmSync(unknown);

  await browser.close();
  assert.deepEqual(problems, []);
}

main().catch((error) => {
  console.error(`${path.basename(name)}: ${error.message}`);
  process.exit(1);
});
