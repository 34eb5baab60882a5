// A board of cells: letters, frames and marks stand on it by column and row. What is put elsewhere
// goes there by itself, in half a second; where no motion is wished, at once (live.css).
rnnbookLive.define("cells", function (live) {
  "use strict";
  const { h } = live;

  const set = (element, values) => {
    for (const [name, value] of Object.entries(values)) element.style.setProperty(`--${name}`, value);
    return element;
  };

  // Put an element at a column and a row; it may be several columns wide.
  const put = (element, c, r, w = 1) => set(element, { c, r, w });

  const at = (c, r, kind, text = "", w = 1) => put(h("span", { class: `live-at ${kind}` }, text), c, r, w);

  // Cells are as wide as the page allows, and at most `largest`; a row is a `line` high.
  function board(columns, rows, { largest = "2.2rem", line = "var(--cell)" } = {}) {
    const inside = set(h("div", { class: "live-board", role: "img" }), { columns, rows, largest, line });
    const element = set(h("div", { class: "live-cells" }, inside), { columns, largest });
    const say = (words) => inside.setAttribute("aria-label", words);
    return { element, inside, say };
  }

  return { board, at, put };
});
