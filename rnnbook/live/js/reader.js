// The reading network: type, and watch the state follow; or let it write on.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const NAMES = { rnn: "plain RNN", gru: "GRU", lstm: "LSTM" };
  const COLUMNS = 48; // characters of which the state is drawn
  const UNITS = 32; // units of the state that are drawn
  const SHOWN = 10; // tokens of which the probability is drawn
  const LONGEST = 2000;
  const PACE = 18; // characters a second, so that writing can be followed

  live.figures.reader = (root, options, assets, report) => {
    const nets = {};
    const net = () => (nets[kind] ??= live.network.load(assets[kind]));
    let { kind } = options;
    let read = []; // for each character that was read: its token, and the state and logits after it
    let random = live.network.generator(1);
    let writing = 0;

    const box = h("textarea", { rows: 3, maxlength: LONGEST, spellcheck: "false", autocapitalize: "off" });
    box.value = options.text;
    const kinds = live.choice("network", NAMES, kind, (chosen) => { kind = chosen; read = []; follow(); });
    const write = h("button", { type: "button", onclick: () => (writing ? pause() : start()) }, "Write on");
    const again = h("button", { type: "button", onclick: startOver }, "Start over");
    const temperature = live.slider("temperature", {
      min: 0, max: 1.5, step: 0.1, value: options.temperature, format: (t) => (t ? t.toFixed(1) : "0: always the likeliest"),
    }, tell);
    const topK = live.slider("draw among the likeliest", { min: 1, max: net().V, step: 1, value: options.top_k }, tell);
    const picture = live.canvas(216, paint);
    const bars = h("ol", { class: "live-bars" });
    const status = h("p", { class: "live-status", role: "status" });

    root.replaceChildren(
      h("div", { class: "live-figure", role: "group", "aria-label": "The reading network" },
        h("div", { class: "live-row" }, kinds.element, write, again),
        h("label", { class: "live-text" }, "Type, and watch its state follow:", box),
        h("div", { class: "live-two" },
          h("div", {}, h("div", { class: "live-caption" }, "Its state: a column a character, a row a unit; red above 0, blue below."), picture.element),
          h("div", {}, h("div", { class: "live-caption" }, "What comes next?"), bars)),
        h("div", { class: "live-row" }, temperature.element, topK.element), status));
    const rows = Array.from({ length: SHOWN }, () => {
      const token = h("span", { class: "live-token" });
      const bar = h("span", { class: "live-bar" });
      const value = h("span", { class: "live-value" });
      bars.append(h("li", {}, token, h("span", { class: "live-track" }, bar), value));
      return { token, bar, value };
    });
    box.addEventListener("input", () => { pause(); follow(); });

    // Read what stands in the box, from the first character that is new.
    function follow() {
      const tokens = net().encode(live.network.clean(box.value));
      let same = 0;
      while (same < read.length && same < tokens.length && read[same].token === tokens[same]) same += 1;
      read.length = same;
      for (const token of tokens.slice(same)) next(token);
      show();
    }

    function next(token) {
      const { state } = read.at(-1) ?? { state: net().start() };
      read.push({ token, ...net().step(state, token) });
    }

    function show() {
      picture.repaint();
      const last = read.at(-1);
      const p = last ? live.network.softmax(last.logits) : new Array(net().V).fill(1 / net().V);
      const ranked = live.network.order(p);
      rows.forEach(({ token, bar, value }, n) => {
        token.textContent = live.visible(net().tokens[ranked[n]]);
        bar.style.width = `${100 * p[ranked[n]]}%`;
        value.textContent = p[ranked[n]].toFixed(2);
      });
      const best = net().tokens[ranked[0]];
      picture.element.setAttribute("aria-label",
        `State of the ${NAMES[kind]}: ${UNITS} of ${net().H} units after each of the last ${Math.min(COLUMNS, read.length)} characters.`);
      if (!writing) say(last ? `It expects most ${best === " " ? "a space" : best}, with probability ${p[ranked[0]].toFixed(2)}. What it writes is drawn by these probabilities.`
        : "It has read nothing yet.");
      tell();
    }

    const say = (words) => { status.textContent = words; };

    function tell() {
      const text = read.map(({ token }) => net().tokens[token]).join("");
      const last = read.at(-1);
      report({ kind, text, temperature: temperature.value, top_k: topK.value,
        logits: last ? [...last.logits] : [] });
    }

    function paint(context, width, height, style) {
      const letters = 18;
      const shown = read.slice(-COLUMNS);
      const w = width / COLUMNS;
      const each = (height - letters) / UNITS;
      context.font = `13px ${style.fontFamily}`;
      context.textAlign = "center";
      shown.forEach(({ token, state }, column) => {
        for (let k = 0; k < UNITS; k += 1) {
          live.signed(context, style, state.h[k], column * w, k * each, w - 1, each - 0.5);
        }
        context.fillStyle = style.color;
        context.fillText(live.visible(net().tokens[token]), (column + 0.5) * w, height - 4);
      });
      context.strokeStyle = style.borderColor;
      context.strokeRect(0.5, 0.5, width - 1, height - letters);
    }

    function writeOne() {
      if (!read.length) next(net().encode(" ")[0]);
      const token = live.network.choose(read.at(-1).logits, { temperature: temperature.value, topK: topK.value, random });
      next(token);
      box.value = (live.network.clean(box.value) + net().tokens[token]).slice(-LONGEST);
      box.scrollTop = box.scrollHeight;
    }

    function start() {
      if (live.still()) { // no motion: a line at once
        for (let n = 0; n < 60; n += 1) writeOne();
        return show();
      }
      write.textContent = "Pause";
      say("It is writing.");
      let due = 0;
      let before = performance.now();
      const frame = (now) => {
        due += ((now - before) / 1000) * PACE;
        before = now;
        const wrote = due >= 1;
        for (due = Math.min(due, 5); due >= 1; due -= 1) writeOne();
        writing = box.value.length < LONGEST ? requestAnimationFrame(frame) : 0;
        if (!writing) pause();
        if (wrote) show(); // a frame without a new character has nothing to tell
      };
      writing = requestAnimationFrame(frame);
    }

    function pause() {
      cancelAnimationFrame(writing);
      writing = 0;
      write.textContent = "Write on";
    }

    function startOver() {
      pause();
      box.value = options.text;
      random = live.network.generator(1);
      read = [];
      follow();
    }

    follow();
    return {
      update(changed) {
        pause();
        options = { ...options, ...changed };
        kind = options.kind;
        kinds.set(kind);
        temperature.set(options.temperature);
        topK.set(options.top_k);
        startOver();
      },
      destroy() { pause(); picture.stop(); root.replaceChildren(); },
    };
  };
})();
