// The networks of the book, step by step: the equations of chapters 3, 8 and 9, PyTorch's weights.
rnnbookLive.define("network", function () {
  "use strict";

  // A float16 number from its 16 bits.
  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  function decode({ data }) {
    const bytes = atob(data);
    const numbers = new Float32Array(bytes.length / 2);
    for (let n = 0; n < numbers.length; n += 1)
      numbers[n] = half(bytes.charCodeAt(2 * n) | (bytes.charCodeAt(2 * n + 1) << 8));
    return numbers;
  }

  function transposed(matrix, rows, columns) {
    const turned = new Float32Array(matrix.length);
    for (let r = 0; r < rows; r += 1)
      for (let c = 0; c < columns; c += 1) turned[c * rows + r] = matrix[r * columns + c];
    return turned;
  }

  // out[r] = bias[r] + the row's product with a vector.
  function product(matrix, vector, bias, out) {
    const size = vector.length;
    for (let r = 0, at = 0; r < out.length; r += 1) {
      let sum = bias[r];
      for (let c = 0; c < size; c += 1, at += 1) sum += matrix[at] * vector[c];
      out[r] = sum;
    }
    return out;
  }

  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  // Each takes what the input gives (x) and what the state gives (s), block by block, and returns
  // the new state and the gates.
  const cells = {
    rnn(x, s, { h }) {
      const next = new Float32Array(h.length);
      for (let k = 0; k < h.length; k += 1) next[k] = Math.tanh(x[k] + s[k]);
      return { h: next, gates: {} };
    },
    lstm(x, s, { h, c }) {
      const H = h.length;
      const [i, f, g, o, cell, next] = Array.from({ length: 6 }, () => new Float32Array(H));
      for (let k = 0; k < H; k += 1) {
        i[k] = sigmoid(x[k] + s[k]);
        f[k] = sigmoid(x[H + k] + s[H + k]);
        g[k] = Math.tanh(x[2 * H + k] + s[2 * H + k]);
        o[k] = sigmoid(x[3 * H + k] + s[3 * H + k]);
        cell[k] = f[k] * c[k] + i[k] * g[k];
        next[k] = o[k] * Math.tanh(cell[k]);
      }
      return { h: next, c: cell, gates: { i, f, g, o } };
    },
    gru(x, s, { h }) {
      const H = h.length;
      const [r, z, n, next] = Array.from({ length: 4 }, () => new Float32Array(H));
      for (let k = 0; k < H; k += 1) {
        r[k] = sigmoid(x[k] + s[k]);
        z[k] = sigmoid(x[H + k] + s[H + k]);
        n[k] = Math.tanh(x[2 * H + k] + r[k] * s[2 * H + k]);
        next[k] = z[k] * h[k] + (1 - z[k]) * n[k];
      }
      return { h: next, gates: { r, z, n }, recalled: s.slice(2 * H) }; // what r was applied to
    },
  };

  // A network from its file: net.start() is the state before a text, net.step(state, token)
  // reads one token, and returns { logits, state }.
  function load(file) {
    const { kind, tokens, hidden_size: H, weights } = file;
    const V = tokens.length;
    const weight = (name) => decode(weights[name]);
    const blocks = weight("recurrent.bias_ih_l0").length;
    const columns = transposed(weight("recurrent.weight_ih_l0"), blocks, V); // one row a token
    const fromInput = weight("recurrent.bias_ih_l0");
    const recurrent = weight("recurrent.weight_hh_l0");
    const fromState = weight("recurrent.bias_hh_l0");
    const head = weight("head.weight");
    const headBias = weight("head.bias");
    const x = new Float32Array(blocks);
    const s = new Float32Array(blocks);
    const known = new Map(tokens.map((token, index) => [token, index]));
    return {
      kind, tokens, H, V,
      weights: { columns, recurrent, head },
      encode: (text) => [...text].map((token) => known.get(token) ?? 0),
      start: () => ({ h: new Float32Array(H), c: new Float32Array(H), gates: {} }),
      step(state, token) {
        // A one-hot input times a matrix: one column of it.
        for (let k = 0, at = token * blocks; k < blocks; k += 1, at += 1) x[k] = columns[at] + fromInput[k];
        product(recurrent, state.h, fromState, s);
        const next = cells[kind](x, s, state);
        return { state: next, logits: product(head, next.h, headBias, new Float32Array(V)) };
      },
    };
  }

  // Probabilities of logits; a temperature below 1 sharpens them.
  function softmax(logits, temperature = 1) {
    const highest = Math.max(...logits);
    const p = Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
    const sum = p.reduce((a, b) => a + b);
    return p.map((value) => value / sum);
  }

  const order = (values) => [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);

  // Choose a token: the likeliest at temperature 0, else at random among the topK likeliest.
  function choose(logits, { temperature, topK, random }) {
    const ranked = order(logits);
    if (temperature === 0) return ranked[0];
    const p = softmax(logits, temperature);
    const allowed = ranked.slice(0, topK);
    let left = random() * allowed.reduce((sum, token) => sum + p[token], 0);
    for (const token of allowed) if ((left -= p[token]) < 0) return token;
    return allowed[0];
  }

  // Numbers from 0 to 1 that a seed settles (mulberry32).
  function generator(seed) {
    let a = seed >>> 0;
    return () => {
      a = (a + 0x6d2b79f5) >>> 0;
      let t = Math.imul(a ^ (a >>> 15), 1 | a);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  // A text as the networks were taught to read: small letters and single spaces.
  const clean = (text) => text.toLowerCase().replace(/[^a-z]+/g, " ").replace(/^ /, "");

  return { load, softmax, choose, order, generator, clean };
});
