// Where in a long text a unit is strong: the states along it, read a little at a time so that the
// page never waits, and the places where one of the units is highest.
rnnbookLive.define("passages", function (live) {
  "use strict";
  const AT_ONCE = 8; // milliseconds of reading before the page has its turn
  const [BEFORE, AFTER] = [22, 7]; // characters shown around the strongest: 30 with it

  // goOn() reads for some milliseconds, and says whether the text has been read to its end.
  function reading(net, text) {
    const tokens = net.encode(text);
    const states = new Float32Array(tokens.length * net.H);
    let [t, state] = [0, net.start()];
    return {
      text,
      goOn() {
        const before = performance.now();
        while (t < tokens.length && performance.now() - before < AT_ONCE) {
          ({ state } = net.step(state, tokens[t]));
          states.set(state.h, t * net.H);
          t += 1;
        }
        return t === tokens.length;
      },
      unit: (k) => Float32Array.from(tokens, (_, n) => states[n * net.H + k]),
    };
  }

  // The places of the highest values, so far apart that no passage holds two of them.
  function highest(values, count) {
    const places = [];
    for (const t of live.network.order(values)) {
      if (places.every((place) => Math.abs(place - t) > BEFORE + AFTER)) places.push(t);
      if (places.length === count) break;
    }
    return places;
  }

  // The characters around a place, each with the style of its value.
  function passage(text, values, place, style) {
    const start = Math.max(0, place - BEFORE);
    const letters = [...text.slice(start, place + AFTER + 1)].map((letter, n) =>
      live.h(start + n === place ? "strong" : "span", { style: style(values[start + n]) }, letter));
    return live.h("span", { class: "live-passage" }, ...letters);
  }

  return { reading, highest, passage };
});
