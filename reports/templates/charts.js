// Crosshair, tooltip, legend switches and table of a chart's values; reports.charts.drawing.Figure says how its data are made.
(() => {
  "use strict";
  const make = (parent, tag, kind, text) => {
    const made = parent.appendChild(document.createElement(tag));
    if (kind) made.className = kind;
    if (text) made.textContent = text;
    return made;
  };
  // As reports.charts.scales.figure writes it.
  const number = (value) => {
    const size = Math.abs(value);
    if (value && (size < 0.01 || size >= 1e15)) return String(value);
    return (+value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : 2)).toLocaleString("en-US");
  };
  // As reports.text.duration writes it.
  const duration = (seconds) => {
    if (Math.abs(seconds) < 90) return number(seconds) + "\u00a0s";
    const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]], first = (all) => units.findIndex(([, size]) => all >= size);
    let left = Math.round(Math.abs(seconds));
    const step = units[first(left) + 1][1];
    left = Math.round(left / step) * step;
    const [[major, size], [minor, part]] = units.slice(first(left)), rest = Math.floor((left % size) / part);
    return (seconds < 0 ? "-" : "") + Math.floor(left / size) + major + (rest ? "\u00a0" + rest + minor : "");
  };
  const SECONDS = { min: 60, h: 3600 };
  const words = (value, unit) =>
    value == null ? "–" : SECONDS[unit] ? duration(value * SECONDS[unit]) : number(value) + (unit === "%" ? "%" : unit && "\u00a0" + unit);

  const enliven = (figure, data) => {
    const plot = figure.querySelector(".plot");
    const title = figure.querySelector("figcaption b").textContent;
    const places = data.p || data.x.map((x) => (1000 * (x - data.d[0])) / (data.d[1] - data.d[0]));
    const time = (at) => new Date(at * 1000).toISOString().slice(data.d[1] > 86400 ? 5 : 11, 19).replace("T", " ");
    const label = (i) => (data.l ? data.l[i] : time(data.t + data.x[i]));
    const last = places.length - 1;
    const hidden = new Set();
    let current = 0;

    // The instant that the pointer is at in another chart or in the timeline.
    const announce = (at) => data.x && document.dispatchEvent(new CustomEvent("instant", { detail: { at, by: figure } }));
    if (data.x) {
      const line = make(plot, "div", "cross shared");
      line.hidden = true;
      document.addEventListener("instant", ({ detail }) => {
        const share = detail.at === null ? -1 : (detail.at - data.t - data.d[0]) / (data.d[1] - data.d[0]);
        line.hidden = detail.by === figure || share < 0 || share > 1;
        line.style.left = 100 * share + "%";
      });
    }

    const marks = make(plot, "div");
    const tip = make(plot, "div", "tip");
    tip.setAttribute("role", "status");
    const clear = () => {
      marks.replaceChildren();
      tip.hidden = true;
    };
    const hide = () => {
      if (!tip.hidden) announce(null);
      clear();
    };
    const show = (index) => {
      clear();
      if (data.x) announce(data.t + data.x[index]);
      current = index;
      const at = places[index] / 10;
      make(marks, "div", data.rows ? "cross level" : "cross").style[data.rows ? "top" : "left"] = at + "%";
      tip.replaceChildren();
      make(tip, "b", "", label(index));
      data.s.forEach(({ n, c, u, y, v }, series) => {
        if (hidden.has(series)) return;
        const line = make(tip, "div");
        line.style.setProperty("--c", `var(${c})`);
        make(line, "span", "", n);
        make(line, "em", "", words(v[index], u));
        if (!y || v[index] == null) return;
        make(marks, "div", "dot").style.cssText =
          `--c:var(${c});left:${at}%;top:${(100 * (y[1] - v[index])) / (y[1] - y[0])}%`;
      });
      tip.hidden = false;
      const [x, width] = [at * plot.clientWidth / 100, tip.offsetWidth + 16];
      const left = Math.max(x + width < plot.clientWidth ? x : x - width, -40);
      tip.style.cssText = data.rows ? `left:40%;top:${at}%` : `left:${left}px`;
    };
    const nearest = (event) => {
      const box = plot.getBoundingClientRect();
      const at = data.rows ? (event.clientY - box.top) / box.height : (event.clientX - box.left) / box.width;
      const far = places.map((place) => Math.abs(place - at * 1000));
      show(far.indexOf(Math.min(...far)));
    };
    clear();
    plot.addEventListener("pointermove", nearest);
    plot.addEventListener("pointerdown", nearest);
    plot.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
    document.addEventListener("pointerdown", (event) => plot.contains(event.target) || hide());
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", `${title}: values, one by one with the arrow keys`);
    plot.addEventListener("focus", () => plot.matches(":focus-visible") && show(current));
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -last, End: last }[event.key];
      if (event.key === "Escape") hide();
      if (step === undefined) return;
      event.preventDefault();
      show(Math.min(Math.max(current + step, 0), last));
    });

    for (const key of figure.querySelectorAll("button.key")) {
      const series = +key.dataset.s;
      key.disabled = false;
      // Of many charts some have lines of the same name.
      key.setAttribute("aria-label", `${key.textContent}: ${title}`);
      key.addEventListener("click", () => {
        const off = !hidden.delete(series);
        if (off) hidden.add(series);
        key.setAttribute("aria-pressed", !off);
        for (const path of figure.querySelectorAll(`path[data-s="${series}"]`)) path.classList.toggle("off", off);
      });
    }

    const details = make(figure, "details");
    make(details, "summary", "", "Data").setAttribute("aria-label", `Data: ${title}`);
    details.addEventListener("toggle", () => {
      if (details.childElementCount > 1) return;
      const every = Math.ceil(places.length / 300);
      const table = make(make(details, "div"), "table");
      if (every > 1) make(table, "caption", "", `Every ${every}th row.`);
      const row = (cell, values, first) => {
        const made = make(table, "tr");
        make(made, "th", "", first);
        for (const value of values) make(made, cell, "number", value);
      };
      row("th", data.s.map(({ n, u }) => (u ? `${n}, ${u}` : n)), data.t && "UTC");
      for (let i = 0; i <= last; i += every) row("td", data.s.map(({ v }) => words(v[i], "")), label(i));
    });
  };

  for (const source of document.querySelectorAll("figure.chart > script")) {
    const data = JSON.parse(source.textContent);
    if (data.s.some(({ v }) => v.length)) enliven(source.parentElement, data);
  }
})();
