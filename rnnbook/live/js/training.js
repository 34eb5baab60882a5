// Training in the page: a network begins with random numbers and learns while one watches.
(function () {
  "use strict";
  const live = globalThis.rnnbookLive;
  const { h } = live;
  const NAMES = ["uniform", "unigram", "bigram", "trigram"];
  const SHORTEST = 2000; // characters of a text that can be learnt from
  const [LOW, HIGH] = [3, 60]; // perplexities at the ends of the axis, which is logarithmic
  const FREE = 10; // the last place of the slider: no clipping

  live.figures.training = (root, options, assets, report) => {
    let text = assets.story; // { train, validation }
    let worker = null;
    let state = "new"; // then running, paused
    let baselines = [];
    let curve = [];

    const go = h("button", { type: "button", onclick: () => ({ new: begin, running: pause, paused: resume })[state]() }, "Start");
    const reset = h("button", { type: "button", onclick: restart }, "Reset");
    const units = live.choice("units", { 32: "32 units", 64: "64 units", 128: "128 units" }, options.units, restart);
    const power = (place) => 10 ** place;
    const round = (value) => String(Number(value.toPrecision(2)));
    const rate = live.slider("learning rate", { min: -1.5, max: 1.5, step: 0.1, value: Math.log10(options.lr), format: (x) => round(power(x)) }, change);
    const clip = live.slider("clip the gradient to", { min: 1, max: FREE, step: 1, value: options.clip ?? FREE, format: (x) => (x === FREE ? "not at all" : round(0.25 * x)) }, change);
    const settings = () => ({ lr: power(rate.value), clip: clip.value === FREE ? Infinity : 0.25 * clip.value });
    const picture = live.canvas(230, paint);
    const sample = h("p", { class: "live-sample" });
    const status = h("p", { class: "live-status", role: "status" });
    const own = h("textarea", { rows: 4, spellcheck: "false" });
    const take = h("button", { type: "button", onclick: learnFromOwn }, "Learn from this");
    root.replaceChildren(
      h("div", { class: "live-figure", role: "group", "aria-label": "Training in the page" },
        h("div", { class: "live-row" }, go, reset, units.element),
        h("div", { class: "live-row" }, rate.element, clip.element),
        h("div", { class: "live-caption" }, "Perplexity on text it does not learn from: the lower, the better it guesses."),
        picture.element, h("div", { class: "live-caption" }, "It writes:"), sample, status,
        h("details", {}, h("summary", {}, "Learn from a text of your own"),
          h("label", { class: "live-text" }, `Paste ${SHORTEST.toLocaleString("en")} characters or more:`, own), take)));

    const say = (words) => { status.textContent = words; };

    function tell() {
      report({ state, baselines, curve, units: Number(unitsNow), ...settings() });
    }

    let unitsNow = options.units;
    function restart(chosen) {
      if (typeof chosen === "string") unitsNow = chosen;
      stop();
      state = "new";
      curve = [];
      go.textContent = "Start";
      sample.textContent = "";
      say("It has not begun: its numbers will be random.");
      picture.repaint();
      tell();
    }

    function stop() {
      worker?.terminate();
      worker = null;
    }

    function begin() {
      curve = [];
      worker = live.worker("learner", ["network"]);
      worker.onmessage = ({ data }) => (data.kind === "baselines" ? (baselines = data.values) : progress(data));
      worker.onerror = () => { restart(); say("This browser lets no worker run here."); };
      worker.postMessage({ order: "start", ...text, units: Number(unitsNow), seed: options.seed, ...settings() });
      run();
      say("It learns.");
    }

    function run() {
      state = "running";
      go.textContent = "Pause";
    }

    function pause() {
      worker.postMessage({ order: "pause" });
      state = "paused";
      go.textContent = "Go on";
      tell();
    }

    function resume() {
      worker.postMessage({ order: "resume" });
      run();
    }

    function change() {
      worker?.postMessage({ order: "set", ...settings() });
      tell();
    }

    function progress({ seconds, read, epoch, norm, perplexity, sample: written }) {
      curve.push({ seconds, read, epoch, norm, perplexity });
      sample.textContent = written;
      const beaten = NAMES.filter((_, n) => perplexity < baselines[n]).at(-1);
      if (!Number.isFinite(perplexity)) {
        stop();
        state = "new";
        go.textContent = "Start";
        tell();
        return say("It fell apart: a step was so long that its numbers are no numbers any more. Try a smaller rate, or clip.");
      }
      say(`Epoch ${epoch + 1}, ${Math.round(seconds)} s: perplexity ${perplexity.toFixed(2)}${beaten ? `, below the ${beaten}'s ${baselines[NAMES.indexOf(beaten)].toFixed(2)}` : ""}. Gradient ${norm.toFixed(2)} long.`);
      picture.element.setAttribute("aria-label", `Perplexity on text it does not learn from, now ${perplexity.toFixed(2)}; lines for ${NAMES.join(", ")}.`);
      picture.repaint();
      tell();
    }

    function learnFromOwn() {
      const cleaned = live.network.clean(own.value);
      if (cleaned.length < SHORTEST) return say(`That is ${cleaned.length} letters and spaces; ${SHORTEST} are needed.`);
      const end = Math.round(0.9 * cleaned.length);
      text = { train: cleaned.slice(0, end), validation: cleaned.slice(end) };
      baselines = [];
      restart();
      begin();
    }

    function paint(context, width, height, style) {
      const [left, right, top, bottom] = [34, 70, 8, 22];
      const y = (value) => top + (height - top - bottom) * (1 - Math.log(Math.min(value, HIGH) / LOW) / Math.log(HIGH / LOW));
      const last = curve.at(-1)?.read ?? 1;
      const x = (read) => left + ((width - left - right) * read) / last;
      context.font = `12px ${style.fontFamily}`;
      context.fillStyle = style.color;
      context.textBaseline = "middle";
      for (const tick of [3, 5, 10, 20, 50]) {
        context.textAlign = "right";
        context.fillText(tick, left - 6, y(tick));
      }
      context.textAlign = "left";
      context.strokeStyle = style.color;
      context.lineWidth = 1;
      baselines.forEach((value, n) => {
        context.globalAlpha = 0.5;
        context.beginPath();
        context.moveTo(left, y(value));
        context.lineTo(width - right, y(value));
        context.stroke();
        context.globalAlpha = 1;
        context.fillText(NAMES[n], width - right + 6, y(value));
      });
      context.strokeStyle = style.borderColor;
      context.strokeRect(left, top, width - left - right, height - top - bottom);
      context.textAlign = "center";
      context.fillText(curve.length ? `${Math.round(last / 1000)} thousand characters read` : "characters read", (left + width - right) / 2, height - 9);
      context.strokeStyle = style.getPropertyValue("--live-strong");
      context.lineWidth = 2.5;
      context.beginPath();
      curve.forEach(({ read, perplexity }, n) => context[n ? "lineTo" : "moveTo"](x(read), y(perplexity)));
      context.stroke();
    }

    restart();
    return {
      update(changed) {
        options = { ...options, ...changed };
        rate.set(Math.log10(options.lr));
        clip.set(options.clip ?? FREE);
        units.set(options.units);
        restart(String(options.units));
      },
      destroy() { stop(); picture.stop(); root.replaceChildren(); },
    };
  };
})();
