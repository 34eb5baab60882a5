// A card beside a link to a section, a work or a term: what stands there, before one goes there. It
// comes with the mouse and with the keyboard's focus, and goes with Escape; a finger follows the link.
"use strict";

(() => {
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const PAUSE = 250; // milliseconds, so that a mouse on its way opens nothing
  const LONGEST = 260; // characters
  let index; // of what is there, by address; asked for with the first card
  let waiting = 0;
  let card;

  function places() {
    index ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${folder}sections.js`;
      script.onload = () => resolve(new Map(bookSections.map((place) => [place.address, place])));
      script.onerror = reject;
      document.head.append(script);
    });
    return index;
  }

  // The address as the index has it: from the root of the site.
  function addressOf(link) {
    const root = new URL("..", folder).href;
    const [page, anchor] = link.href.split("#");
    if (!page.startsWith(root)) return null;
    const path = page.slice(root.length).split("?")[0];
    return anchor ? `${path}#${anchor}` : path;
  }

  async function show(link) {
    const found = (await places()).get(addressOf(link));
    if (!found || !link.matches(":hover, :focus-visible")) return;
    hide();
    const text = found.text.length > LONGEST ? `${found.text.slice(0, LONGEST).replace(/\s\S*$/, "")} …` : found.text;
    card = document.createElement("div");
    card.className = "hover-card";
    card.id = "hover-card";
    card.setAttribute("role", "tooltip");
    card.append(Object.assign(document.createElement("strong"), { textContent: found.title }));
    if (found.page !== found.title) card.append(Object.assign(document.createElement("span"), { textContent: found.page }));
    card.append(Object.assign(document.createElement("p"), { textContent: text }));
    (document.querySelector("main") ?? document.body).append(card); // a landmark, for those who hear the page
    link.setAttribute("aria-describedby", card.id);
    const box = link.getBoundingClientRect();
    const below = box.bottom + card.offsetHeight + 12 < innerHeight;
    card.style.left = `${Math.max(8, Math.min(box.left, innerWidth - card.offsetWidth - 8))}px`;
    card.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - card.offsetHeight - 6)}px`;
    card.link = link;
  }

  function hide() {
    clearTimeout(waiting);
    card?.link?.removeAttribute("aria-describedby");
    card?.remove();
    card = undefined;
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const link of document.querySelectorAll("article.bd-article a.reference.internal[href]")) {
      const soon = (event) => {
        if (event.pointerType === "touch") return;
        clearTimeout(waiting);
        waiting = setTimeout(() => show(link), PAUSE);
      };
      link.addEventListener("pointerenter", soon);
      link.addEventListener("focus", soon);
      link.addEventListener("pointerleave", hide);
      link.addEventListener("blur", hide);
    }
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    document.addEventListener("scroll", hide, { passive: true });
  });
})();
