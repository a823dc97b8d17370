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
  /* A block with a command of its own gets its button here. */
  for (const block of document.querySelectorAll("main pre")) {
    const command = /^(?:\$ )?(drsim .+)$/s.exec(block.textContent.trim());
    if (!command) continue;
    const bar = document.createElement("div"), button = document.createElement("button"), status = document.createElement("span");
    bar.className = "bar";
    button.type = "button";
    button.dataset.copy = command[1];
    button.textContent = "Copy";
    status.setAttribute("role", "status");
    bar.append(button, status);
    block.after(bar);
  }
  for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", async () => {
    const text = button.dataset.copy, status = button.parentElement.querySelector("[role=status]");
    let done = true;
    try { await navigator.clipboard.writeText(text); } catch { done = byHand(text); }
    button.focus();
    status.textContent = done ? "copied" : "could not be copied";
    setTimeout(() => { status.textContent = ""; }, 4000);
  });
})();
