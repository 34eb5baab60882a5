// One registry for all live figures, and what they share. Every module is a plain script: a page
// that was opened from disk may load no other kind. JupyterLab joins the same files into one.
(function () {
  "use strict";
  const live = (globalThis.rnnbookLive ??= { figures: {}, assets: {}, sources: {} });

  // A module is kept with its source, from which a worker can be made where no address serves one.
  live.define = (name, make) => {
    live.sources[name] = make;
    live[name] = make(live);
  };

  // The factory of an element: h("button", { type: "button", onclick: f }, "Write on").
  live.h = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "style") element.style.cssText = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  // A worker that runs live[name].serve. Where an address serves the modules, a policy may forbid
  // any other source; from disk, and in JupyterLab, the modules' own source is all there is.
  live.worker = (name, needs) => {
    if (live.folder && location.protocol.startsWith("http")) return new Worker(`${live.folder}worker.js`);
    const parts = [...needs, name].map((part) => `live.define("${part}", ${live.sources[part]});`);
    const source = `const live = { sources: {} }; live.define = ${live.define}; ${parts.join("\n")} live.${name}.serve(self);`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url);
    URL.revokeObjectURL(url);
    return worker;
  };

  live.still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // A space as it is drawn, so that it can be seen.
  live.visible = (token) => (token === " " ? "␣" : token);

  let count = 0;
  // A labelled slider: its element, and a function that gives its value.
  live.slider = (label, { min, max, step, value, format = String }, changed) => {
    const id = `live-slider-${(count += 1)}`;
    const input = live.h("input", { id, type: "range", min, max, step });
    input.value = value;
    const shown = live.h("output", { for: id });
    const show = () => {
      shown.textContent = format(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => { show(); changed?.(Number(input.value)); });
    show();
    const element = live.h("div", { class: "live-slider" }, live.h("label", { for: id }, label), input, shown);
    const set = (next) => { input.value = next; show(); };
    return { element, input, set, get value() { return Number(input.value); } };
  };

  // A group of which one is chosen.
  live.choice = (label, options, chosen, changed) => {
    const name = `live-choice-${(count += 1)}`;
    const inputs = {};
    const labels = Object.entries(options).map(([value, text]) => {
      inputs[value] = live.h("input", { type: "radio", name, value, onchange: () => changed(value) });
      return live.h("label", {}, inputs[value], live.h("span", {}, text));
    });
    inputs[chosen].checked = true;
    const element = live.h("div", { class: "live-choice", role: "radiogroup", "aria-label": label }, ...labels);
    return { element, set(value) { inputs[value].checked = true; } };
  };

  // A canvas that is sharp on any screen: draw(context, width, height) in CSS pixels.
  live.canvas = (height, draw) => {
    const element = live.h("canvas", { class: "live-canvas", role: "img", style: `height:${height}px` });
    let pending = 0;
    const paint = () => {
      pending = 0;
      const ratio = globalThis.devicePixelRatio || 1;
      const width = element.clientWidth;
      if (!width) return;
      if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
        element.width = Math.round(width * ratio);
        element.height = Math.round(height * ratio);
      }
      const context = element.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      draw(context, width, height, getComputedStyle(element));
    };
    const repaint = () => { pending ||= requestAnimationFrame(paint); };
    const observer = new ResizeObserver(repaint);
    observer.observe(element);
    // Colours come from the theme: when it changes, everything is drawn again.
    const themed = new MutationObserver(repaint);
    for (const root of [document.documentElement, document.body])
      themed.observe(root, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light"] });
    const stop = () => { cancelAnimationFrame(pending); observer.disconnect(); themed.disconnect(); };
    return { element, repaint, stop };
  };

  live.arrow = (context, x0, y0, x1, y1, colour) => {
    const angle = Math.atan2(y1 - y0, x1 - x0);
    const side = (turn) => [x1 - 7 * Math.cos(angle + turn), y1 - 7 * Math.sin(angle + turn)];
    context.strokeStyle = context.fillStyle = colour;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(...side(0.45));
    context.lineTo(...side(-0.45));
    context.fill();
  };

  // Fill a rectangle by a number from -1 to 1: one colour below 0, one above, clear at 0.
  live.signed = (context, style, value, ...rectangle) => {
    context.globalAlpha = Math.min(1, Math.abs(value));
    context.fillStyle = style.getPropertyValue(value < 0 ? "--live-minus" : "--live-plus");
    context.fillRect(...rectangle);
    context.globalAlpha = 1;
  };
})();
