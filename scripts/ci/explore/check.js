// One page of `explore` in a browser: node check.js BROWSER PAGE [OTHER], where PAGE.html and PAGE.json are what `explore
// --to --expected` wrote, and OTHER.json what it wrote of the run beside. Writes pictures beside the page. Fails on the first
// number or behaviour that is wrong.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

/** Largest difference of a number, as a share of it where it is above 1. */
const TOLERANCE = 1e-5;

const [executablePath, name, otherName] = process.argv.slice(2);

/** What the page's model at this place makes of the inputs of its file; runs in the page. */
function computed([expected, place]) {
  const model = window.explorer.models[place];
  const rows = (f) => expected.levels.map((levels, i) => f(levels, i));
  const label = (i) => expected.labels[i];
  const condition = (i) => model.condition(greys(expected.levels[i]), label(i));
  const codes = rows((levels, i) => model.encode(greys(levels), condition(i)));
  const eps = rows((_, i) => normals(model.content.seed, STREAM.prior, 0, i, model.width));
  const drawn = rows((_, i) => model.samplePrior(Float64Array.from(expected.eps[i]), condition(i)));
  const plain = (arrays) => arrays.map((array) => Array.from(array));
  return {
    mean: plain(codes.map((code) => code.mean)),
    log_var: codes[0].logVar ? plain(codes.map((code) => code.logVar)) : null,
    decoded: plain(rows((_, i) => model.decode(expected.mean[i], condition(i)))),
    eps: plain(eps),
    drawn: plain(drawn),
    samples: plain(rows((_, i) => model.decode(expected.drawn[i], condition(i)))),
    inputs: plain(rows((levels, i) => model.input(levels, expected.keys[i]))),
    log_classes: model.classifier ? plain(rows((levels) => model.logClasses(greys(levels)))) : null,
    negative_elbo: model.hasBound
      ? rows((levels, i) => {
          const { reconstruction, kl } = model.negativeElbo(levels, label(i), expected.keys[i]);
          return reconstruction + kl;
        })
      : null,
  };
}

/** Largest difference of two arrays of the same shape. */
function apart(a, b) {
  if (a === null || b === null) {
    assert.equal(a, b);
    return 0;
  }
  if (typeof a === "number") return Math.abs(a - b) / Math.max(1, Math.abs(b));
  assert.equal(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, apart(value, b[i])), 0);
}

/** Fails if a model of the page differs from what `explore --expected` wrote of its run. */
async function compare(page, place, file) {
  const expected = JSON.parse(fs.readFileSync(`${file}.json`, "utf8"));
  const found = await page.evaluate(computed, [expected, place]);
  const differences = Object.entries(found).map(([key, value]) => [key, apart(value, expected[key])]);
  console.log(
    `${path.basename(name)}: largest differences of ${expected.mean.length} images and codes of ${path.basename(file)}: ` +
      differences.map(([key, value]) => `${key} ${value.toExponential(1)}`).join(", "),
  );
  for (const [key, value] of differences) assert.ok(value <= TOLERANCE, `${key} differs from the program's by ${value}`);
}

/** The code and the decoded image that the page shows, of the model conditional on a class where there is one. */
const shown = (page) =>
  page.evaluate(() => {
    const { models, classed = models[0], codes, decoded } = window.explorer;
    const place = models.indexOf(classed);
    return { codes: Array.from(codes[place]), image: Array.from(decoded[place]) };
  });

/** The codes of all models. */
const allCodes = (page) => page.evaluate(() => window.explorer.codes.map((code) => Array.from(code)));

/** Of each model, in levels: what is shown between the two images, their reconstructions, and what this share of the way
 * from one code to the other decodes to; runs in the page. */
function between(share) {
  const { models, between } = window.explorer;
  const levels = (image) => Array.from(image, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  const mixed = (a, b) => Float64Array.from(a, (a, i) => (1 - share) * a + share * b[i]);
  return models.map((model, i) => {
    const canvas = between.coded[i];
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const { channels } = model.shape;
    const images = between.ends.map((end) => greys(end.levels));
    const conditions = images.map((image, end) => model.condition(image, between.ends[end].label));
    const codes = images.map((image, end) => model.encode(image, conditions[end]).mean);
    return {
      seen: Array.from({ length: model.pixels }, (_, at) => data[4 * Math.floor(at / channels) + (at % channels)]),
      ends: codes.map((code, end) => levels(model.decode(code, conditions[end]))),
      on: levels(model.decode(mixed(...codes), mixed(...conditions))),
    };
  });
}

/** A PNG of an image of the gallery, or of its negative, between margins across and down, and the levels of the image; runs in
 * the page. */
function framed([isNegative, across, down]) {
  const { pad, first } = window.explorer;
  const levels = pad.images[2].levels.map((level) => (isNegative ? 255 - level : level));
  const image = canvasFor(first.shape);
  paint(image, greys(levels), first.shape);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.width + 2 * across, height: image.height + 2 * down });
  const context = canvas.getContext("2d");
  context.fillStyle = isNegative ? "#ddd" : "#555";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, across, down);
  return { base64: canvas.toDataURL("image/png").split(",")[1], levels: Array.from(levels) };
}

/** Waits until all that this selector finds has been read out. */
const spoken = (page, selector) =>
  page.waitForFunction(
    (selector) => {
      const lines = Array.from(document.querySelectorAll(selector), (each) => each.textContent);
      return lines.length > 0 && lines.every((text) => document.getElementById("spoken").textContent.includes(text));
    },
    selector,
    { timeout: 5000 },
  );

/** Moves the first slider once in each frame, as a drag does: frames a second, and milliseconds of work in one. Runs in
 * the page. */
async function frames() {
  const { explorer } = window;
  const slider = document.querySelector(".latent input");
  const middle = Number(slider.value);
  const start = performance.now();
  for (let i = 0; i < 120; i++) {
    slider.value = middle + Math.sin(i / 10);
    slider.dispatchEvent(new Event("input"));
    await new Promise(requestAnimationFrame);
  }
  const rate = 120 / (performance.now() - start) * 1000;
  const before = performance.now();
  for (let i = 0; i < 50; i++) explorer.render();
  return { rate, cost: (performance.now() - before) / 50 };
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => {
    if (!/^(file|blob|data):/.test(request.url())) problems.push(`request of ${request.url()}`);
  });
  await page.goto(pathToFileURL(path.resolve(`${name}.html`)).href);
  await page.waitForFunction(() => window.explorer?.frames > 0);
  const picture = (what) => page.screenshot({ path: `${name}-${what}.png`, fullPage: true });
  await page.waitForTimeout(400);
  await picture("light");

  // Numbers.
  await compare(page, 0, name);
  if (otherName) await compare(page, 1, otherName);
  const saysBound = await page.evaluate(() => {
    const { models } = window.explorer;
    const bounded = models.filter((model) => model.hasBound).length;
    return document.getElementById("network").textContent.split("-ELBO").length - 1 === bounded;
  });
  assert.ok(saysBound, "what -ELBO is of is said of the models that have one");

  // A latent by keyboard: its code moves, and the image with it.
  const slider = page.locator(".latent input").first();
  await slider.focus();
  let before = await shown(page);
  const still = await allCodes(page);
  for (let i = 0; i < 20; i++) await page.keyboard.press("ArrowRight");
  await page.waitForTimeout(150);
  let after = await shown(page);
  const moved = await allCodes(page);
  moved.forEach((codes, i) => {
    assert.equal(codes.filter((z, j) => z !== still[i][j]).length, 1, "one latent moves");
  });
  assert.notDeepEqual(after.image, before.image, "the image follows a latent");
  // In the run beside the latent of the same rank, by as many deviations.
  const ranked = await page.evaluate(() => window.explorer.models.map((model) => model.latents[0]));
  const [own, ...others] = ranked.map(({ latent, mean, deviation }, i) => (moved[i][latent] - mean) / (deviation || 1));
  for (const other of others) assert.ok(Math.abs(other - own) < 1e-6, `${other} deviations in the run beside, here ${own}`);

  // The same by pointer, and how fast.
  const box = await slider.boundingBox();
  before = await shown(page);
  await page.mouse.move(box.x + 0.5 * box.width, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.8 * box.width, box.y + box.height / 2, { steps: 10 });
  await page.mouse.up();
  await page.waitForTimeout(100);
  assert.notDeepEqual((await shown(page)).image, before.image, "the image follows the pointer");
  const { rate, cost } = await page.evaluate(frames);
  console.log(`${path.basename(name)}: ${rate.toFixed(0)} frames a second while dragging, ${cost.toFixed(2)} ms for a frame`);

  // The map by pointer and keyboard.
  const map = page.locator("#map");
  await map.scrollIntoViewIfNeeded();
  const codesBefore = await allCodes(page);
  await map.click({ position: { x: 60, y: 60 } });
  await page.waitForTimeout(100);
  assert.notDeepEqual((await allCodes(page))[0], codesBefore[0], "the map moves the code");
  const place = await page.locator("#map-place").textContent();
  await map.press("ArrowRight");
  await page.waitForTimeout(100);
  assert.notEqual(await page.locator("#map-place").textContent(), place, "keys move on the map");
  await spoken(page, "#numbers, #predicted .numbers, #map-place");

  // Drawing by pointer.
  await page.evaluate(() => window.scrollTo(0, 0));
  const pad = await page.locator("#pad").boundingBox();
  const at = (x, y) => [pad.x + x * pad.width, pad.y + y * pad.height];
  const line = async (...points) => {
    await page.mouse.move(...at(...points[0]));
    await page.mouse.down();
    for (const point of points.slice(1)) await page.mouse.move(...at(...point), { steps: 12 });
    await page.mouse.up();
  };
  await page.click("#clear");
  await line([0.3, 0.2], [0.7, 0.2], [0.5, 0.5], [0.4, 0.85]);
  await page.waitForTimeout(1000);
  const drawing = await page.evaluate(() => Array.from(window.explorer.image.levels));
  assert.ok(drawing.some((level) => level > 200), "the drawing has ink");
  const isCentred = await page.evaluate(() => {
    const { pad, first } = window.explorer;
    const { height, width } = first.shape;
    const { levels } = window.explorer.image;
    const sum = (f) => levels.reduce((total, level, i) => total + level * f(i), 0);
    const mass = sum(() => 1);
    const [x, y] = [sum((i) => (i % width) + 0.5) / mass, sum((i) => Math.floor(i / width) + 0.5) / mass];
    return !pad.centre.checked || (Math.abs(x - width / 2) < 0.5 && Math.abs(y - height / 2) < 0.5);
  });
  assert.ok(isCentred, "a drawing's centre of mass is in the middle");
  await spoken(page, "#numbers, #predicted .numbers");
  const saysPlace = await page.evaluate(() => {
    const text = (id) => document.getElementById(id).textContent;
    return text("spoken").includes(text("map-place"));
  });
  assert.ok(!saysPlace, "the place on the map is read out on the map only");
  // Of the class that a classifier finds likeliest, whatever was chosen before.
  const guesses = await page.evaluate(() => {
    const { explorer } = window;
    const telling = explorer.models.filter((model) => model.conditionKind === "class" && model.classifier);
    return telling.map((model) => {
      const logs = Array.from(model.logClasses(greys(explorer.image.levels)));
      const [best] = Array.from(logs.keys()).sort((a, b) => logs[b] - logs[a]);
      explorer.setImage({ ...explorer.image, label: (best + 1) % logs.length });
      explorer.setImage({ ...explorer.image, label: null });
      return [explorer.image.label, explorer.classes.encoded, best];
    });
  });
  for (const [label, encoded, best] of guesses) assert.deepEqual([label, encoded], [best, best], "a drawing is of the likeliest class");
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: `${name}-drawn.png` });

  // Drawing by keyboard.
  await page.click("#clear");
  await page.locator("#pad").focus();
  await page.keyboard.press("Space");
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.waitForTimeout(100);
  const ink = await page.evaluate(() => window.explorer.image.levels.some((level) => level > 100));
  assert.ok(ink, "keys draw");

  // A picture of ink on paper: light on black where the gallery is, and otherwise as it is.
  const load = async (file, { base64 }) => {
    await page.setInputFiles("#file", { name: file, mimeType: "image/png", buffer: Buffer.from(base64, "base64") });
    await page.waitForFunction((file) => document.getElementById("source").textContent.startsWith(file), file);
    return page.evaluate(() => ({ levels: Array.from(window.explorer.image.levels), source: window.explorer.image.source }));
  };
  const base64 = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 120;
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, 120, 120);
    context.fillStyle = "#222";
    context.fillRect(70, 20, 14, 80);
    return canvas.toDataURL("image/png").split(",")[1];
  });
  const isInverting = await page.evaluate(() => window.explorer.pad.isInverting);
  const one = await load("one.png", { base64 });
  assert.equal(one.source, isInverting ? "one.png, inverted" : "one.png", "what is inverted is said");
  assert.ok(isInverting ? one.levels[0] < 50 : one.levels[0] > 200, "paper becomes black where it is inverted");
  assert.ok(one.levels.some((level) => (isInverting ? level > 150 : level < 100)), "the ink is seen");
  // Any other is cropped around its middle and taken level for level, as by the program.
  await page.locator("#centre").evaluate((centre) => (centre.checked = false));
  const cropped = await page.evaluate(framed, [false, 5, 0]);
  const same = await load("wide.png", cropped);
  assert.equal(same.source, "wide.png");
  assert.deepEqual(same.levels, cropped.levels, "a wide picture is cropped, not fitted");
  const tall = await page.evaluate(framed, [false, 0, 5]);
  assert.deepEqual((await load("tall.png", tall)).levels, tall.levels, "so is a tall one");
  // As of a model of no digits, whose pictures are neither inverted nor centred.
  const settings = await page.evaluate(() => {
    const { pad } = window.explorer;
    const { isDigits, isInverting } = pad;
    Object.assign(pad, { isDigits: false, isInverting: false });
    pad.centre.checked = true;
    return { isDigits, isInverting };
  });
  const light = await page.evaluate(framed, [true, 5, 0]);
  const plain = await load("light.png", light);
  assert.equal(plain.source, "light.png");
  assert.deepEqual(plain.levels, light.levels, "a picture with a light border is taken as it is");
  await page.evaluate((settings) => {
    Object.assign(window.explorer.pad, settings);
    window.explorer.pad.centre.checked = settings.isDigits;
  }, settings);
  // Half as large, a pixel weighs those around by their distance.
  const half = await page.evaluate(() => triangles(8, 4)[1]);
  assert.deepEqual(half, { start: 1, weights: [0.125, 0.375, 0.375, 0.125] });

  // Samples of the seed, between two images, back to an image.
  if (await page.locator("#next-seed").isVisible()) {
    const first = () => page.evaluate(() => Array.from(window.explorer.samples.codes[0]));
    const old = await first();
    await page.click("#next-seed");
    assert.notDeepEqual(await first(), old, "another seed, other samples");
    // What is no seed is marked, and the last one stays.
    const [seed, drawn] = [Number(await page.locator("#seed").inputValue()), await first()];
    for (const text of ["-1", "1.5", ""]) {
      await page.locator("#seed").fill(text);
      assert.ok(await page.locator("#seed").evaluate((field) => field.matches(":invalid")), `"${text}" is marked`);
      assert.deepEqual(await first(), drawn, `"${text}" draws nothing`);
    }
    await page.click("#next-seed");
    assert.equal(Number(await page.locator("#seed").inputValue()), seed + 1, "the next seed after the last one");
  }
  for (const share of [0, 0.25, 1]) {
    await page.locator("#between input").fill(String(share));
    for (const { seen, on, ends } of await page.evaluate(between, share)) {
      assert.deepEqual(seen, on, `at ${share} the code is as far between the two`);
      const isEnd = ends.map((end) => end.every((level, i) => level === seen[i]));
      if (share === Math.round(share)) assert.ok(isEnd[share], `at ${share} is a reconstruction`);
      // A model that has learned nothing decodes both alike.
      else if (ends[0].some((level, i) => Math.abs(level - ends[1][i]) > 16)) assert.deepEqual(isEnd, [false, false], "it lies between");
    }
  }
  await page.locator("#gallery button").nth(2).click();
  await slider.evaluate((input) => {
    const isHigh = Number(input.value) > (Number(input.min) + Number(input.max)) / 2;
    input.value = isHigh ? input.min : input.max;
    input.dispatchEvent(new Event("input"));
  });
  const away = await allCodes(page);
  await page.click("#to-image");
  const means = await page.evaluate(() => {
    const { models, image } = window.explorer;
    const x = greys(image.levels);
    return models.map((model) => Array.from(model.encode(x, model.condition(x, image.label)).mean));
  });
  assert.notDeepEqual(away, means, "a slider leaves the image's code");
  assert.deepEqual(await allCodes(page), means, "back to the image's code");

  // A class.
  const isClassed = await page.evaluate(() => window.explorer.models.some((model) => model.conditionKind === "class"));
  assert.equal(await page.locator("#class-panel").isVisible(), isClassed, "classes to choose from, if a model is conditional on one");
  assert.equal(/ as class /.test(await page.locator("#numbers").textContent()), isClassed, "the class is said");
  if (isClassed) {
    await page.waitForTimeout(200);
    before = await shown(page);
    await page.locator("#classes button").nth(7).click();
    await page.waitForTimeout(100);
    after = await shown(page);
    assert.deepEqual(after.codes, before.codes, "the code stays");
    assert.notDeepEqual(after.image, before.image, "the class changes the image");
  }

  // Every control has a name.
  const nameless = await page.evaluate(() =>
    Array.from(document.querySelectorAll("button, input, select, [tabindex]"))
      .filter((each) => !(each.labels?.length || each.getAttribute("aria-label") || each.textContent.trim()))
      .map((each) => each.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(nameless, [], "every control has a name");

  // In the dark, and on a phone.
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(200);
  await picture("dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 800 });
  await page.waitForTimeout(200);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than a phone`);
  await picture("phone");
  await page.evaluate(() => document.querySelectorAll(".latent")[3]?.scrollIntoView({ block: "center" }));
  await page.screenshot({ path: `${name}-phone-sliders.png` });

  // A difference that is not finite is no reason not to start.
  const unknown = `${name}-unknown.html`;
  const html = fs.readFileSync(`${name}.html`, "utf8");
  fs.writeFileSync(unknown, html.replace(/"precision":\{[^}]*\}/g, '"precision":{"bits":16,"code":null,"compared":20,"image":null}'));
  await page.goto(pathToFileURL(path.resolve(unknown)).href);
  await page.waitForFunction(() => window.explorer?.frames > 0);
  for (const place of ["#facts", "#network"]) assert.match(await page.locator(place).textContent(), /a number is not finite/);
  fs.rmSync(unknown);

  await browser.close();
  assert.deepEqual(problems, []);
}

main().catch((error) => {
  console.error(`${path.basename(name)}: ${error.message}`);
  process.exit(1);
});
