// One page of `explore` in a browser: node check.js BROWSER PAGE, where PAGE.html and PAGE.json are what `explore
// --to --expected` wrote. Writes pictures beside them. Fails on the first number or behaviour that is wrong.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

/** Largest difference of a number, as a share of it where it is above 1. */
const TOLERANCE = 1e-5;

const [executablePath, name] = process.argv.slice(2);

/** What the page's model makes of the inputs of PAGE.json; runs in the page. */
function computed(expected) {
  const [model] = window.explorer.models;
  const rows = (f) => expected.levels.map((levels, i) => f(levels, i));
  const label = (i) => expected.labels[i];
  const condition = (i) => model.condition(greys(expected.levels[i]), label(i));
  const codes = rows((levels, i) => model.encode(greys(levels), condition(i)));
  const eps = rows((_, i) => normals(model.content.seed, STREAM.prior, i, model.width));
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

/** The codes and the decoded image that the page shows. */
const shown = (page) =>
  page.evaluate(() => ({ codes: Array.from(window.explorer.codes[0]), image: Array.from(window.explorer.decoded[0]) }));

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
  const expected = JSON.parse(fs.readFileSync(`${name}.json`, "utf8"));
  const found = await page.evaluate(computed, expected);
  const differences = Object.fromEntries(
    Object.keys(found).map((key) => [key, apart(found[key], expected[key])]),
  );
  console.log(
    `${path.basename(name)}: largest differences of ${expected.mean.length} images and codes: ` +
      Object.entries(differences).map(([key, value]) => `${key} ${value.toExponential(1)}`).join(", "),
  );
  for (const [key, value] of Object.entries(differences)) {
    assert.ok(value <= TOLERANCE, `${key} differs from the program's by ${value}`);
  }

  // A latent by keyboard: its code moves, and the image with it.
  const slider = page.locator(".latent input").first();
  await slider.focus();
  let before = await shown(page);
  for (let i = 0; i < 20; i++) await page.keyboard.press("ArrowRight");
  await page.waitForTimeout(150);
  let after = await shown(page);
  assert.equal(after.codes.filter((z, i) => z !== before.codes[i]).length, 1, "one latent moves");
  assert.notDeepEqual(after.image, before.image, "the image follows a latent");

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
  before = await shown(page);
  await map.click({ position: { x: 60, y: 60 } });
  await page.waitForTimeout(100);
  after = await shown(page);
  assert.notDeepEqual(after.codes, before.codes, "the map moves the code");
  const place = await page.locator("#map-place").textContent();
  await map.press("ArrowRight");
  await page.waitForTimeout(100);
  assert.notEqual(await page.locator("#map-place").textContent(), place, "keys move on the map");

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

  // A file.
  const file = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 120;
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, 120, 120);
    context.fillStyle = "#222";
    context.fillRect(70, 20, 14, 80);
    return canvas.toDataURL("image/png").split(",")[1];
  });
  await page.setInputFiles("#file", { name: "one.png", mimeType: "image/png", buffer: Buffer.from(file, "base64") });
  await page.waitForFunction(() => window.explorer.image.levels.some((level) => level > 150));
  const paper = await page.evaluate(() => window.explorer.image.levels[0]);
  const channels = await page.evaluate(() => window.explorer.first.shape.channels);
  if (channels === 1) assert.ok(paper < 50, "paper becomes black");

  // Samples of the seed, between two images, back to an image.
  if (await page.locator("#next-seed").isVisible()) {
    const first = () => page.evaluate(() => Array.from(window.explorer.samples.codes[0]));
    const old = await first();
    await page.click("#next-seed");
    assert.notDeepEqual(await first(), old, "another seed, other samples");
  }
  await page.locator("#between input").fill("0.25");
  await page.locator("#gallery button").nth(2).click();

  // A class.
  if (await page.locator("#class-panel").isVisible()) {
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

  await browser.close();
  assert.deepEqual(problems, []);
}

main().catch((error) => {
  console.error(`${path.basename(name)}: ${error.message}`);
  process.exit(1);
});
