// A table of windows, turned in two ways: .T moves the numbers, .reshape only the line breaks.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const FLIGHT = 600; // milliseconds that a number flies
  const SPREAD = 300; // between the first to leave and the last
  const COLOURS = ["first", "second", "third", "fourth"];

  live.figures.turning = (root, options, assets, report) => {
    const { at, board } = live.cells;
    const place = h("div", { class: "live-turning" });
    const status = h("p", { class: "live-status", role: "status" });
    let from, ways;
    root.replaceChildren(h("div", { class: "live-figure", role: "group", "aria-label": "A table turned in two ways" }, place, status));

    const chip = (n, c, r) => at(c, r, `live-chip live-${COLOURS[Math.floor(n / options.T)]}`, n);

    function build() {
      const { T, B } = options;
      const numbers = Array.from({ length: T * B }, (_, n) => n);
      const X = board(T + 1, B, { largest: "2.9rem" });
      from = numbers.map((n) => chip(n, 1 + (n % T), Math.floor(n / T)));
      X.inside.append(...from, ...Array.from({ length: B }, (_, b) => at(0, b, `live-side live-${COLOURS[b]}`, `row ${b}`)));
      X.say(`${B} rows of ${T} numbers, 0 to ${T * B - 1}.`);
      ways = {
        T: result("X.T", (n) => [n % T, Math.floor(n / T)]),
        reshape: result(`X.reshape(${T}, ${B})`, (n) => [Math.floor(n / B), n % B]),
      };
      for (const [name, way] of Object.entries(ways)) way.button.addEventListener("click", () => fly(name));
      place.replaceChildren(
        h("div", {}, h("div", { class: "live-head" }, `X (${B}, ${T})`), X.element),
        h("div", { class: "live-turned" }, ...Object.values(ways).map(({ button, element }) =>
          h("div", {}, h("div", { class: "live-head" }, button), element))));
      status.textContent = "The shapes are equal. Read the columns: each should be one row of X.";
      report({ turned: null, ...tables() });
    }

    // A turned table: where(n) is the row and the column to which number n goes.
    function result(name, where) {
      const { T, B } = options;
      const table = Array.from({ length: T }, () => new Array(B));
      const { element, inside, say } = board(B, T + 0.6, { largest: "2.9rem" });
      const chips = from.map((_, n) => {
        const [r, c] = where(n);
        table[r][c] = n;
        inside.append(at(c, r, "live-hole"));
        return chip(n, c, r);
      });
      const columns = table[0].map((_, c) => table.map((row) => row[c]));
      const whole = columns.map((column) => new Set(column.map((n) => Math.floor(n / T))).size === 1);
      inside.append(...chips, ...columns.map((column, c) => whole[c]
        ? at(c, T, `live-under live-${COLOURS[Math.floor(column[0] / T)]}`, `row ${Math.floor(column[0] / T)}`)
        : at(c, T, "live-under", "✗ mixed")));
      say(`${name}: ${columns.map((column, c) => `column ${c} is ${column.join(", ")}`).join("; ")}.`);
      return { element, chips, table, columns, button: h("button", { type: "button" }, name), good: whole.every(Boolean) };
    }

    function fly(name) {
      const { chips, columns, good } = ways[name];
      status.textContent = `Column 0 is ${columns[0].join(", ")}: ${good ? "one row of X, step after step." : "numbers of several rows, mixed."}`;
      if (!live.still()) chips.forEach((there, n) => {
        const [a, b] = [from[n].getBoundingClientRect(), there.getBoundingClientRect()];
        there.getAnimations().forEach((flight) => flight.cancel());
        there.animate([{ transform: `translate(${a.x - b.x}px, ${a.y - b.y}px)` }, { transform: "none" }],
          { duration: FLIGHT, delay: (SPREAD * n) / chips.length, easing: "ease-in-out", fill: "backwards" });
      });
      report({ turned: name, ...tables() });
    }

    const tables = () => ({ T: ways.T.table, reshape: ways.reshape.table });

    build();
    return {
      update(changed) { options = { ...options, ...changed }; build(); },
      destroy() { root.replaceChildren(); },
    };
  };
})();
