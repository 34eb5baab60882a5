// The search of the book: it finds sections, ranks them with lunr, and leads to the place.
"use strict";

(() => {
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  if (!/\/search\.html$/.test(location.pathname)) {
    markWords();
    return;
  }
  const MOST = 20;
  const EXCERPT = 220; // characters
  // What learners type where the book says something else.
  const OTHER_WORDS = {
    overfitting: "early stopping", vanishing: "vanish", exploding: "explode", overfit: "early stopping", bptt: "backpropagation through time",
    "nn.lstm": "lstm", "nn.gru": "gru", pack_padded_sequence: "packing", vs: "", versus: "", checkpoint: "restore_best", backprop: "backpropagation",
  };
  // Pages to look things up in, and the companions, come after the chapters.
  const BESIDE = /^book\/(api|references|beside|mistakes|learning-rates|glossary|exercises|cards)|^chapters\/\d+b_/;
  // Sections that only look back or ahead come after those that explain.
  const ASIDE = /^(Common mistakes|Recall cards|What you learned|Further reading|You will be able to|You can stop here)/;

  // On the page that was found, mark the words; this theme keeps Sphinx's own marking from running.
  function markWords() {
    const words = (new URLSearchParams(location.search).get("highlight") ?? "").split(" ").filter(Boolean);
    document.addEventListener("DOMContentLoaded", () => {
      const article = document.querySelector("article.bd-article");
      for (const word of words) _highlightText(article, word, "highlighted");
    });
  }

  const load = (path) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = folder + path;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });

  // A hyphen joins; dots within a name or a number stay: nn.LSTM, 3.2, 1.0.
  const split = (text) => text.toLowerCase().split(/[^\p{L}\p{N}._]+/u).map((word) => word.replace(/^[._]+|[._]+$/g, "")).filter(Boolean);

  function build() {
    return lunr(function () {
      // A dotted name is found whole and by its parts: nn.LSTM, and LSTM.
      const parts = (word) => (/[a-z]/.test(word) && word.includes(".") ? [word, ...word.split(".")] : [word]);
      this.tokenizer = (text) => split(String(text ?? "")).flatMap(parts).map((word) => new lunr.Token(word, {}));
      this.pipeline.remove(lunr.trimmer);
      this.ref("number");
      this.field("title", { boost: 6 });
      this.field("terms", { boost: 5 });
      this.field("page", { boost: 3 });
      this.field("text");
      bookSections.forEach((section, number) => section.entry || this.add({ number, ...section }));
    });
  }

  // All words first, then any; a title that has the words as they were typed comes before others.
  function find(index, words) {
    const search = (presence) =>
      index.query((query) => {
        for (const word of words) {
          query.term(word, { presence, boost: 10 });
          if (presence === lunr.Query.presence.OPTIONAL && word.length > 3)
            query.term(word, { wildcard: lunr.Query.wildcard.TRAILING });
        }
      });
    let hits = search(lunr.Query.presence.REQUIRED);
    if (!hits.length) hits = search(lunr.Query.presence.OPTIONAL);
    const typed = words.join(" ");
    const closeness = ({ ref, score }) => {
      const { title, address } = bookSections[ref];
      const heading = split(title).join(" ");
      let factor = ASIDE.test(title) ? 0.2 : /^Exercise/.test(title) ? 0.2 : /^\d/.test(title) ? 1 : 0.8;
      if (heading.includes(typed)) factor *= 3;
      if (/\d\.\d/.test(typed) && heading.startsWith(typed)) factor *= 6; // "exercise 3.2", "3.2"
      return score * factor * (BESIDE.test(address) ? 0.3 : 1);
    };
    return hits.map((hit) => [closeness(hit), bookSections[hit.ref]]).sort((a, b) => b[0] - a[0]).map(([, section]) => section);
  }

  // Some prose around the first word that is found, with the words marked.
  function excerpt(text, words) {
    const pattern = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "iu");
    const at = Math.max(0, text.search(pattern) - EXCERPT / 3);
    const from = at ? text.indexOf(" ", at) + 1 : 0;
    const shown = `${from ? "… " : ""}${text.slice(from, from + EXCERPT)}${from + EXCERPT < text.length ? " …" : ""}`;
    const element = document.createElement("p");
    shown.split(new RegExp(pattern.source, "giu")).forEach((part, n) => {
      const mark = n % 2 ? document.createElement("mark") : null;
      if (mark) mark.textContent = part;
      element.append(mark ?? part);
    });
    return element;
  }

  function show(index, typed) {
    const place = document.getElementById("search-results");
    const words = split(split(typed).map((word) => OTHER_WORDS[word] ?? word).join(" "));
    const sections = words.length ? find(index, words) : [];
    const list = document.createElement("ul");
    list.className = "search book-search";
    for (const { address, page, title, text } of sections.slice(0, MOST)) {
      const [file, anchor] = address.split("#");
      const link = document.createElement("a");
      link.href = `${file}?highlight=${encodeURIComponent(words.join(" "))}${anchor ? `#${anchor}` : ""}`;
      link.textContent = title;
      const item = document.createElement("li");
      item.append(link);
      if (page !== title) item.append(Object.assign(document.createElement("span"), { className: "book-search-page", textContent: page }));
      item.append(excerpt(text, words));
      list.append(item);
    }
    const said = document.createElement("p");
    said.className = "search-summary";
    said.setAttribute("role", "status");
    said.textContent = sections.length ? `${sections.length} sections` : `Nothing was found for "${typed}".`;
    place.replaceChildren(said, list);
  }

  // Before Sphinx's own search begins; the promise makes the order certain.
  document.addEventListener("DOMContentLoaded", () => {
    if (typeof Search === "undefined") return; // only the page of results has it
    const ready = Promise.all([load("vendor/lunr.js"), load("sections.js")]).then(build);
    Search.performSearch = (typed) => ready.then((index) => show(index, typed));
  });
})();
