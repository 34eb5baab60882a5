// Minibatches of a text: windows that march along its strips, or that come from anywhere.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const WAYS = { sequential: "sequential", random: "random" };

  live.figures.windows = (root, options, assets, report) => {
    const { at, put, board } = live.cells;
    let { way } = options;
    let text, B, T, L; // L is the length of a strip
    let random, pass, number; // a pass is a list of minibatches, each the starts of its windows
    let strips, marks, tables;

    const ways = live.choice("which windows", WAYS, way, (chosen) => { way = chosen; begin(options.number); });
    const next = h("button", { type: "button", onclick: step }, "Next minibatch");
    const place = h("div", {});
    const status = h("p", { class: "live-status", role: "status" });
    root.replaceChildren(
      h("div", { class: "live-figure", role: "group", "aria-label": "Minibatches of a text" },
        h("div", { class: "live-row" }, ways.element, next), place,
        h("div", { class: "live-caption" }, "Line: what a row has read. Dot: its state, carried on. Grey letter: only a target; the next row begins with it."), status));

    function build() {
      ({ B, T } = options);
      L = Math.floor(([...options.text].length - 1) / B);
      text = [...options.text].slice(0, B * L + 1); // the rest fills no strip
      strips = board(L + 1, B, { largest: "2rem", line: "3.3rem" });
      for (let b = 0; b < B; b += 1)
        for (let c = 0; c <= L; c += 1) // the last target of a strip is the first letter of the next
          strips.inside.append(at(c, b, `live-letter${c === L ? " live-extra" : ""}`, live.visible(text[b * L + c])));
      marks = [];
      tables = { X: table("X", "inputs"), Y: table("Y", "targets") };
      place.replaceChildren(strips.element, h("div", { class: "live-row live-tables" }, tables.X.element, tables.Y.element));
    }

    function table(name, words) {
      const rows = Array.from({ length: B }, (_, b) =>
        h("tr", {}, h("th", { scope: "row" }, `row ${b}`), ...Array.from({ length: T }, () => h("td", {}))));
      const caption = h("caption", {}, h("b", {}, `${name} (${B}, ${T})`), `: ${words}`);
      const element = h("table", { class: `live-table live-of-${name}` }, caption, h("tbody", {}, ...rows));
      const fill = (windows) => rows.forEach((row, b) =>
        windows[b].forEach((letter, t) => { row.cells[t + 1].textContent = live.visible(letter); }));
      return { element, fill };
    }

    // One pass over the text, as rnnbook.batching makes it.
    function deal() {
      if (way === "sequential")
        return Array.from({ length: Math.floor(L / T) }, (_, n) => Array.from({ length: B }, (_, b) => b * L + n * T));
      const offset = Math.floor(random() * T);
      const starts = [];
      for (let start = offset; start + T < text.length; start += T) starts.push(start);
      for (let n = starts.length - 1; n > 0; n -= 1) { // shuffled
        const other = Math.floor(random() * (n + 1));
        [starts[n], starts[other]] = [starts[other], starts[n]];
      }
      return Array.from({ length: Math.floor(starts.length / B) }, (_, n) => starts.slice(n * B, (n + 1) * B));
    }

    function begin(first) {
      random = live.network.generator(options.seed);
      pass = deal();
      number = Math.min(first, pass.length);
      clear();
      show();
    }

    function step() {
      number += 1;
      if (number > pass.length) { pass = deal(); number = 1; }
      if (number === 1 || way === "random") clear(); // nothing goes on from there: nothing may glide
      show();
    }

    const clear = () => { marks.forEach((mark) => mark.remove()); marks = []; };

    // Where a window lies on the board: in one piece along a strip, else over the strips' ends.
    function pieces(start, b) {
      if (way === "sequential") return [["", start - b * L, b, T]];
      const found = [];
      for (let from = start, stop = start + T; from < stop;) {
        const r = Math.min(Math.floor(from / L), B - 1);
        const to = r === B - 1 ? stop : Math.min(stop, (r + 1) * L);
        const open = `${from > start ? " live-open-left" : ""}${to < stop ? " live-open-right" : ""}`;
        found.push([open, from - r * L, r, to - from]);
        from = to;
      }
      return found;
    }

    function show() {
      const starts = pass[number - 1];
      const carried = way === "sequential" && number > 1;
      const wanted = [];
      starts.forEach((start, b) => {
        const reads = pieces(start, b);
        const [, c, r] = reads[0];
        if (way === "sequential") wanted.push(["live-thread", 0, r, c]);
        for (const [open, ...piece] of pieces(start + 1, b)) wanted.push([`live-frame live-y${open}`, ...piece]);
        for (const [open, ...piece] of reads) wanted.push([`live-frame live-x${open}`, ...piece]);
        wanted.push([`live-tag${c > L - 4 ? " live-left" : ""}`, c, r, 0, `row ${b}`]);
        wanted.push([`live-bead${carried ? " live-full" : ""}`, c, r, 0]);
      });
      wanted.forEach(([kind, c, r, w, words], n) => {
        if (!marks[n]) strips.inside.append((marks[n] = at(c, r, kind, words, w)));
        marks[n].className = `live-at ${kind}`;
        put(marks[n], c, r, w);
      });
      const windows = (shift) => starts.map((start) => text.slice(start + shift, start + shift + T));
      tables.X.fill(windows(0));
      tables.Y.fill(windows(1));
      next.textContent = number === pass.length ? "Begin again" : "Next minibatch";
      status.textContent = words(starts, carried);
      strips.say(`The text in ${B} strips. Minibatch ${number} reads ${windows(0).map(quoted).join(", ")}.`);
      report({ way, number, of: pass.length, starts, X: windows(0).map(joined), Y: windows(1).map(joined) });
    }

    const joined = (letters) => letters.join("");
    const quoted = (letters) => `“${letters.map(live.visible).join("")}”`;

    function words(starts, carried) {
      const head = `Minibatch ${number} of ${pass.length}.`;
      if (number === 1) return `${head} Nothing was read before: every row starts from a state of zeros.`;
      const read = (n) => quoted(text.slice(pass[n][0], pass[n][0] + T));
      return carried
        ? `${head} Row 0 has just read ${read(number - 2)} and goes on with ${read(number - 1)}. So do all rows: each keeps its state.`
        : `${head} Row 0 has just read ${read(number - 2)} and now gets ${read(number - 1)}, from elsewhere. So every row starts from a state of zeros.`;
    }

    build();
    begin(options.number);
    return {
      update(changed) {
        options = { ...options, ...changed };
        way = options.way;
        ways.set(way);
        build();
        begin(options.number);
      },
      destroy() { root.replaceChildren(); },
    };
  };
})();
