// Exercises that need no Python are answered in the page: a form in the place of the stub, the
// verdict of the same examiner, and a memory of what was passed, in this browser alone.
(function () {
  "use strict";
  const KEPT = "rnnbook-progress";
  const { examine, asList } = globalThis.rnnbookExaminer ?? {};

  function h(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  // ---- what a reader types: a number, a little arithmetic, a tuple, True or False; else words
  const FUNCTIONS = { sqrt: Math.sqrt, log: Math.log, ln: Math.log, log2: Math.log2, exp: Math.exp };
  const TOKEN = /\s*(\d[\d_]*\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|\*\*|[-+*/^(),[\]]|[A-Za-z]\w*)/y;

  function parse(typed) {
    const tokens = [];
    TOKEN.lastIndex = 0;
    for (let found; TOKEN.lastIndex < typed.length && (found = TOKEN.exec(typed)); ) tokens.push(found[1]);
    if (tokens.map((token) => token.length).reduce((a, b) => a + b, 0) !== typed.replace(/\s/g, "").length) throw new SyntaxError();
    const take = (token) => (tokens[0] === token ? tokens.shift() : undefined);
    const need = (token) => { if (!take(token)) throw new SyntaxError(); };

    function sequence(end) { // of numbers, up to a closing bracket or the end
      const found = [];
      let commas = 0;
      while (tokens.length && tokens[0] !== end) {
        found.push(sum());
        if (take(",")) commas += 1;
        else break;
      }
      return { found, commas };
    }
    function sum() {
      let left = product();
      while (tokens[0] === "+" || tokens[0] === "-") left = tokens.shift() === "+" ? left + product() : left - product();
      return left;
    }
    function product() {
      let left = signed();
      while (tokens[0] === "*" || tokens[0] === "/") left = tokens.shift() === "*" ? left * signed() : left / signed();
      return left;
    }
    function signed() {
      if (take("-")) return -signed();
      take("+");
      const base = atom();
      return take("**") || take("^") ? base ** signed() : base;
    }
    function atom() {
      const token = tokens.shift();
      if (token === "(" || token === "[") {
        const { found, commas } = sequence(token === "(" ? ")" : "]");
        need(token === "(" ? ")" : "]");
        if (token === "[") return asList(found);
        return found.length === 1 && !commas ? found[0] : found;
      }
      if (token === "True" || token === "False") return token === "True";
      if (Object.hasOwn(FUNCTIONS, token)) {
        need("(");
        const inner = sum();
        need(")");
        return FUNCTIONS[token](inner);
      }
      if (!/^[\d.]/.test(token ?? "")) throw new SyntaxError();
      return Number(token.replaceAll("_", ""));
    }
    const { found, commas } = sequence(undefined);
    if (tokens.length || !found.length) throw new SyntaxError();
    return found.length === 1 && !commas ? found[0] : found;
  }

  function literal(typed) {
    const trimmed = typed.trim();
    if (!trimmed) return null;
    try {
      return parse(trimmed.replaceAll("−", "-").replaceAll("·", "*"));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return typed.replace(/^\s*(["'])(.*)\1\s*$/s, "$2");
    }
  }

  // ---- what was passed
  function passed() {
    try {
      return new Set(JSON.parse(localStorage.getItem(KEPT) ?? "{}").passed ?? []);
    } catch { return new Set(); } // storage may be closed, or hold something else
  }
  function keep(slugs) {
    try { localStorage.setItem(KEPT, JSON.stringify({ passed: [...slugs].sort() })); } catch { /* it still counts in this page */ }
    document.dispatchEvent(new CustomEvent("rnnbook-progress"));
  }

  // ---- the form
  function field({ name, hint, options, letters }, title) {
    const id = `answer-${title}-${name}`;
    if (options) {
      const inputs = options.map((option) => h("input", { type: "radio", name: id, value: option, id: `${id}-${option}` }));
      const element = h("fieldset", {}, h("legend", {}, name),
        ...inputs.map((input) => h("label", {}, input, h("span", {}, input.value))));
      return { element, get value() { return inputs.find((input) => input.checked)?.value ?? null; } };
    }
    const input = h("input", { id, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    const label = h("label", { for: id }, h("code", {}, name), input, ...(hint ? [h("small", {}, hint)] : []));
    const lay = (letter) => h("button", { type: "button", "aria-label": `line ${letter}`, onclick: () => { input.value += letter; } }, letter);
    const element = letters ? h("div", {}, label, h("div", { class: "answer-lines", role: "group", "aria-label": "lay the next line" }, ...letters.map(lay))) : label;
    return { element, get value() { return literal(input.value); } };
  }

  function mount(place) {
    const { number, slug, fields } = JSON.parse(place.dataset.answer);
    const examiner = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(rnnbookAnswers[number]), (c) => c.charCodeAt(0))));
    const made = fields.map((each) => field(each, number));
    const verdict = h("p", { class: "answer-verdict", role: "status" });
    const form = h("form", { class: "answer", "aria-label": `Answer to exercise ${number}` },
      ...made.map(({ element }) => element), h("button", { type: "submit" }, "Check"), verdict);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { status, message } = examine(examiner, made.map((each) => each.value));
      verdict.textContent = `Exercise ${number}: ${status}${message ? `: ${message}` : ""}`;
      verdict.dataset.status = status;
      if (status === "passed") keep(passed().add(slug));
    });
    if (passed().has(slug)) {
      verdict.textContent = `Exercise ${number}: passed before`;
      verdict.dataset.status = "passed";
    }
    place.replaceChildren(form);
    place.closest(".answer-place").classList.add("answer-live");
  }

  // ---- the list of all exercises, with what was passed
  function list(table) {
    const boxes = [...table.querySelectorAll("[data-slug]")];
    const show = () => {
      const done = passed();
      for (const box of boxes) {
        const is = done.has(box.dataset.slug);
        box.textContent = is ? "✓" : "";
        box.setAttribute("aria-label", is ? "passed" : "not passed yet");
      }
      document.querySelectorAll("[data-chapter-count]").forEach((count) => {
        const own = boxes.filter((box) => box.dataset.chapter === count.dataset.chapterCount);
        count.textContent = `${own.filter((box) => done.has(box.dataset.slug)).length} of ${own.length} passed here`;
      });
    };
    document.addEventListener("rnnbook-progress", show);
    addEventListener("storage", show);
    show();
  }

  function exports(place) {
    const file = h("input", { type: "file", accept: "application/json", id: "progress-file", "aria-label": "a progress.json to take over", class: "visually-hidden" });
    const said = h("p", { role: "status", class: "answer-verdict" });
    const save = () => {
      const link = h("a", { download: "progress.json", href: URL.createObjectURL(new Blob([JSON.stringify({ passed: [...passed()].sort() }, null, 1)], { type: "application/json" })) });
      link.click();
      URL.revokeObjectURL(link.href);
    };
    file.addEventListener("change", async () => {
      try {
        const slugs = JSON.parse(await file.files[0].text()).passed;
        if (!Array.isArray(slugs)) throw new TypeError();
        keep(new Set([...passed(), ...slugs.map(String)]));
        said.textContent = `${slugs.length} exercises taken over.`;
      } catch { said.textContent = "That is no progress.json: expected a file with a list named passed."; }
      file.value = ""; // so that the same file may be chosen again
    });
    place.replaceChildren(h("button", { type: "button", onclick: save }, "Export progress.json"),
      h("button", { type: "button", onclick: () => file.click() }, "Import …"), file, said);
  }

  globalThis.rnnbookLiteral = literal;
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".answer-mount").forEach(mount);
    document.querySelectorAll(".exercise-list").forEach(list);
    document.querySelectorAll(".progress-export").forEach(exports);
  });
})();
