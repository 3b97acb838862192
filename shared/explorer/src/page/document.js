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

const element = (tag, textContent = "", more = {}) => Object.assign(document.createElement(tag), { textContent, ...more });
