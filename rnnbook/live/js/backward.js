// Gradients through time: a dot runs back along one unit's states, and each step multiplies it by
// the slope of h -> tanh(w h) there. Where scissors stand, nothing gets through.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const STEPS_A_SECOND = 2.5;
  const LETTERS = 12; // px

  // The states from h_0 to h_T, the factor of each step, and the gradient of h_T by each state.
  function unrolled(w, start, steps, cut) {
    const states = [start];
    for (let t = 1; t <= steps; t += 1) states.push(Math.tanh(w * states[t - 1]));
    const factors = states.slice(1).map((value) => w * (1 - value * value));
    const gradients = new Array(steps + 1).fill(1);
    for (let t = steps; t > 0; t -= 1) gradients[t - 1] = t === cut ? 0 : gradients[t] * factors[t - 1];
    return { states, factors, gradients };
  }

  // Where the state may stay: h = tanh(w h). It is stable if the slope there is below 1.
  function fixedPoints(w) {
    if (w <= 1) return [{ at: 0, stable: true }];
    let at = 1;
    for (let n = 0; n < 500; n += 1) at = Math.tanh(w * at);
    return [{ at: 0, stable: false }, { at, stable: true }, { at: -at, stable: true }];
  }

  function written(number) {
    if (number === 0 || number === 1) return String(number);
    if (number >= 9.95) return number.toFixed(0);
    if (number >= 0.0995) return number.toFixed(number >= 0.995 ? 1 : 2);
    return number >= 0.00095 ? number.toFixed(3) : "≈ 0";
  }

  function verdict(gradients, cut) {
    if (cut) return "Scissors: the state goes on, the gradient does not.";
    const [gradient, least] = [gradients[0], Math.min(...gradients)];
    const size = written(gradient);
    if (least < 0.5 * gradient && least < 0.1)
      return `Of a gradient of 1, ${written(least)} is left on the way, and ${size} at h₀.`;
    if (gradient < 0.1) return `Of a gradient of 1, ${size} is left at h₀: it vanishes.`;
    if (gradient > 2) return `A gradient of 1 has become ${size} at h₀: it grows.`;
    return `Of a gradient of 1, ${size} is left at h₀.`;
  }

  live.figures.backward = (root, options, assets, report) => {
    const { steps } = options;
    let run; // states, factors, gradients
    let place = 0; // of the dot: from steps, at the last state, down to 0
    let moving = 0;

    const weight = live.slider("weight w", {
      min: 0, max: 3, step: 0.05, value: options.w, format: (w) => w.toFixed(2) }, follow);
    const start = live.slider("first state h₀", {
      min: -1, max: 1, step: 0.05, value: options.start, format: (v) => v.toFixed(2) }, follow);
    const scissors = live.slider("scissors before step", {
      min: 0, max: steps, step: 1, value: options.cut ?? 0, format: (t) => (t ? `${t}: h${t - 1} ✂ h${t}` : "none") }, follow);
    const again = h("button", { type: "button", onclick: send }, "Send it back");
    const row = live.canvas(184, paintRow);
    const cobweb = live.canvas(236, paintCobweb);
    const status = h("p", { class: "live-status", role: "status" });
    const controls = h("div", {}, weight.element, start.element,
      ...(options.cut === null ? [] : [scissors.element]), h("div", { class: "live-row" }, again), status);
    root.replaceChildren(
      h("div", { class: "live-figure", role: "group", "aria-label": "Gradients through time" },
        h("div", { class: "live-caption" }, "The gradient of the last state, on its way back, and the states:"), row.element,
        h("div", { class: "live-halves" },
          ...(options.cut === null ? [h("div", {}, h("div", { class: "live-caption" }, "The next state, by the state now: ● attracts, ○ repels."), cobweb.element)] : []),
          controls)));

    const cut = () => (options.cut === null ? 0 : scissors.value);

    function follow() {
      run = unrolled(weight.value, start.value, steps, cut());
      status.textContent = verdict(run.gradients, cut());
      row.element.setAttribute("aria-label",
        `One unit over ${steps} steps. Sizes of the gradient from h${steps} back to h0: ${[...run.gradients].reverse().map(written).join(", ")}.`);
      cobweb.element.setAttribute("aria-label",
        `The curve tanh of ${weight.value.toFixed(2)} h, its fixed points at ${fixedPoints(weight.value).map(({ at }) => at.toFixed(2)).join(", ")}, and the way of the state from ${start.value.toFixed(2)}.`);
      report({ w: weight.value, start: start.value, cut: cut(), ...run });
      send();
    }

    function send() {
      cancelAnimationFrame(moving);
      place = live.still() ? 0 : steps;
      let before = performance.now();
      const frame = (now) => {
        place = Math.max(0, place - ((now - before) / 1000) * STEPS_A_SECOND);
        before = now;
        repaint();
        if (place > 0) moving = requestAnimationFrame(frame);
      };
      if (place) moving = requestAnimationFrame(frame);
      repaint();
    }

    const repaint = () => { row.repaint(); cobweb.repaint(); };
    const radius = (gradient) => Math.min(24, gradient ? Math.max(1, 11 * Math.sqrt(gradient)) : 0);

    // The gradient between two states: it changes evenly on the way, by factors and not by sums.
    function onTheWay(at) {
      const t = Math.min(steps - 1, Math.floor(at));
      const [from, to] = [run.gradients[t], run.gradients[t + 1]];
      return from && to ? from ** (t + 1 - at) * to ** (at - t) : (at - t) * to;
    }

    function paintRow(context, width, height, style) {
      const gap = width / (steps + 1);
      const x = (t) => (t + 0.5) * gap;
      const narrow = gap < 45;
      const size = narrow ? 11 : 14;
      const fitting = (number) => (narrow ? written(number).replace(/^0\./, ".") : written(number));
      const [back, ahead] = [50, height - 48];
      const colour = (name) => style.getPropertyValue(name);
      context.textAlign = "center";
      context.font = `${LETTERS}px ${style.fontFamily}`;
      context.lineWidth = 1.5;
      for (let t = 1; t <= steps; t += 1) {
        live.arrow(context, x(t - 1) + size + 1, ahead, x(t) - size - 2, ahead, colour("--live-quiet"));
        live.arrow(context, x(t) - 4, back, x(t - 1) + Math.max(4, radius(run.gradients[t - 1]) + 2), back, colour(t > cut() ? "--live-gradient" : "--live-line"));
        context.fillStyle = colour("--live-quiet");
        if (t > cut()) context.fillText(`${narrow ? "" : "× "}${run.factors[t - 1].toFixed(2)}`, x(t - 0.5), back - 24);
      }
      run.states.forEach((value, t) => {
        context.beginPath();
        context.arc(x(t), ahead, size, 0, 2 * Math.PI);
        context.save();
        context.clip();
        live.signed(context, style, value, x(t) - size, ahead - size, 2 * size, 2 * size);
        context.restore();
        context.strokeStyle = style.color;
        context.stroke();
        context.fillStyle = style.color;
        context.fillText(`h${t}`, x(t), ahead + 30);
        context.fillText(Math.abs(value) < 0.005 ? "0" : value.toFixed(narrow ? 1 : 2), x(t), ahead + 44);
        if (t >= place - 0.01) {
          dot(context, x(t), back, run.gradients[t], colour("--live-gradient"));
          context.fillStyle = style.color;
          context.fillText(fitting(run.gradients[t]), x(t), back + 40);
        }
      });
      if (place > 0) dot(context, x(place), back, onTheWay(place), colour("--live-gradient"));
      if (cut()) snip(context, x(cut() - 0.5), back, style);
    }

    // Open scissors from above: two blades that cross where the arrow is cut.
    function snip(context, x, y, style) {
      context.strokeStyle = style.color;
      context.lineWidth = 2;
      for (const side of [-1, 1]) {
        context.beginPath();
        context.moveTo(x + side * 5, y + 12);
        context.lineTo(x - side * 6, y - 16);
        context.stroke();
        context.beginPath();
        context.arc(x - side * 8, y - 20, 5, 0, 2 * Math.PI);
        context.stroke();
      }
      context.lineWidth = 1.5;
    }

    function dot(context, x, y, gradient, colour) {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(x, y, radius(gradient), 0, 2 * Math.PI);
      context.fill();
    }

    function paintCobweb(context, width, height, style) {
      const size = Math.min(width, height) - 24;
      const left = (width - size) / 2;
      const px = (value) => left + ((value + 1.1) / 2.2) * size;
      const py = (value) => 4 + ((1.1 - value) / 2.2) * size;
      const w = weight.value;
      const line = (points, colour, thick) => {
        context.strokeStyle = colour;
        context.lineWidth = thick;
        context.beginPath();
        points.forEach(([a, b], n) => context[n ? "lineTo" : "moveTo"](px(a), py(b)));
        context.stroke();
      };
      const grid = Array.from({ length: 89 }, (_, n) => -1.1 + n / 40);
      line([[-1.1, -1.1], [1.1, 1.1]], style.getPropertyValue("--live-quiet"), 1);
      line(grid.map((value) => [value, Math.tanh(w * value)]), style.color, 2);
      const stairs = run.states.flatMap((value, t) => (t ? [[run.states[t - 1], value], [value, value]] : [[value, value]]));
      line(stairs, style.getPropertyValue("--live-strong"), 1.5);
      for (const { at, stable } of fixedPoints(w)) {
        context.beginPath();
        context.arc(px(at), py(at), 5, 0, 2 * Math.PI);
        context.fillStyle = stable ? style.color : style.getPropertyValue("--live-ground");
        context.fill();
        context.strokeStyle = style.color;
        context.stroke();
      }
      const t = Math.max(1, Math.ceil(place)); // the step that the dot is crossing: its slope
      const [at, to, slope] = [run.states[t - 1], run.states[t], run.factors[t - 1]];
      const reach = 0.4 / Math.hypot(1, slope);
      line([[at - reach, to - reach * slope], [at + reach, to + reach * slope]], style.getPropertyValue("--live-gradient"), 4);
      context.fillStyle = style.color;
      context.textAlign = "center";
      context.font = `${LETTERS}px ${style.fontFamily}`;
      context.fillText(`orange: the slope at step ${t}, ${slope.toFixed(2)}`, width / 2, height - 4);
    }

    follow();
    return {
      update(changed) {
        options = { ...options, ...changed, steps };
        weight.set(options.w);
        start.set(options.start);
        scissors.set(options.cut ?? 0);
        follow();
      },
      destroy() { cancelAnimationFrame(moving); row.stop(); cobweb.stop(); root.replaceChildren(); },
    };
  };
})();
