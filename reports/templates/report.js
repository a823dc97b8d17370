/* The acceptance tables' filters. */
(() => {
  "use strict";
  for (const bar of document.querySelectorAll("[data-filters]")) {
    const rows = [...document.getElementById(bar.dataset.filters).tBodies[0].rows];
    const words = bar.querySelector("input"), count = bar.querySelector("[data-show=count]");
    let verdict = "", printing = false;
    const apply = () => {
      const wanted = words.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        const fits = printing || (!verdict || row.dataset.verdict === verdict) && row.textContent.toLowerCase().includes(wanted);
        row.hidden = !fits;
        shown += fits;
      }
      count.textContent = `${shown} of ${rows.length} rows`;
    };
    for (const button of bar.querySelectorAll("button")) button.addEventListener("click", () => {
      verdict = button.dataset.verdict;
      for (const other of bar.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
      apply();
    });
    words.addEventListener("input", apply);
    // On paper there is no bar that would say that rows are hidden.
    addEventListener("beforeprint", () => { printing = true; apply(); });
    addEventListener("afterprint", () => { printing = false; apply(); });
    apply();
  }
})();
/* Words of the glossary: each is explained at its first place in the page, on hover and on focus. */
(() => {
  "use strict";
  const list = document.querySelector("dl.glossary");
  if (!list) return;
  const terms = new Map([...list.querySelectorAll("dt")].map((term) => [term.textContent, term.nextElementSibling]));
  const LEFT_OUT = "a, button, summary, label, select, code, pre, svg, script, noscript, h1, h2, h3, thead, .chart, .story, .count, .glossary, [aria-live]";
  const tip = document.createElement("div");
  tip.className = "meaning";
  tip.hidden = true;
  tip.setAttribute("role", "tooltip");
  tip.id = "meaning";
  document.body.append(tip);
  const hide = () => { tip.hidden = true; };
  const show = (word, meaning) => {
    tip.textContent = meaning;
    tip.hidden = false;
    const at = word.getBoundingClientRect();
    tip.style.left = `${Math.max(Math.min(at.left, document.documentElement.clientWidth - tip.offsetWidth - 8), 8)}px`;
    tip.style.top = `${at.bottom + 6 + tip.offsetHeight > innerHeight ? at.top - tip.offsetHeight - 6 : at.bottom + 6}px`;
  };
  const explain = (text, meaning) => {
    const word = document.createElement("button");
    word.type = "button";
    word.className = "term";
    word.textContent = text;
    word.setAttribute("aria-describedby", meaning.id);
    for (const kind of ["pointerenter", "focus", "click"]) word.addEventListener(kind, () => show(word, meaning.textContent));
    for (const kind of ["pointerleave", "blur"]) word.addEventListener(kind, hide);
    return word;
  };
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", hide, { passive: true });
  const texts = [];
  for (const part of document.querySelectorAll("header.banner, main")) {
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(LEFT_OUT)) texts.push(walker.currentNode);
  }
  for (let node of texts) {
    while (node && terms.size) {
      const forms = [...terms.keys()].map((each) => each.replace(/^[a-z]/, (first) => `[${first}${first.toUpperCase()}]`));
      const found = new RegExp(`(?<![\\w-])(?:${forms.map((form) => `(${form})`).join("|")})(?![\\w-])`).exec(node.data);
      const term = found && [...terms.keys()][found.slice(1).findIndex((each) => each !== undefined)];
      if (!found) break;
      const after = node.splitText(found.index), rest = after.splitText(found[0].length);
      after.replaceWith(explain(found[0], terms.get(term)));
      terms.delete(term);
      node = rest;
    }
  }
})();
