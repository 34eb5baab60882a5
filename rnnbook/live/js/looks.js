// What the network looks at: type, or move through the text, and see which characters the
// prediction there depends on. Or take one unit, and see where it is strong, here and in the story.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const NAMES = { rnn: "plain RNN", gru: "GRU", lstm: "LSTM" };
  const MODES = { looks: "what it looks at", unit: "one unit" };
  const LONGEST = 400; // characters: a prediction is answered in a fraction of 50 ms
  const STORY = 8000; // characters of the story that are searched for a unit's passages
  const ROW = 32; // units in a row of the strip
  const PASSAGES = 5;

  // A text as it is read, and for each character of the text which of those it became.
  function heard(text) {
    let clean = "";
    const owners = [...text.split("")].map((character) => {
      const small = character.toLowerCase();
      if (/^[a-z]$/.test(small)) clean += small;
      else if (clean && !clean.endsWith(" ")) clean += " ";
      return clean.length - 1;
    });
    return { clean, owners };
  }

  const tint = (value, colour) =>
    `background: color-mix(in srgb, var(${colour}) ${Math.round(100 * Math.min(1, Math.abs(value)))}%, transparent)`;
  const signed = (value) => tint(value, value < 0 ? "--live-mark-minus" : "--live-mark-plus");
  const number = (value) => value.toFixed(2).replace(/^-0\.00$/, "0.00").replace("-", "−");
  const quoted = (token) => (token === " " ? "a space" : `“${token}”`);

  live.figures.looks = (root, options, assets, report) => {
    const nets = {};
    const stories = {}; // by kind: the states along the story, as far as it was read
    const net = () => (nets[kind] ??= live.network.load(assets[kind]));
    const unit = () => Math.min(units[kind], net().H - 1);
    let { kind, mode, units } = options;
    let read = []; // for each character that was read: its token, and the state and logits after it
    let owners = [];
    let caret = 0; // in the box, and so where the flag stands
    let seen = {}; // what is said of the prediction at the flag
    let passages = [];
    let reading = 0;

    const shown = h("span", { class: "live-painted", "aria-hidden": "true" });
    const box = h("textarea", { rows: 1, maxlength: LONGEST, spellcheck: "false", autocapitalize: "off" });
    const modes = live.choice("shown", MODES, mode, (chosen) => { mode = chosen; arrange(); });
    const kinds = live.choice("network", NAMES, kind, (chosen) => { kind = chosen; read = []; arrange(); });
    const again = h("button", { type: "button", onclick: startOver }, "Reset");
    const legend = h("div", { class: "live-legend" });
    const status = h("p", { class: "live-status", role: "status" });
    const which = live.slider("unit", { min: 0, max: net().H - 1, step: 1, value: unit() }, pick);
    const strip = live.canvas(42, paintStrip);
    strip.element.style.cursor = "pointer";
    strip.element.addEventListener("click", ({ offsetX, offsetY }) => {
      const { clientWidth, clientHeight } = strip.element;
      const rows = Math.ceil(net().H / ROW);
      const chosen = Math.floor((offsetY / clientHeight) * rows) * ROW + Math.floor((offsetX / clientWidth) * ROW);
      if (chosen < net().H) { which.set(chosen); pick(chosen); }
    });
    const found = h("ol", { class: "live-passages" });
    const heading = h("div", { class: "live-caption" });
    const panel = h("div", {}, h("div", { class: "live-caption" }, "All units at the mark: click one, or use the slider"),
      strip.element, which.element, heading, found);

    root.replaceChildren(
      h("div", { class: "live-figure live-looks", role: "group", "aria-label": "What does it look at?" },
        h("div", { class: "live-row" }, modes.element, kinds.element),
        h("label", { class: "live-text" }, "Type, or click anywhere in the text:", h("span", { class: "live-stack" }, shown, box)),
        h("div", { class: "live-row live-below" }, legend, again), status, panel));
    box.addEventListener("input", follow);
    for (const event of ["keyup", "click", "select"]) box.addEventListener(event, moved);
    document.addEventListener("selectionchange", moved);

    // Read what stands in the box, from the first character that is new.
    function follow() {
      const heardNow = heard(box.value);
      const tokens = net().encode(heardNow.clean);
      ({ owners } = heardNow);
      let same = 0;
      while (same < read.length && same < tokens.length && read[same].token === tokens[same]) same += 1;
      read.length = same;
      for (const token of tokens.slice(same)) {
        const { state } = read.at(-1) ?? { state: net().start() };
        read.push({ token, ...net().step(state, token) });
      }
      caret = box.selectionEnd;
      look();
    }

    function moved() {
      if (box.selectionEnd === caret) return;
      caret = box.selectionEnd;
      look();
    }

    // Ask at the flag: what is expected, and which characters before it does that depend on?
    function look() {
      const count = caret ? owners[caret - 1] + 1 : 0;
      const steps = read.slice(0, count);
      const last = steps.at(-1);
      seen = { count, last, norms: [], shares: [], half: 0 };
      if (last) {
        const token = live.network.order(last.logits)[0];
        const norms = live.lookback.norms(live.lookback.gradients(net(), steps, token));
        const largest = Math.max(...norms);
        seen = { ...seen, norms, token: net().tokens[token], p: live.network.softmax(last.logits)[token],
          shares: norms.map((norm) => norm / largest), half: live.lookback.reach(norms, 0.5) };
      }
      show();
    }

    function show() {
      draw();
      strip.repaint();
      say();
      tell();
    }

    // The text in its colours, character under character with the box that lies over it.
    function draw() {
      const { count, shares, half, last } = seen;
      const parts = [];
      let owner = null;
      const flag = () => parts.push(h("span", { class: "live-flag" },
        ...(last ? [h("span", {}, mode === "looks" ? seen.token.replace(" ", "space") : number(last.state.h[unit()]))] : [])));
      for (let n = 0; n < box.value.length; n += 1) {
        if (n === caret) { flag(); owner = null; }
        const mine = owners[n];
        if (mine === owner) { parts.at(-1).append(box.value[n]); continue; } // read as one
        owner = mine;
        const span = h("span", {}, box.value[n]);
        if (mode === "unit" && mine >= 0) span.style.cssText = signed(read[mine].state.h[unit()]);
        else if (mine >= 0 && mine < count) span.style.cssText = tint(shares[mine], "--live-mark, #d57b05");
        if (mode === "looks" && n >= caret) span.className = "live-later";
        else if (mode === "looks" && mine >= count - half) span.className = "live-half";
        parts.push(span);
      }
      if (caret >= box.value.length) flag();
      shown.replaceChildren(...parts, "\u200b");
    }

    function say() {
      const { last, half, token, p, count, shares } = seen;
      const text = read.slice(0, count).map((step) => net().tokens[step.token]).join("");
      const after = `“${text.match(/\S* ?\S* ?$/)[0]}”`; // two words, or one and a begun one
      if (!last) status.textContent = "It has read nothing yet.";
      else if (mode === "looks") status.textContent =
        `After ${after} the ${NAMES[kind]} expects ${quoted(token)} (${p.toFixed(2)}). ` +
        `That depends most on ${quoted(text[shares.indexOf(1)])}; half of the sensitivity lies in the last ` +
        `${half === 1 ? "character" : `${half} characters`}, underlined.`;
      else status.textContent = `Unit ${unit()} of the ${NAMES[kind]} is at ${number(last.state.h[unit()])} after ${after}.`;
      strip.element.setAttribute("aria-label",
        `The ${net().H} units of the ${NAMES[kind]}, in rows of ${ROW}; unit ${unit()} is marked. The slider chooses one.`);
    }

    function tell() {
      const { count, norms, half, token, p } = seen;
      report({ kind, mode, text: read.map((step) => net().tokens[step.token]).join(""), at: count,
        expected: token ?? null, probability: p ?? null, norms, half, unit: unit(), passages,
        states: read.map(({ state }) => state.h[unit()]) });
    }

    function paintStrip(context, width, height, style) {
      const w = width / ROW;
      const each = height / Math.ceil(net().H / ROW);
      context.strokeStyle = style.borderColor;
      for (let k = 0; k < net().H; k += 1) {
        const [left, top] = [(k % ROW) * w, Math.floor(k / ROW) * each];
        live.signed(context, style, seen.last?.state.h[k] ?? 0, left, top, w - 1, each - 1);
        context.globalAlpha = 0.6;
        context.strokeRect(left + 0.5, top + 0.5, w - 2, each - 2);
        context.globalAlpha = 1;
      }
      context.strokeStyle = style.color;
      context.lineWidth = 2;
      context.strokeRect((unit() % ROW) * w, Math.floor(unit() / ROW) * each + 1, w - 1, each - 3);
    }

    function pick(chosen) {
      units = { ...units, [kind]: chosen };
      passages = [];
      browse();
      show();
    }

    // Read the story, a little at a time, and list where the unit is highest.
    function browse() {
      clearTimeout(reading);
      if (mode !== "unit") return;
      const along = (stories[kind] ??= live.passages.reading(net(), assets.story.validation.slice(0, STORY)));
      if (!along.goOn()) {
        heading.textContent = "reading the story …";
        found.replaceChildren();
        reading = setTimeout(browse, 0);
        return;
      }
      const states = along.unit(unit());
      const places = live.passages.highest(states, PASSAGES);
      heading.textContent = `Unit ${unit()} is highest here, of ${along.text.length} characters of the story that it was not trained on:`;
      found.replaceChildren(...places.map((place) => h("li", {},
        live.passages.passage(along.text, states, place, signed), h("span", { class: "live-value" }, number(states[place])))));
      passages = places.map((place) => ({ at: place, state: states[place] }));
      tell();
    }

    // What belongs to the mode and to the network.
    function arrange() {
      panel.hidden = mode !== "unit";
      which.input.max = net().H - 1;
      which.set(unit());
      strip.element.style.height = `${14 * Math.ceil(net().H / ROW)}px`;
      const ends = mode === "unit" ? ["−1", "1"] : ["this character counts not at all", "most (of this network)"];
      const scale = h("span", { class: `live-scale live-scale-${mode}` });
      legend.replaceChildren(ends[0], scale, ends[1]);
      passages = [];
      follow();
      browse();
    }

    function startOver() {
      box.value = options.text;
      box.setSelectionRange(box.value.length, box.value.length);
      follow();
    }

    box.value = options.text;
    arrange();
    return {
      update(changed) {
        options = { ...options, ...changed };
        ({ kind, mode, units } = options);
        kinds.set(kind);
        modes.set(mode);
        read = [];
        box.value = options.text;
        box.setSelectionRange(box.value.length, box.value.length);
        arrange();
      },
      destroy() {
        clearTimeout(reading);
        document.removeEventListener("selectionchange", moved);
        strip.stop();
        root.replaceChildren();
      },
    };
  };
})();
