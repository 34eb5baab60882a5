// Names of unequal lengths, read step by step: packed, so that the minibatch shrinks, or padded.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const MODES = { packed: "packed", padded: "padded" };

  live.figures.packing = (root, options, assets, report) => {
    const { at, put, board } = live.cells;
    let { mode } = options;
    let rows, T, lead; // the names, longest first; steps; columns in front, for a label
    let picture, cells, rings, lasts, counts, label;

    const modes = live.choice("how the minibatch is read", MODES, mode, (chosen) => { mode = chosen; show(); });
    const steps = h("div", {});
    const place = h("div", {});
    const framed = h("div", { class: "live-caption" });
    const caption = h("div", { class: "live-caption" });
    const data = h("div", { class: "live-data" });
    const status = h("p", { class: "live-status", role: "status" });
    let slider;
    root.replaceChildren(
      h("div", { class: "live-figure", role: "group", "aria-label": "A minibatch of names, packed or padded" },
        h("div", { class: "live-row" }, modes.element, steps), place, framed, caption, data, status));

    function build() {
      // As PyTorch sorts: longest first, and equals in the order in which they came.
      rows = options.names.map((name) => [...name]).sort((a, b) => b.length - a.length);
      T = rows[0].length;
      lead = T > 8 ? 4 : 3;
      slider = live.slider("steps read", { min: 1, max: T, step: 1, value: options.step, format: (t) => `${t} of ${T}` }, show);
      steps.replaceChildren(slider.element);
      picture = board(lead + T, rows.length + 1, { largest: "2.6rem" });
      label = at(0, 0, "live-name", "", lead);
      counts = Array.from({ length: T }, (_, t) => at(lead + t, 0, "live-count"));
      cells = rows.map((name, r) => Array.from({ length: T }, (_, t) =>
        at(lead + t, r + 1, "", t < name.length ? live.visible(name[t]) : "")));
      lasts = rows.map((name, r) => at(lead + name.length - 1, r + 1, "live-ring live-last"));
      rings = rows.map((_, r) => at(lead, r + 1, "live-ring"));
      picture.inside.append(label, ...counts, ...cells.flat(), ...lasts, ...rings);
      place.replaceChildren(picture.element);
    }

    const sizes = () => Array.from({ length: T }, (_, t) =>
      mode === "padded" ? rows.length : rows.filter((name) => name.length > t).length);
    // Where each row's state stands: packed, it stays at the last letter.
    const picked = (step) => rows.map((name) => Math.min(step, mode === "padded" ? T : name.length) - 1);

    function show() {
      const step = slider.value;
      const batch = sizes();
      const now = picked(step);
      label.textContent = mode === "packed" ? "batch_sizes" : "rows read";
      counts.forEach((count, t) => {
        count.textContent = batch[t];
        count.classList.toggle("live-past", t < step);
        count.classList.toggle("live-now", t === step - 1);
      });
      cells.forEach((row, r) => row.forEach((cell, t) => {
        const kind = t < rows[r].length ? "live-valid" : "live-pad";
        cell.className = `live-at live-square ${kind}${t < step && t < (mode === "padded" ? T : rows[r].length) ? " live-read" : ""}`;
      }));
      rings.forEach((ring, r) => {
        put(ring, lead + now[r], r + 1);
        const beyond = now[r] >= rows[r].length;
        ring.classList.toggle("live-wrong", beyond);
        lasts[r].classList.toggle("live-left-behind", beyond);
      });
      framed.textContent = `framed: ${step < T ? "the state of each row" : mode === "packed" ? "h_n" : "output[:, -1]"}`;
      const read = fill(batch, step);
      status.textContent = words(step, batch, now);
      picture.say(`${rows.map((name) => name.join("")).join(", ")}, one name a row. ${status.textContent}`);
      report({ mode, step, batch_sizes: batch, names: rows.map((name) => name.join("")), data: read, picked: now });
    }

    // The letters in the order in which the layer gets them: step by step, in each from the top.
    function fill(batch, step) {
      const read = [];
      data.replaceChildren(...batch.map((size, t) => h("span", { class: "live-run" },
        ...rows.slice(0, size).map((name) => {
          const letter = name[t];
          if (t < step) read.push(letter ?? "");
          const kind = letter === undefined ? "live-pad" : "live-valid";
          return h("span", { class: `live-square ${kind}${t < step ? " live-read" : ""}` },
            t < step && letter !== undefined ? live.visible(letter) : "");
        }))));
      const all = batch.reduce((a, b) => a + b);
      const pads = all - rows.flat().length;
      caption.textContent = mode === "packed"
        ? `packed.data: ${all} cells, no padding`
        : `what is read: ${all} cells, ${pads} of them padding`;
      return read;
    }

    function words(step, batch, now) {
      const pads = now.filter((t, r) => t >= rows[r].length).length;
      const N = rows.length;
      if (mode === "padded" && step === T) return `output[:, -1] is the last column: a pad in ${pads} of ${N} rows.`;
      if (mode === "padded") return `Step ${step}: all ${N} rows are read${pads ? `, and ${pads} of them ${pads === 1 ? "is" : "are"} in the padding already: its state goes on changing` : ""}.`;
      if (step === T) return "h_n has for each row the state after its last letter.";
      return batch[step - 1] === N
        ? `Step ${step}: all ${N} rows are read.`
        : `Step ${step}: ${batch[step - 1]} of ${N} rows still go on. The others have ended, and their states stay.`;
    }

    build();
    show();
    return {
      update(changed) {
        options = { ...options, ...changed };
        mode = options.mode;
        modes.set(mode);
        build();
        show();
      },
      destroy() { root.replaceChildren(); },
    };
  };
})();
