// A tanh RNN that learns: chapter 3's network, chapter 4's way back, chapter 5's loop. It runs in a
// worker, so that the page stays quick.
rnnbookLive.define("learner", function (live) {
  "use strict";
  const LETTERS = "abcdefghijklmnopqrstuvwxyz";
  const TOKENS = ["<unk>", " ", ...LETTERS];
  const V = TOKENS.length;
  const KAPPA = 5; // what the shorter context is worth, in observations (section 2.4)

  const encode = (text) => Uint8Array.from(text, (token) => Math.max(0, TOKENS.indexOf(token)));
  const weight = (size) => ({ value: new Float32Array(size), grad: new Float32Array(size) });

  // Five parameters, as rows: x W_xh + h W_hh + b_h, h W_hq + b_q.
  function network(H, random) {
    const net = { H, W_xh: weight(V * H), W_hh: weight(H * H), b_h: weight(H), W_hq: weight(H * V), b_q: weight(V) };
    const bound = 1 / Math.sqrt(H);
    for (const name of ["W_hh", "b_h", "W_hq", "b_q"]) {
      const { value } = net[name];
      for (let k = 0; k < value.length; k += 1) value[k] = bound * (2 * random() - 1);
    }
    // A one-hot input wants wide weights: N(0, 0.7), as in exercise 5.4 (Box and Muller's way).
    const { value } = net.W_xh;
    for (let k = 0; k < value.length; k += 1)
      value[k] = 0.7 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return net;
  }

  const parameters = (net) => [net.W_xh, net.W_hh, net.b_h, net.W_hq, net.b_q];

  // One step of one sequence: the next state into out, from h at an offset.
  function forward(net, token, h, from, out, to) {
    const { H } = net;
    for (let k = 0; k < H; k += 1) out[to + k] = net.W_xh.value[token * H + k] + net.b_h.value[k];
    for (let i = 0, at = 0; i < H; i += 1) {
      const hi = h[from + i];
      for (let k = 0; k < H; k += 1, at += 1) out[to + k] += hi * net.W_hh.value[at];
    }
    for (let k = 0; k < H; k += 1) out[to + k] = Math.tanh(out[to + k]);
  }

  // The probabilities of the next token, from the state at an offset; the loss of the right one.
  function head(net, h, from, p) {
    const { H } = net;
    p.set(net.b_q.value);
    for (let i = 0, at = 0; i < H; i += 1) {
      const hi = h[from + i];
      for (let v = 0; v < V; v += 1, at += 1) p[v] += hi * net.W_hq.value[at];
    }
    let highest = -Infinity;
    for (let v = 0; v < V; v += 1) highest = Math.max(highest, p[v]);
    let sum = 0;
    for (let v = 0; v < V; v += 1) sum += p[v] = Math.exp(p[v] - highest);
    for (let v = 0; v < V; v += 1) p[v] /= sum;
  }

  // Loss and gradients of a minibatch: X and Y hold B rows of T tokens, h0 is (B, H).
  // The gradients are put into the parameters; the last state, (B, H), is returned with the loss.
  function gradients(net, X, Y, h0, B, T) {
    const { H } = net;
    const hs = new Float32Array((T + 1) * B * H);
    const ps = new Float32Array(T * B * V);
    hs.set(h0);
    for (const { grad } of parameters(net)) grad.fill(0);
    let loss = 0;
    for (let t = 0; t < T; t += 1)
      for (let b = 0; b < B; b += 1) {
        const at = ((t + 1) * B + b) * H;
        forward(net, X[b * T + t], hs, (t * B + b) * H, hs, at);
        const p = ps.subarray((t * B + b) * V, (t * B + b + 1) * V);
        head(net, hs, at, p);
        loss -= Math.log(p[Y[b * T + t]]);
      }
    const count = T * B;
    const back = new Float32Array(B * H); // what comes from the step to the right
    const d = new Float32Array(H);
    for (let t = T - 1; t >= 0; t -= 1)
      for (let b = 0; b < B; b += 1) {
        const at = ((t + 1) * B + b) * H;
        const before = (t * B + b) * H;
        const p = ps.subarray((t * B + b) * V, (t * B + b + 1) * V);
        p[Y[b * T + t]] -= 1; // now the gradient of the logits, but for 1 / count
        for (let v = 0; v < V; v += 1) net.b_q.grad[v] += p[v] / count;
        for (let k = 0, w = 0; k < H; k += 1) {
          const h = hs[at + k];
          let sum = 0;
          for (let v = 0; v < V; v += 1, w += 1) {
            sum += p[v] * net.W_hq.value[w];
            net.W_hq.grad[w] += (h * p[v]) / count;
          }
          d[k] = (sum / count + back[b * H + k]) * (1 - h * h);
          net.b_h.grad[k] += d[k];
          net.W_xh.grad[X[b * T + t] * H + k] += d[k];
        }
        for (let i = 0, w = 0; i < H; i += 1) {
          const hi = hs[before + i];
          let sum = 0;
          for (let k = 0; k < H; k += 1, w += 1) {
            sum += d[k] * net.W_hh.value[w];
            net.W_hh.grad[w] += hi * d[k];
          }
          back[b * H + i] = sum;
        }
      }
    return { loss: loss / count, state: hs.slice(T * B * H) };
  }

  // A step of gradient descent, the gradient clipped by its norm; returns the norm.
  function descend(net, lr, clip) {
    let square = 0;
    for (const { grad } of parameters(net)) for (const g of grad) square += g * g;
    const norm = Math.sqrt(square);
    const factor = lr * Math.min(1, clip / (norm + 1e-6));
    for (const { value, grad } of parameters(net))
      for (let k = 0; k < value.length; k += 1) value[k] -= factor * grad[k];
    return norm;
  }

  // Perplexity over a text, the state carried all the way.
  function perplexity(net, tokens) {
    let h = new Float32Array(net.H);
    let next = new Float32Array(net.H);
    const p = new Float32Array(V);
    let loss = 0;
    for (let t = 0; t + 1 < tokens.length; t += 1) {
      forward(net, tokens[t], h, 0, next, 0);
      [h, next] = [next, h];
      head(net, h, 0, p);
      loss -= Math.log(p[tokens[t + 1]]);
    }
    return Math.exp(loss / (tokens.length - 1));
  }

  function sample(net, prompt, count, random) {
    let h = new Float32Array(net.H);
    let next = new Float32Array(net.H);
    const p = new Float32Array(V);
    let text = prompt;
    for (let n = 0; n < prompt.length + count; n += 1) {
      forward(net, TOKENS.indexOf(text[n]), h, 0, next, 0);
      [h, next] = [next, h];
      if (n < prompt.length - 1) continue;
      head(net, h, 0, p);
      const token = live.network.choose(p.map(Math.log), { temperature: 0.7, topK: V, random });
      text += token ? TOKENS[token] : " ";
    }
    return text;
  }

  // The models that count, of chapter 2: [uniform, unigram, bigram, trigram] on a second text.
  function counted(train, text) {
    const counts = new Map();
    const add = (key) => counts.set(key, (counts.get(key) ?? 0) + 1);
    for (let t = 0; t < train.length; t += 1)
      for (let n = 1; n <= Math.min(3, t + 1); n += 1) {
        const context = train.slice(t - n + 1, t);
        add(`${context}|${train[t]}`);
        add(`${context}|`);
      }
    const p = (token, context) => {
      const shorter = context ? p(token, context.slice(1)) : 1 / V;
      const seen = counts.get(`${context}|${token}`) ?? 0;
      return (seen + KAPPA * shorter) / ((counts.get(`${context}|`) ?? 0) + KAPPA);
    };
    return [0, 1, 2, 3].map((n) => {
      let loss = 0;
      for (let t = 1; t < text.length; t += 1)
        loss -= Math.log(n ? p(text[t], text.slice(Math.max(0, t - n + 1), t)) : 1 / V);
      return Math.exp(loss / (text.length - 1));
    });
  }

  // Training, a slice at a time, moved by messages: start, set, pause, resume. After each slice it
  // listens; it says every half second how far it is.
  function serve(port) {
    const B = 32;
    const T = 35;
    let run = null;
    let timer = 0;

    function start({ train, validation, units, lr, clip, seed }) {
      const random = live.network.generator(seed);
      const tokens = encode(train);
      const length = Math.floor((tokens.length - 1) / B);
      run = { net: network(units, random), random, tokens, length, at: 0, epoch: 0, read: 0, seconds: 0,
        state: new Float32Array(B * units), lr, clip, validation: encode(validation), due: 0,
        prompt: train.slice(0, train.indexOf(" ", 4) + 1) };
      port.postMessage({ kind: "baselines", values: counted(train, validation) });
      tick();
    }

    function minibatch() {
      const { tokens, length } = run;
      if (run.at + T > length) {
        run.at = 0;
        run.epoch += 1;
        run.state.fill(0);
      }
      const X = new Uint8Array(B * T);
      const Y = new Uint8Array(B * T);
      for (let b = 0; b < B; b += 1)
        for (let t = 0; t < T; t += 1) {
          X[b * T + t] = tokens[b * length + run.at + t];
          Y[b * T + t] = tokens[b * length + run.at + t + 1];
        }
      run.at += T;
      return [X, Y];
    }

    function tick() {
      const before = performance.now();
      while (performance.now() - before < 60) {
        const { state } = gradients(run.net, ...minibatch(), run.state, B, T);
        run.norm = descend(run.net, run.lr, run.clip);
        run.state = state; // its numbers, not its history
        run.read += B * T;
      }
      run.seconds += (performance.now() - before) / 1000;
      if (run.seconds >= run.due) {
        run.due = run.seconds + 0.5;
        port.postMessage({ kind: "progress", seconds: run.seconds, read: run.read, epoch: run.epoch, norm: run.norm,
          perplexity: perplexity(run.net, run.validation), sample: sample(run.net, run.prompt, 120, run.random) });
      }
      timer = setTimeout(tick);
    }

    port.onmessage = ({ data: { order, ...settings } }) => {
      if (order === "set") return void Object.assign(run, settings);
      clearTimeout(timer);
      if (order === "start") start(settings);
      else if (order === "resume") tick();
    };
  }

  return { TOKENS, network, parameters, gradients, descend, perplexity, sample, counted, serve, encode };
});
