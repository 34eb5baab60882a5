// One step by hand: a letter drops into the network, its row of W_xh lights up, the products are
// added up with their numbers, and tanh makes the new state.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const PAUSE = 0.45; // seconds between what appears and what appears next

  const signed = (value, digits = 2) => (value < 0 ? `−${Math.abs(value).toFixed(digits)}` : value.toFixed(digits));
  const factor = (value, digits) => (value < 0 ? `(${signed(value, digits)})` : signed(value, digits));
  const inSum = (value, digits = 2) => `${value < 0 ? "−" : "+"} ${Math.abs(value).toFixed(digits)}`;

  // The parts of one unit's sum: from the input, from each unit of the old state, and the bias.
  function parts({ W_xh, W_hh, b_h }, token, state, unit) {
    const fromState = state.map((value, k) => [value, W_hh[k][unit], value * W_hh[k][unit]]);
    const sum = W_xh[token][unit] + fromState.reduce((total, [, , product]) => total + product, b_h[unit]);
    return { fromInput: W_xh[token][unit], fromState, bias: b_h[unit], sum, state: Math.tanh(sum) };
  }

  live.figures.step = (root, options, assets, report) => {
    const { tokens, weights } = options;
    const H = weights.b_h.length;
    const units = [...Array(H).keys()];
    let read, before, state; // the letters so far, the state before the last of them, and after it

    const letters = h("div", { class: "live-row", role: "group", "aria-label": "read a letter" },
      ...[...tokens].map((token, index) => h("button", { type: "button", class: "live-key", onclick: () => next(index) }, live.visible(token))),
      h("button", { type: "button", onclick: startOver }, "Start over"));
    const sofar = h("span", { class: "live-token" });
    const lookup = h("tbody");
    const sums = h("div", { class: "live-sums" });
    const status = h("p", { class: "live-status", role: "status" });
    root.replaceChildren(
      h("div", { class: "live-figure", role: "group", "aria-label": "One step by hand" },
        h("div", { class: "live-row" }, h("span", { class: "live-caption" }, "Drop a letter in:"), letters),
        h("div", {}, h("span", { class: "live-caption" }, "read so far: "), sofar),
        h("div", { class: "live-by-hand" },
          h("div", {}, matrix("W_xh: a row a letter", "letter", lookup),
            matrix("W_hh: a row an old unit", "old", rowsOf(weights.W_hh.map((row, k) => [k + 1, row]))),
            matrix("b_h", "", rowsOf([["", weights.b_h]]))),
          sums),
        status));

    function matrix(words, corner, body) {
      const heads = units.map((k) => h("th", { scope: "col" }, `unit ${k + 1}`));
      return h("table", { class: "live-matrix" }, h("caption", {}, words),
        h("thead", {}, h("tr", {}, h(corner ? "th" : "td", corner ? { scope: "col" } : {}, corner), ...heads)), body);
    }
    function rowsOf(rows) {
      return h("tbody", {}, ...rows.map(([name, row]) => h("tr", {}, h("th", { scope: "row" }, String(name)), ...row.map((value) => h("td", {}, signed(value, 1))))));
    }

    const appearing = (stage) => ({ class: "live-appear", style: `animation-delay: ${stage * PAUSE}s` });
    const cell = (value) => {
      const strength = `color-mix(in srgb, var(${value < 0 ? "--live-minus" : "--live-plus"}) ${Math.round(45 * Math.min(1, Math.abs(value)))}%, transparent)`;
      return h("span", { class: "live-number", style: `background: ${strength}` }, signed(value));
    };

    function next(token) {
      before = state;
      const found = units.map((unit) => parts(weights, token, before, unit));
      state = found.map((part) => part.state);
      read += tokens[token];
      show(token, found);
      status.textContent = `It read ${live.visible(tokens[token])}. The new state is ${state.map((value) => signed(value)).join(", ")}.`;
      report({ read, state, sums: found.map((part) => part.sum) });
    }

    function show(token, found) {
      sofar.textContent = [...read].map(live.visible).join("") || "nothing";
      lookup.replaceChildren(...weights.W_xh.map((row, index) =>
        h("tr", index === token ? { class: "live-lit" } : {},
          h("th", { scope: "row" }, live.visible(tokens[index])), ...row.map((value) => h("td", {}, signed(value, 1))))));
      sums.replaceChildren(
        h("div", { class: "live-caption" }, "old state ", ...before.map(cell)),
        ...(found ?? []).map((part, unit) => h("div", { class: "live-sum" },
          h("strong", {}, `unit ${unit + 1}`),
          h("span", { ...appearing(0), title: "from the input" }, h("mark", {}, signed(part.fromInput, 1))),
          ...part.fromState.map(([value, weight]) =>
            h("span", { ...appearing(1), title: "old state times W_hh" }, `+ ${factor(value, 2)}·${factor(weight, 1)}`)),
          h("span", { ...appearing(2), title: "bias" }, inSum(part.bias, 1)),
          h("span", appearing(2), `= ${signed(part.sum)}`),
          h("span", appearing(3), "tanh → ", cell(part.state)))),
        ...(found ? [h("div", { ...appearing(4) }, h("span", { class: "live-caption" }, "new state "), ...state.map(cell))] : []));
    }

    function startOver() {
      read = "";
      before = state = units.map(() => 0);
      for (const token of options.text ?? "") next(tokens.indexOf(token));
      if (!read) {
        show(-1, null);
        status.textContent = "It has read nothing yet: its state is zero.";
        report({ read, state, sums: [] });
      }
    }

    startOver();
    return {
      update(changed) { options = { ...options, ...changed, tokens, weights }; startOver(); },
      destroy() { root.replaceChildren(); },
    };
  };
})();
