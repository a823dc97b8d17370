/* Buttons that copy a command. A page opened from disk may lack the clipboard's interface, so the old way remains. */
(() => {
  "use strict";
  const byHand = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", async () => {
    const text = button.dataset.copy, status = button.parentElement.querySelector("[role=status]");
    let done = true;
    try { await navigator.clipboard.writeText(text); } catch { done = byHand(text); }
    button.focus();
    status.textContent = done ? "copied" : "could not be copied";
    setTimeout(() => { status.textContent = ""; }, 4000);
  });
})();
