/* What every page has: folds that links open, buttons for all of them, tables as cards, and printing. */
(() => {
  "use strict";
  const folds = () => [...document.querySelectorAll("main details.fold")];
  for (const details of document.querySelectorAll("[data-narrow=closed]")) if (matchMedia("(max-width: 68.74rem)").matches) details.open = false;

  /* A link leads to a closed fold or into one: it opens. Browsers do so themselves for what they find in the page. */
  const open = (name) => {
    const target = name && document.getElementById(name);
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
    const inside = target.querySelector(":scope > details.fold");
    if (inside) inside.open = true;
    target.scrollIntoView();
  };
  const named = () => { try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; } };
  addEventListener("hashchange", () => open(named()));
  // The same link clicked twice does not change the address.
  document.addEventListener("click", (event) => { const link = event.target.closest?.('a[href^="#"]'); if (link && link.hash === location.hash) open(named()); });
  open(named());
  for (const button of document.querySelectorAll("[data-fold]")) button.addEventListener("click", () => {
    for (const each of folds()) each.open = button.dataset.fold === "open";
  });

  /* Paper has no folds: all are open while it is printed. The short print has the sections that are marked for it. */
  let closed = null;
  addEventListener("beforeprint", () => { closed ??= folds().filter((each) => !each.open); for (const each of closed) each.open = true; });
  addEventListener("afterprint", () => {
    for (const each of closed || []) each.open = false;
    closed = null;
    delete document.documentElement.dataset.print;
  });
  for (const button of document.querySelectorAll("[data-do=print]")) button.addEventListener("click", () => {
    if (button.dataset.print) document.documentElement.dataset.print = button.dataset.print;
    print();
  });

  /* A cell of a card on a phone needs the title of its column. A matrix stays a table. */
  for (const table of document.querySelectorAll(".table > table:not(.ledger)")) {
    const titles = [...(table.tHead?.rows[0]?.cells || [])].map((cell) => cell.textContent.trim());
    if (titles.length < 3) continue;
    table.classList.add("cards");
    for (const [name, parts] of [["table", [table]], ["rowgroup", table.tBodies], ["row", table.rows]]) for (const part of parts) part.setAttribute("role", name);
    for (const body of table.tBodies) for (const row of body.rows) [...row.cells].forEach((cell, place) => {
      cell.dataset.label = titles[place] || "";
      cell.setAttribute("role", cell.tagName === "TH" ? "rowheader" : "cell");
    });
    for (const cell of table.tHead.rows[0].cells) cell.setAttribute("role", "columnheader");
    table.tHead.setAttribute("role", "rowgroup");
  }
})();
/* Only tables that can be scrolled are stops of the Tab key. */
(() => {
  "use strict";
  const watch = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const table of document.querySelectorAll(".table[role]")) watch.observe(table);
})();
