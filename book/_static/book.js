// Small repairs to the built pages. Nothing here is needed to read the book.
"use strict";

// Results are listed from a script, but their excerpts are fetched, which a browser refuses to do
// for pages opened from disk.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// "Exercise 3.2 · Carry the state [code, 10 min]": the brackets become a badge.
const KIND = /\s*\[(\w+), (\d+ min)\]\s*$/;

// Take the kind off the end of an element's text, whatever markup stands before it.
function takeKind(element) {
  const isKind = (node) => node.nodeType === Node.TEXT_NODE && KIND.test(node.textContent);
  const text = [...element.childNodes].find(isKind);
  if (!text) return null;
  const [, kind, minutes] = text.textContent.match(KIND);
  text.textContent = text.textContent.replace(KIND, " ");
  return { text, label: `${kind} · ${minutes}` };
}

function badgeHeading(heading) {
  const found = takeKind(heading);
  if (!found) return;
  const badge = document.createElement("span");
  badge.className = "exercise-kind";
  badge.textContent = found.label;
  found.text.after(badge);
}

function shortenContents() {
  for (const link of document.querySelectorAll(".page-toc a")) {
    takeKind(link);
    if (link.hash.startsWith("#solution-")) link.parentElement.remove();
  }
}

// A formula within a sentence cannot be broken: one that is wider than the column gets a box.
function boxWideFormulas() {
  for (const formula of document.querySelectorAll(".bd-article span.math")) {
    formula.classList.remove("wide-math");
    const picture = formula.querySelector("math");
    let block = formula.parentElement;
    while (getComputedStyle(block).display.startsWith("inline")) block = block.parentElement;
    const { paddingLeft, paddingRight } = getComputedStyle(block);
    const room = block.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    if (picture && picture.getBoundingClientRect().width > room) formula.classList.add("wide-math");
  }
}

// A displayed formula that is too wide is set smaller, as far as it can still be read.
const SMALLEST = 0.65;

function fitFormulas() {
  for (const box of document.querySelectorAll(".bd-article div.math")) {
    box.style.fontSize = "";
    const room = box.clientWidth;
    if (room && box.scrollWidth > room)
      box.style.fontSize = `${Math.max(SMALLEST, (0.98 * room) / box.scrollWidth)}em`;
  }
}

// A box that scrolls sideways must be reachable by keyboard.
function reachScrollBoxes() {
  fitFormulas();
  boxWideFormulas();
  const boxes =
    ".bd-article :is(div.math, span.wide-math, pre, .pst-scrollable-table-container)";
  for (const box of document.querySelectorAll(boxes)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
  for (const formula of document.querySelectorAll("span.math[tabindex]:not(.wide-math)"))
    formula.removeAttribute("tabindex");
}

// What was printed as sentences may go on in the next line; columns may not.
function tellProse() {
  for (const output of document.querySelectorAll(".cell_output pre"))
    output.classList.toggle("prose", !/\S {2,}\S/.test(output.textContent));
}

document.addEventListener("DOMContentLoaded", () => {
  tellProse();
  document.querySelectorAll('section[id^="exercise-"] > h3').forEach(badgeHeading);
  shortenContents();
  // The visible words, "Show solution", say more than the label that hides them.
  document
    .querySelectorAll("details.hide > summary[aria-label]")
    .forEach((summary) => summary.removeAttribute("aria-label"));
  document.addEventListener("toggle", reachScrollBoxes, true);
  window.addEventListener("resize", reachScrollBoxes);
});

window.addEventListener("load", reachScrollBoxes);
