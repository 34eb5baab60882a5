// Back through time, from one logit to every character that was read: the chain rule of chapter 4
// for the three cells. A step is what net.step returned, with its token: { token, state }.
rnnbookLive.define("lookback", function () {
  "use strict";

  // Each takes the gradient at the state after a step, and gives those at what the input gave (x)
  // and at what the state gave (s), block by block. It leaves in dh, and in dc, the share of the
  // state before that passed through no matrix.
  const cells = {
    rnn({ h }, before, { dh, x, s }) {
      for (let k = 0; k < h.length; k += 1) {
        x[k] = s[k] = dh[k] * (1 - h[k] ** 2);
        dh[k] = 0;
      }
    },
    lstm({ c, gates: { i, f, g, o } }, before, { dh, dc, x, s }) {
      const H = c.length;
      for (let k = 0; k < H; k += 1) {
        const out = Math.tanh(c[k]);
        const cell = dc[k] + dh[k] * o[k] * (1 - out ** 2);
        x[k] = s[k] = cell * g[k] * i[k] * (1 - i[k]);
        x[H + k] = s[H + k] = cell * before.c[k] * f[k] * (1 - f[k]);
        x[2 * H + k] = s[2 * H + k] = cell * i[k] * (1 - g[k] ** 2);
        x[3 * H + k] = s[3 * H + k] = dh[k] * out * o[k] * (1 - o[k]);
        dc[k] = cell * f[k];
        dh[k] = 0;
      }
    },
    gru({ h, gates: { r, z, n }, recalled }, before, { dh, x, s }) {
      const H = h.length;
      for (let k = 0; k < H; k += 1) {
        const candidate = dh[k] * (1 - z[k]) * (1 - n[k] ** 2);
        x[k] = s[k] = candidate * recalled[k] * r[k] * (1 - r[k]);
        x[H + k] = s[H + k] = dh[k] * (before.h[k] - n[k]) * z[k] * (1 - z[k]);
        x[2 * H + k] = candidate;
        s[2 * H + k] = candidate * r[k]; // the reset gate stands between
        dh[k] *= z[k];
      }
    },
  };

  // The gradient of the logit of `token`, after the last of the steps, with respect to the one-hot
  // input of every step: an array of V numbers for each.
  function gradients(net, steps, token) {
    const { kind, H, V } = net;
    const { columns, recurrent, head } = net.weights;
    const blocks = recurrent.length / H;
    const dh = Float64Array.from(head.subarray(token * H, (token + 1) * H));
    const [x, s] = [new Float64Array(blocks), new Float64Array(blocks)];
    const at = { dh, dc: new Float64Array(H), x, s };
    const found = new Array(steps.length);
    for (let t = steps.length - 1; t >= 0; t -= 1) {
      cells[kind](steps[t].state, steps[t - 1]?.state ?? net.start(), at);
      const dx = (found[t] = new Float64Array(V));
      for (let v = 0, n = 0; v < V; v += 1) {
        let sum = 0;
        for (let b = 0; b < blocks; b += 1, n += 1) sum += columns[n] * x[b];
        dx[v] = sum;
      }
      for (let b = 0, n = 0; b < blocks; b += 1) {
        const share = s[b];
        for (let k = 0; k < H; k += 1, n += 1) dh[k] += recurrent[n] * share;
      }
    }
    return found;
  }

  const norms = (vectors) => vectors.map((vector) => Math.hypot(...vector));

  // The smallest number of last characters that have this share of the whole.
  function reach(values, share) {
    let left = share * values.reduce((a, b) => a + b, 0);
    let count = 0;
    while (left > 0 && count < values.length) left -= values[values.length - (count += 1)];
    return count;
  }

  return { gradients, norms, reach };
});
