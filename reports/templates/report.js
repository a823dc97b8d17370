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
