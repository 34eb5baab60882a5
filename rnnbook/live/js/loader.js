// Mount the live figures of a page when they come near: first their scripts, one after the other.
(function () {
  "use strict";
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const scripts = new Map();

  function load(name) {
    if (!scripts.has(name))
      scripts.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `${folder}${name}.js`;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${name}.js could not be loaded`));
        document.head.append(script);
      }));
    return scripts.get(name);
  }

  async function mount(place) {
    const { figure, options, modules, needs } = JSON.parse(place.dataset.live);
    for (const name of [...modules, ...needs.map((asset) => `asset-${asset}`)]) await load(name);
    const live = globalThis.rnnbookLive;
    live.folder = folder;
    const root = document.createElement("div");
    const assets = Object.fromEntries(needs.map((name) => [name, live.assets[name]]));
    live.figures[figure](root, options, assets, (state) => {
      place.liveState = state; // for whoever wants to read it, as Python does in JupyterLab
    });
    place.replaceChildren(root); // only now: whatever fails, the picture stays
  }

  document.addEventListener("DOMContentLoaded", () => {
    const near = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting) {
          near.unobserve(target);
          mount(target).catch((error) => console.error("A live figure stays a picture.", error));
        }
    }, { rootMargin: "400px" });
    document.querySelectorAll(".live-mount").forEach((place) => near.observe(place));
  });
})();
