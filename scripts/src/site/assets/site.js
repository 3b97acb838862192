// Sorting of tables, search, and the navigation of small screens. The pages can be read without it.
"use strict";

// The number a cell begins with: "93.54 ± 0.22", "0.71", "26.7k", "-"; a time, "98.9 s" or "20 min", in seconds.
function number(cell) {
  const found = cell.textContent.trim().match(/^[-+]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?k?/);
  if (!found) return null;
  const text = found[0].replaceAll(",", "");
  const unit = cell.textContent.trim().match(/ (s|min|h)$/)?.[1];
  const scale = text.endsWith("k") ? 1000 : { s: 1, min: 60, h: 3600 }[unit] ?? 1;
  return scale * parseFloat(text);
}

function sortable(table) {
  const body = table.tBodies[0];
  if (!body) return;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const cells = [...body.rows].map((row) => row.cells[column]).filter(Boolean);
    const known = cells.filter((cell) => number(cell) !== null).length;
    const isNumber = known > 0 && known >= cells.filter((cell) => cell.textContent.trim().length > 1).length;
    const isShort = cells.every((cell) => cell.textContent.length < 36);
    if (isNumber || isShort) cells.forEach((cell) => cell.classList.add(isNumber ? "numeric" : "short"));
    if (body.rows.length < 2) return;
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // The first click brings the best to the top: an arrow down means that less is better.
      const first = isNumber && !head.textContent.includes("↓") ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...body.rows].sort((a, b) => {
        const [left, right] = [a.cells[column], b.cells[column]];
        if (!isNumber) return sign * left.textContent.localeCompare(right.textContent, "en", { numeric: true });
        const [x, y] = [number(left), number(right)];
        // Rows without the number stay at the end.
        if (x === null || y === null) return (x === null) - (y === null);
        return sign * (x - y);
      });
      body.append(...rows);
    });
  });
}

function search(input) {
  const hits = document.querySelector(".hits");
  const root = document.body.dataset.root;
  const pages = (window.PAGES || []).map((page) => ({ ...page, lower: `${page.title}\n${page.text}`.toLowerCase() }));
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    hits.replaceChildren();
    hits.hidden = words.length === 0;
    if (words.length === 0) return;
    const count = (text, word) => text.split(word).length - 1;
    const found = pages
      .filter((page) => words.every((word) => page.lower.includes(word)))
      .map((page) => {
        const title = page.title.toLowerCase();
        const score = words.reduce((sum, word) => sum + count(page.lower, word) + (title.includes(word) ? 50 : 0), 0);
        return { page, score };
      })
      .sort((a, b) => b.score - a.score)
      .slice(0, 8);
    for (const { page } of found) {
      const line = page.text.split("\n").find((line) => !line.startsWith("|") && line.toLowerCase().includes(words[0]));
      const link = document.createElement("a");
      link.href = root + page.file;
      link.textContent = page.title;
      if (line) {
        const excerpt = document.createElement("small");
        const at = Math.max(0, line.toLowerCase().indexOf(words[0]) - 30);
        excerpt.textContent = line.slice(at, at + 90).replace(/[`$*#]|\[|\]\([^)]*\)?/g, "");
        link.append(excerpt);
      }
      const item = document.createElement("li");
      item.append(link);
      hits.append(item);
    }
    if (found.length === 0) hits.append(document.createTextNode("Nothing found."));
  });
}

document.querySelectorAll("main table").forEach(sortable);
search(document.querySelector("nav.site input"));
if (matchMedia("(max-width: 60rem)").matches) document.querySelector("nav.site details").open = false;
