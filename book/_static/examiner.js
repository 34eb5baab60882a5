// The book's own checks, walked in the page. The site's build exports each examiner as the syntax
// tree of its Python function; what stands here is the part of Python that they are written in.
(function () {
  "use strict";

  class Wrong extends Error {}
  class NotAttempted extends Error {}

  // ---- values: tuples are arrays, lists are arrays that say so, sets and dictionaries are Maps by repr
  const asList = (members) => Object.assign(members, { isList: true });
  class Dict extends Map {
    static of(pairs) {
      const made = new Dict();
      for (const [key, value] of pairs) made.set(repr(key), [key, value]);
      return made;
    }
    has(key) { return super.has(repr(key)); }
  }
  class PySet extends Dict {
    static of(members) {
      const made = new PySet();
      for (const member of members) made.set(repr(member), [member]);
      return made;
    }
  }

  function repr(value) {
    if (value === null) return "None";
    if (value === true) return "True";
    if (value === false) return "False";
    if (typeof value === "number") return String(value);
    if (typeof value === "string") {
      const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
      return quote + value.replace(/\\/g, "\\\\").replaceAll(quote, `\\${quote}`).replace(/\n/g, "\\n").replace(/\t/g, "\\t") + quote;
    }
    if (Array.isArray(value)) {
      const inner = value.map(repr).join(", ");
      return value.isList ? `[${inner}]` : `(${inner}${value.length === 1 ? "," : ""})`;
    }
    throw new TypeError("this value has no repr here");
  }

  const text = (value) => (typeof value === "string" ? value : repr(value));
  const truth = (value) => !(value === null || value === false || value === 0 || value === "" ||
    (Array.isArray(value) && !value.length) || (value instanceof Dict && !value.size));
  const members = (value) => {
    if (typeof value === "string") return [...value];
    if (value instanceof Dict) return [...value.values()].map(([key]) => key);
    if (Array.isArray(value)) return value;
    throw new TypeError("this value has no members");
  };
  function equal(a, b) {
    if (Array.isArray(a) && Array.isArray(b))
      return !a.isList === !b.isList && a.length === b.length && a.every((value, n) => equal(value, b[n]));
    return a === b;
  }
  function compare(a, b) {
    if (Array.isArray(a)) {
      for (let n = 0; n < Math.min(a.length, b.length); n += 1) if (!equal(a[n], b[n])) return compare(a[n], b[n]);
      return a.length - b.length;
    }
    return a < b ? -1 : Number(a > b);
  }
  const holds = (container, value) => {
    if (typeof container === "string") return container.includes(value);
    return container instanceof Dict ? container.has(value) : container.some((member) => equal(member, value));
  };

  // ---- numbers as Python writes them
  function general(value, digits) {
    if (value === 0) return "0";
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const strip = (written) => (written.includes(".") ? written.replace(/\.?0+$/, "") : written);
    const e = Number(exponent);
    if (e < -4 || e >= digits) return `${strip(mantissa)}e${e < 0 ? "-" : "+"}${String(Math.abs(e)).padStart(2, "0")}`;
    return strip(value.toFixed(Math.max(0, digits - 1 - e)));
  }
  function format(value, spec) {
    if (!spec) return text(value);
    const [, comma, , digits, kind] = spec.match(/^(,?)(\.(\d+))?([gf])$/);
    if (kind === "g") return general(value, Number(digits ?? 6));
    const fixed = value.toFixed(Number(digits ?? 6));
    return comma ? fixed.replace(/\B(?=(\d{3})+(?!\d))/g, ",") : fixed;
  }

  // ---- what the kit does with an answer, for answers that were typed into the page
  const short = (value) => {
    const shown = repr(value).split(/\s+/).join(" ");
    return shown.length <= 80 ? shown : `${shown.slice(0, 77)}...`;
  };
  function attempted(...answers) {
    if (answers.includes(null)) throw new NotAttempted();
  }
  function number(name, value) {
    attempted(value);
    if (typeof value !== "number") throw new Wrong(`expected ${name} as a number, got ${short(value)}`);
    if (!Number.isFinite(value)) throw new Wrong(`${name} is ${value > 0 ? "inf" : value < 0 ? "-inf" : "nan"}, not a number to go on with`);
    return value;
  }
  function whole(name, value) {
    const found = number(name, value);
    if (!Number.isInteger(found)) throw new Wrong(`expected ${name} as a whole number, got ${general(found, 6)}`);
    return found;
  }
  function boolean(name, value) {
    attempted(value);
    if (typeof value !== "boolean") throw new Wrong(`expected ${name} as True or False, without quotes, got ${short(value)}`);
    return value;
  }
  function numbers(name, value, count = null) {
    attempted(value);
    if (!Array.isArray(value)) throw new Wrong(`expected ${name} as a sequence of numbers, got ${short(value)}`);
    if (count !== null && value.length !== count) throw new Wrong(`expected ${count} numbers for ${name}, got ${value.length}`);
    return value.map((member) => number(name, member));
  }
  function sizes(name, value) {
    try {
      return numbers(name, value).map((size) => whole(name, size));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      throw new Wrong(`expected ${name} as a tuple of whole numbers, such as (1, 2, 3), got ${short(value)}`);
    }
  }

  function lettersOf(value) {
    if (!Array.isArray(value)) throw new Wrong(`expected the letters as a string, got ${short(value)}`);
    return value;
  }

  const TYPES = { str: (v) => typeof v === "string", list: (v) => Array.isArray(v) && Boolean(v.isList), tuple: (v) => Array.isArray(v) && !v.isList };
  const BUILTINS = {
    attempted, number, whole, boolean, numbers, sizes, short, _members: lettersOf,
    Wrong: (message) => new Wrong(message), NotAttempted: new NotAttempted(),
    len: (value) => value.size ?? members(value).length, abs: Math.abs, int: Math.trunc, float: Number, str: text, bool: truth,
    sum: (values, start = 0) => members(values).reduce((a, b) => a + b, start),
    min: (...values) => Math.min(...(values.length === 1 ? members(values[0]) : values)),
    max: (...values) => Math.max(...(values.length === 1 ? members(values[0]) : values)),
    all: (values) => members(values).every(truth), any: (values) => members(values).some(truth),
    zip: (...rows) => members(rows[0]).map((_, n) => rows.map((row) => members(row)[n])),
    enumerate: (values, { start = 0 } = {}) => members(values).map((value, n) => [n + start, value]),
    range: (a, b) => Array.from({ length: b === undefined ? a : b - a }, (_, n) => n + (b === undefined ? 0 : a)),
    set: (values) => PySet.of(members(values)), dict: (pairs) => Dict.of(members(pairs)),
    list: (values) => asList([...members(values)]), tuple: (values) => [...members(values)],
    sorted: (values) => asList([...members(values)].sort(compare)),
    next: (values, otherwise) => (members(values).length ? members(values)[0] : otherwise),
    map: (apply, values) => members(values).map((value) => apply(value)),
    isinstance: (value, type) => TYPES[type.named](value),
    math: {
      log: Math.log, log2: Math.log2, exp: Math.exp, sqrt: Math.sqrt, tanh: Math.tanh, pi: Math.PI,
      isclose: (a, b, { rel_tol = 1e-9, abs_tol = 0 } = {}) => Math.abs(a - b) <= Math.max(rel_tol * Math.max(Math.abs(a), Math.abs(b)), abs_tol),
    },
  };
  for (const name of Object.keys(TYPES)) BUILTINS[name] = Object.assign(BUILTINS[name] ?? text, { named: name });

  const escaped = (letters) => letters.replace(/[\\\]^-]/g, "\\$&");
  const METHODS = {
    lower: (s) => s.toLowerCase(), replace: (s, a, b) => s.replaceAll(a, b), join: (s, values) => members(values).join(s),
    strip: (s, letters = " \n\t") => s.replace(new RegExp(`^[${escaped(letters)}]+|[${escaped(letters)}]+$`, "g"), ""),
    split: (s) => asList(s.split(/\s+/).filter(Boolean)),
    count: (values, value) => members(values).filter((member) => equal(member, value)).length,
    index: (values, value) => members(values).findIndex((member) => equal(member, value)),
    get: (dict, key, otherwise = null) => (dict.has(key) ? dict.get(repr(key))[1] : otherwise),
    items: (dict) => [...dict.values()], values: (dict) => [...dict.values()].map(([, value]) => value),
  };

  globalThis.rnnbookExaminer = { Wrong, NotAttempted, Dict, PySet, BUILTINS, METHODS, repr, truth, members, equal, compare, holds, format, asList };
})();
