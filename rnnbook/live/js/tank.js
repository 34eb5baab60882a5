// A gated unit as a tank: what flows in, what drains away, what is shown, and beside it what
// is left of a gradient that goes back through the same drain.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const HIGHEST = 3; // of the level that is drawn, up and down
  const LONGEST = 12; // steps that are drawn
  // For each kind: its gates, what they are called, and settings worth a try.
  const KINDS = {
    lstm: {
      gates: { f: "forget gate f", i: "input gate i", g: "candidate g", o: "output gate o" },
      settings: {
        "half open": { f: 0.5, i: 0.5, g: 0.8, o: 0.5 },
        keep: { f: 1, i: 0, g: 0.8, o: 0 },
        write: { f: 1, i: 1, g: 1, o: 0 },
        forget: { f: 0, i: 0, g: 0.8, o: 0.5 },
        show: { f: 1, i: 0, g: 0.8, o: 1 },
      },
      state: "cell c",
      step: ({ f, i, g }, c) => f * c + i * g,
      kept: ({ f }) => f,
      inflow: ({ i, g }) => i * g,
      labels: { in: "i · g", out: "1 − f" },
      shown: ({ o }, c) => o * Math.tanh(c),
      words: ({ f, i, g }, c, next) => `c = ${f.toFixed(2)} · ${c.toFixed(2)} + ${i.toFixed(2)} · ${g.toFixed(2)} = ${next.toFixed(2)}`,
    },
    gru: {
      gates: { z: "update gate z", n: "candidate n" },
      settings: {
        "half open": { z: 0.5, n: 0.8 },
        keep: { z: 1, n: 0.8 },
        write: { z: 0, n: 0.8 },
      },
      state: "state h",
      step: ({ z, n }, s) => z * s + (1 - z) * n,
      kept: ({ z }) => z,
      inflow: ({ z, n }) => (1 - z) * n,
      labels: { in: "(1 − z) · n", out: "1 − z" },
      shown: (gates, s) => s,
      words: ({ z, n }, s, next) => `h = ${z.toFixed(2)} · ${s.toFixed(2)} + ${(1 - z).toFixed(2)} · ${n.toFixed(2)} = ${next.toFixed(2)}`,
    },
  };

  live.figures.tank = (root, options, assets, report) => {
    const kind = KINDS[options.kind];
    const highest = options.kind === "gru" ? 1.15 : HIGHEST; // a mean of numbers up to 1 stays below 1
    const sliders = {};
    let steps; // { level, gradient, shown } after each; the first is the start
    let flow = 1; // of the last step's water, from 0 to 1
    let moving = 0;

    for (const [name, label] of Object.entries(kind.gates)) {
      const least = name === "g" || name === "n" ? -1 : 0;
      sliders[name] = live.slider(label, {
        min: least, max: 1, step: 0.05, value: options.gates[name], format: (v) => v.toFixed(2) }, () => changed());
    }
    const gates = () => Object.fromEntries(Object.entries(sliders).map(([name, slider]) => [name, slider.value]));
    const set = (values) => { for (const [name, value] of Object.entries(values)) sliders[name].set(value); changed(); };
    const settings = h("div", { class: "live-row", role: "group", "aria-label": "settings" },
      ...Object.entries(kind.settings).map(([name, values]) => h("button", { type: "button", onclick: () => set(values) }, name)));
    const tank = live.canvas(230, paint);
    const status = h("p", { class: "live-status", role: "status" });
    root.replaceChildren(
      h("div", { class: "live-figure", role: "group", "aria-label": "A gated unit as a tank" },
        tank.element,
        h("div", { class: "live-row" },
          h("button", { type: "button", onclick: step }, "Step"),
          h("button", { type: "button", onclick: startOver }, "Start over"), settings),
        h("div", { class: "live-row" }, ...Object.values(sliders).map(({ element }) => element)), status));

    function changed() {
      tank.repaint();
      report({ gates: gates(), levels: steps.map(({ level }) => level), gradients: steps.map(({ gradient }) => gradient), shown: steps.at(-1).shown });
    }

    function step() {
      const now = gates();
      const { level, gradient } = steps.at(-1);
      const next = kind.step(now, level);
      steps.push({ level: next, gradient: gradient * kind.kept(now), shown: kind.shown(now, next) });
      say(`${kind.words(now, level, next)}. Of a gradient of 1 that goes straight back, ${steps.at(-1).gradient.toFixed(3)} is left after ${steps.length - 1} steps.`);
      changed();
      animate();
    }

    function animate() {
      cancelAnimationFrame(moving);
      flow = live.still() ? 1 : 0;
      const begun = performance.now();
      const frame = (now) => {
        flow = Math.min(1, (now - begun) / 500);
        tank.repaint();
        if (flow < 1) moving = requestAnimationFrame(frame);
      };
      if (!flow) moving = requestAnimationFrame(frame);
    }

    function say(words) {
      status.textContent = words;
      tank.element.setAttribute("aria-label", `A tank, its level the ${kind.state}: ${steps.at(-1).level.toFixed(2)}. ${words}`);
    }

    function startOver() {
      cancelAnimationFrame(moving);
      flow = 1;
      steps = [{ level: options.start, gradient: 1, shown: kind.shown(gates(), options.start) }];
      say(`The ${kind.state} is ${options.start.toFixed(2)}. Take a step.`);
      changed();
    }

    function paint(context, width, height, style) {
      const colour = (name) => style.getPropertyValue(name);
      const [top, bottom] = [34, height - 40];
      const y = (level) => top + ((highest - level) / (2 * highest)) * (bottom - top);
      const before = steps.at(-2)?.level ?? steps.at(-1).level;
      const level = before + flow * (steps.at(-1).level - before);
      const tankWidth = Math.min(110, width * 0.24);
      const left = Math.min(80, width * 0.12);
      const right = left + tankWidth;
      const now = gates();
      const write = (words, x, at, align = "center", ink = style.color) => {
        context.fillStyle = ink;
        context.textAlign = align;
        context.fillText(words, x, at);
      };
      context.font = `12px ${style.fontFamily}`;
      // the water, up or down from zero
      live.signed(context, style, Math.sign(level) * 0.75, left, Math.min(y(level), y(0)), tankWidth, Math.abs(y(level) - y(0)));
      context.lineWidth = 2;
      context.strokeStyle = style.color;
      context.strokeRect(left, top, tankWidth, bottom - top);
      line(context, left - 6, y(0), right, y(0), colour("--live-quiet"), 1);
      write("0", left - 12, y(0) + 4);
      write(level.toFixed(2), (left + right) / 2, (y(level) + y(0)) / 2 + (Math.abs(y(level) - y(0)) < 18 ? -12 : 4));
      // the tap above: as wide as what flows in
      const inflow = kind.inflow(now);
      if (inflow) {
        context.globalAlpha = 0.85;
        context.fillStyle = colour(inflow < 0 ? "--live-minus" : "--live-plus");
        const wide = Math.max(2, 30 * Math.abs(inflow));
        context.fillRect((left + right) / 2 - wide / 2, top - 18, wide, 16);
        context.globalAlpha = 1;
      }
      write(`in: ${kind.labels.in} = ${inflow.toFixed(2)}`, (left + right) / 2, top - 22);
      // the drain below: as wide as what is let out
      const drain = (1 - kind.kept(now)) * tankWidth;
      line(context, left, bottom, right - drain, bottom, style.color, 4);
      context.lineWidth = 2;
      if (drain > 1) live.arrow(context, right - drain / 2, bottom - 4, right - drain / 2, bottom + 20, style.color);
      write(`drains: ${kind.labels.out} = ${(1 - kind.kept(now)).toFixed(2)}`, (left + right) / 2, bottom + 34);
      if ("o" in now) shutter(context, right, top, bottom, now.o, steps.at(-1).shown, style, write);
      history(context, right + Math.min(120, width * 0.17), width - 8, top, bottom, y, style, write);
    }

    // What is shown to the right: as far as the shutter is open.
    function shutter(context, right, top, bottom, open, shown, style, write) {
      const tall = (bottom - top) * 0.5;
      const from = (top + bottom) / 2 - tall / 2;
      line(context, right, from, right, from + tall * open, style.getPropertyValue("--live-ground"), 4);
      line(context, right + 6, from + tall * open, right + 6, from + tall, style.color, 5);
      if (open) live.arrow(context, right + 4, from + (tall * open) / 2, right + 24, from + (tall * open) / 2, style.getPropertyValue("--live-strong"));
      write("shows h =", right + 12, bottom - 32, "left");
      write("o · tanh c", right + 12, bottom - 18, "left");
      write(`= ${shown.toFixed(2)}`, right + 12, bottom - 4, "left");
    }

    // The levels so far as steps, and the gradient as bars that start full.
    function history(context, left, right, top, bottom, y, style, write) {
      const drawn = steps.slice(-LONGEST - 1);
      const gap = (right - left) / (LONGEST + 1);
      const base = bottom;
      drawn.forEach(({ level, gradient }, n) => {
        const x = left + n * gap;
        context.globalAlpha = 0.9;
        context.fillStyle = style.getPropertyValue("--live-gradient");
        const tall = gradient * (bottom - top) * 0.4;
        context.fillRect(x + 1, base - tall, gap - 2, tall);
        context.globalAlpha = 1;
        line(context, x, y(level), x + gap, y(level), style.color, 2.5);
      });
      line(context, left, base, right, base, style.getPropertyValue("--live-quiet"), 1);
      write(`― ${kind.state}`, left, top - 22, "left");
      write("■ left of a gradient, so many steps back", left, top - 6, "left", style.getPropertyValue("--live-gradient"));
      write("0, 1, 2 … steps", left, bottom + 16, "left", style.getPropertyValue("--live-quiet"));
    }

    function line(context, x0, y0, x1, y1, colour, thick) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.stroke();
    }

    startOver();
    return {
      update(changes) { options = { ...options, ...changes, kind: options.kind }; set(options.gates); startOver(); },
      destroy() { cancelAnimationFrame(moving); tank.stop(); root.replaceChildren(); },
    };
  };
})();
