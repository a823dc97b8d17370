/* The executions timeline. Draws only the lanes in sight, so a thousand are as quick as ten. */
(() => {
  "use strict";
  const root = document.getElementById("timeline");
  if (!root) return;
  const data = JSON.parse(document.getElementById("timeline-data").textContent);
  const one = (selector) => root.querySelector(selector);
  const control = (name) => one(`[data-do=${name}]`);
  const axis = one(".axis"), box = one(".lanes"), svg = one(".lanes svg"), space = one(".space"), tip = one(".tip"), strip = one(".strip");
  const said = one("[data-show=said]"), story = one("[data-show=story]"), PAPER = 720, STRIP = 46, ALIKE_MIN = 3, SHEET = 250, ACTING = 3;

  const { lanes, common, ENDED, present, counts } = timelineLanes(data);

  /* --- what is shown --------------------------------------------------------------------------------------- */
  const state = { from: 0, to: data.end || 1, dense: lanes.length > 150, fold: true, opened: new Set(), chosen: null, shown: lanes, tops: [], height: 0, cross: null };
  if (lanes.some((lane) => lane.trouble >= 100)) control("sort").value = "trouble";
  const laneHeight = (lane) => (lane.alike ? 17 : state.dense ? 11 : 24 + lane.waves.length * 11);
  function arrange() {
    const wanted = control("filter").value.trim().toLowerCase(), status = control("status").value;
    const orders = {
      start: (a, b) => a.start - b.start || a.place - b.place, end: (a, b) => a.end - b.end || a.place - b.place,
      length: (a, b) => b.end - b.start - (a.end - a.start) || a.place - b.place,
      trouble: (a, b) => b.trouble - a.trouble || a.place - b.place,
    };
    const found = lanes.filter((lane) => state.printing || (!wanted || lane.id.toLowerCase().includes(wanted)) && (!status || lane.final === status))
      .sort(orders[control("sort").value]);
    state.shown = state.printing || wanted || !state.fold ? found : folded(found);
    state.tops = []; let top = 4;
    for (const lane of state.shown) { state.tops.push(top); top += laneHeight(lane); }
    state.height = top + 4;
    space.style.height = box.style.height = `${state.height}px`;
    if (!state.shown.includes(state.chosen)) choose(state.shown.find((row) => row.alike && row.course === state.chosen?.course && state.chosen?.alike) || null);
    one("[data-show=count]").textContent = `${found.length.toLocaleString("en-US")} of ${lanes.length.toLocaleString("en-US")} lanes`;
    control("dense").setAttribute("aria-pressed", String(state.dense));
    control("fold").setAttribute("aria-pressed", String(state.fold));
    redraw();
  }
  /* The lanes, of which the first of each course is followed by a row that stands for all others. */
  function folded(found) {
    const groups = new Map(), rows = [];
    for (const lane of found) if (lane.course !== undefined) groups.set(lane.course, [...(groups.get(lane.course) || []), lane]);
    const many = (lane) => lane.course !== undefined && groups.get(lane.course).length > ALIKE_MIN;
    for (const lane of found) {
      if (!many(lane)) { rows.push(lane); continue; }
      const [first, ...alike] = groups.get(lane.course);
      if (lane !== first) continue;
      const open = state.opened.has(lane.course);
      rows.push(lane, { alike, open, course: lane.course, waves: [], id: `${open ? "\u25be" : "\u25b8"} ${alike.length} alike: ${lane.final}, ${lane.waves.length} wave${lane.waves.length === 1 ? "" : "s"}` });
      if (open) rows.push(...alike);
    }
    return rows;
  }

  /* --- geometry -------------------------------------------------------------------------------------------- */
  const gutter = () => (state.width < 600 ? 66 : 92);
  const x = (at) => gutter() + ((at - state.from) / (state.to - state.from)) * (state.width - gutter() - 6);
  const when = (px) => state.from + ((px - gutter()) / (state.width - gutter() - 6)) * (state.to - state.from);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const clock = (at, fine) => new Date(data.start + at).toISOString().slice(11, fine ? 23 : 19);
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400].map((s) => s * 1000);

  let asked = false;
  function redraw() { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; draw(); }); } }
  const text = (px, py, words, more = "") => `<text x="${px}" y="${py}"${more}>${escaped(words)}</text>`;
  const escaped = (words) => words.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  /* Handlers may write any status; what is none of ours becomes a class that means nothing. */
  const colour = (status) => `s-${status.replace(/\W/g, "-")}`;
  const band = (spans, end, py, height) => {
    let out = "";
    spans.forEach(([at, status], place) => {
      const until = place + 1 < spans.length ? spans[place + 1][0] : end;
      const left = x(Math.max(at, state.from)), right = x(Math.min(until, state.to));
      if (at > state.to || until < state.from || right <= left) return;
      out += `<rect x="${left.toFixed(1)}" y="${py}" width="${Math.max(right - left, 0.8).toFixed(1)}" height="${height}" class="${colour(status)}"/>`;
    });
    return out;
  };
  function firstInSight(top) {
    let low = 0, high = state.tops.length - 1;
    while (low < high) { const middle = (low + high + 1) >> 1; if (state.tops[middle] <= top) low = middle; else high = middle - 1; }
    return low;
  }
  function draw() {
    state.width = state.printing ? PAPER : box.clientWidth;
    const ticks = ticksOf();
    if (state.printing) axis.setAttribute("viewBox", `0 0 ${PAPER} 26`);
    else {
      axis.removeAttribute("viewBox");
      svg.setAttribute("height", box.clientHeight);
      svg.innerHTML = picture(box.scrollTop, box.clientHeight, ticks);
    }
    let marks = "";
    for (const at of ticks) marks += `<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="19" y2="26"/>` + text(x(at), 16, clock(at), ' text-anchor="middle"');
    for (const [at] of common) if (at >= state.from && at <= state.to) marks += diamond(x(at), 22, 3);
    if (healed()) {
      const left = x(data.healed) > state.width - 60;
      marks += `<line class="healed" x1="${x(data.healed)}" x2="${x(data.healed)}" y1="17" y2="26"/>`;
      marks += text(x(data.healed) + (left ? -4 : 4), 25, "healed", ` class="healed" text-anchor="${left ? "end" : "start"}"`);
    }
    axis.innerHTML = marks;
    drawStrip();
  }
  /* How many executions are in which status, over time. */
  function drawStrip() {
    const wide = state.width - gutter() - 6, columns = Math.max(Math.floor(wide / 2), 2), key = [state.from, state.to, state.width].join();
    if (state.printing) strip.setAttribute("viewBox", `0 0 ${PAPER} ${STRIP}`); else strip.removeAttribute("viewBox");
    if (strip.dataset.key !== key) {
      strip.dataset.key = key;
      const found = counts(state.from, state.to, columns), scale = (STRIP - 8) / Math.max(lanes.length, 1);
      const place = (column) => (gutter() + (wide * column) / (columns - 1)).toFixed(1), bottoms = found.map(() => 0);
      let out = text(6, 14, lanes.length.toLocaleString("en-US")) + text(6, STRIP - 4, "0");
      present.forEach((status, index) => {
        const up = found.map((row, column) => `${place(column)} ${(STRIP - 4 - (bottoms[column] + row[index]) * scale).toFixed(1)}`);
        const down = bottoms.map((under, column) => `${place(column)} ${(STRIP - 4 - under * scale).toFixed(1)}`).reverse();
        out += `<path class="${colour(status)}" d="M${up.join("L")}L${down.join("L")}z"/>`;
        found.forEach((row, column) => { bottoms[column] += row[index]; });
      });
      strip.innerHTML = out + '<line class="cross" y1="0" y2="100%" visibility="hidden"/>';
    }
    const cross = strip.querySelector(".cross");
    cross.setAttribute("visibility", state.cross === null ? "hidden" : "visible");
    for (const end of ["x1", "x2"]) cross.setAttribute(end, x(state.cross ?? 0));
  }
  /* The lanes from `top` on, in a picture that is so high. */
  function picture(top, view, ticks) {
    let out = "";
    for (const at of ticks) out += `<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="0" y2="${view}"/>`;
    for (const [, after, before] of data.faults) {
      if (before <= state.from || after >= state.to) continue;
      const left = x(Math.max(after, state.from));
      out += `<rect class="fault-span" x="${left}" y="0" width="${Math.max(x(Math.min(before, state.to)) - left, 1)}" height="${view}"/>`;
    }
    for (let i = firstInSight(top); i < state.shown.length && state.tops[i] < top + view; i++) out += drawLane(state.shown[i], state.tops[i] - top);
    if (healed()) out += `<line class="healed" x1="${x(data.healed)}" x2="${x(data.healed)}" y1="0" y2="${view}"/>`;
    if (state.cross !== null) out += `<line class="cross" x1="${x(state.cross)}" x2="${x(state.cross)}" y1="0" y2="${view}"/>`;
    return out;
  }
  const healed = () => data.healed !== null && data.healed >= state.from && data.healed <= state.to;
  const diamond = (px, py, size) => `<path class="strike" d="M${px.toFixed(1)} ${py - size}l${size} ${size}l-${size} ${size}l-${size} -${size}z"/>`;
  function ticksOf() {
    const room = Math.max((state.width - gutter()) / 76, 2), span = state.to - state.from;
    const step = STEPS.find((each) => span / each <= room) || STEPS.at(-1);
    const found = [];
    for (let at = Math.ceil((data.start + state.from) / step) * step - data.start; at <= state.to; at += step) if (x(at) > gutter() + 24 && x(at) < state.width - 26) found.push(at);
    return found;
  }
  function drawLane(lane, py) {
    const end = data.end, height = laneHeight(lane);
    const chosen = lane === state.chosen ? `<rect class="chosen" x="0" y="${py}" width="${state.width}" height="${height}"/>` : "";
    if (lane.alike) return chosen + text(6, py + 12, lane.id, ' class="alike"');
    let out = chosen + text(6, py + (state.dense ? 9 : 12), lane.id.slice(0, state.width < 600 ? 8 : 11), lane.broken ? ' class="broken"' : "");
    out += band(state.dense ? lane.progress : lane.statuses, ENDED.has(lane.final) ? Math.min(lane.end + Math.max((state.to - state.from) / 90, 1), end) : end, py + (state.dense ? 1 : 4), 9);
    let good = "", bad = "";
    const from = py + (state.dense ? 1 : 3), length = state.dense ? 9 : 11;
    lane.polls.forEach((at, place) => {
      if (at < state.from || at > state.to) return;
      if (lane.failed.has(place)) bad += `M${x(at).toFixed(1)} ${from}v${length}`; else good += `M${x(at).toFixed(1)} ${from}v${length}`;
    });
    if (good && (!state.dense || state.to - state.from < 2.4e6)) out += `<path class="poll" d="${good}"/>`;
    if (bad) out += `<path class="poll failed" d="${bad}"/>`;
    if (!state.dense) lane.waves.forEach((wave, place) => {
      const wy = py + 17 + place * 11;
      out += band(wave.table, lane.end, wy, 5) + band(wave.truth, Math.max(lane.end, Math.min((wave.truth.at(-1) || [0])[0] + 1, end)), wy + 5, 3);
    });
    for (const [at] of lane.strikes) if (at >= state.from && at <= state.to) out += diamond(x(at), py + (state.dense ? 3.5 : 4), 3);
    return out;
  }

  /* --- what the pointer is on -------------------------------------------------------------------------------- */
  const at = (spans, instant) => { let found = null; for (const [begin, status] of spans) if (begin <= instant) found = status; return found; };
  function laneAt(py) {
    const place = firstInSight(py), lane = state.shown[place];
    return lane && py >= state.tops[place] && py < state.tops[place] + laneHeight(lane) ? lane : null;
  }
  function facts(lane, instant) {
    const rows = [[null, `${clock(instant, true)}  ${lane.id}`], [at(lane.statuses, instant), `execution ${at(lane.statuses, instant) || "not started"}`]];
    lane.waves.forEach((wave, place) => {
      const table = at(wave.table, instant), truth = at(wave.truth, instant);
      if (table) rows.push([table, `wave ${place + 1}: ${table}${truth && truth !== table ? `, DRS: ${truth}` : ""}`]);
    });
    const before = lane.polls.filter((poll) => poll <= instant).at(-1);
    if (before !== undefined) rows.push([null, `last poll ${((instant - before) / 1000).toFixed(1)} s before${lane.failed.has(lane.polls.indexOf(before)) ? ", failed" : ""}`]);
    const acting = data.faults.filter(([, after, before]) => after <= instant && instant < before).map(([rule]) => rule);
    for (const rule of acting.slice(0, ACTING)) rows.push([null, `acts now: ${rule}`]);
    if (acting.length > ACTING) rows.push([null, `and ${acting.length - ACTING} more`]);
    const reach = (state.to - state.from) / (state.width - gutter()) * 6;
    for (const [strike, rule] of lane.strikes) if (Math.abs(strike - instant) < reach) { rows.push([null, `injected: ${data.faults[rule] ? data.faults[rule][0] : rule}`]); break; }
    return rows;
  }
  function show(rows, px, py) {
    tip.replaceChildren(...rows.map(([status, line]) => {
      const row = document.createElement("div");
      if (status) { const sign = document.createElement("i"); sign.className = colour(status); row.append(sign); }
      row.append(line);
      return row;
    }));
    tip.hidden = false;
    tip.style.left = `${clamp(px + 14, 0, Math.max(state.width - tip.offsetWidth - 4, 0))}px`;
    tip.style.top = `${clamp(py + 18, 0, Math.max(box.clientHeight + 26 + STRIP - tip.offsetHeight, 0))}px`;
  }
  /* One cursor for the timeline and all charts over time: each shows the instant that the pointer is at in another. */
  function mark(instant, tell = true) {
    if (state.cross === instant) return;
    state.cross = instant; redraw();
    if (tell) document.dispatchEvent(new CustomEvent("instant", { detail: { at: instant === null ? null : (data.start + instant) / 1000, by: root } }));
  }
  document.addEventListener("instant", ({ detail }) => {
    const instant = detail.at === null ? null : detail.at * 1000 - data.start;
    if (detail.by !== root) mark(instant !== null && instant >= state.from && instant <= state.to ? instant : null, false);
  });
  function hide() { tip.hidden = true; mark(null); }
  function hover(event) {
    const frame = box.getBoundingClientRect(), px = event.clientX - frame.left, py = event.clientY - frame.top;
    const lane = laneAt(py + box.scrollTop);
    if (!lane || lane.alike || px < gutter()) return hide();
    mark(clamp(when(px), 0, data.end));
    show(facts(lane, state.cross), px, py + 26 + STRIP);
  }
  strip.addEventListener("pointermove", (event) => {
    const px = event.clientX - strip.getBoundingClientRect().left;
    if (px < gutter()) return hide();
    mark(clamp(when(px), 0, data.end));
    const [row] = counts(state.cross, state.cross, 1);
    show([[null, clock(state.cross, true)], ...present.map((status, index) => [status, `${row[index]} ${status}`]).filter((each, index) => row[index])], px, 26);
  });
  strip.addEventListener("pointerleave", hide);

  /* --- moving ------------------------------------------------------------------------------------------------- */
  function look(from, to) {
    const span = clamp(to - from, 500, data.end || 1);
    state.from = clamp(from, 0, Math.max(data.end - span, 0));
    state.to = state.from + span;
    redraw();
  }
  function zoom(factor, around = (state.from + state.to) / 2) { look(around - (around - state.from) * factor, around + (state.to - around) * factor); }
  const pan = (share) => { const by = (state.to - state.from) * share; look(state.from + by, state.to + by); };
  function choose(lane) {
    if (state.chosen && location.hash.startsWith("#execution=")) history.replaceState(null, "", location.pathname + location.search);
    state.chosen = lane;
    if (lane) {
      const place = state.shown.indexOf(lane), top = state.tops[place], bottom = top + laneHeight(lane);
      if (top < box.scrollTop) box.scrollTop = top - 4;
      if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + 4;
    }
    said.textContent = !lane ? "" : lane.alike ? `${lane.id.slice(2)}, ${lane.open ? "shown" : "folded"}. Enter ${lane.open ? "folds" : "shows"} them.` : `${lane.id}: ${lane.final || "no status"}`;
    story.replaceChildren();
    redraw();
  }
  /* The chosen execution's whole story: when it is asked for, since all of it is read aloud. */
  function showStory() {
    const lane = state.chosen;
    if (!lane) return;
    if (lane.alike) {
      if (!state.opened.delete(lane.course)) state.opened.add(lane.course);
      return arrange();
    }
    const events = lane.statuses.map(([when, status]) => [when, `execution ${status}`]);
    lane.waves.forEach((wave, place) => {
      for (const [when, status] of wave.truth) events.push([when, `DRS: wave ${place + 1} ${status}`]);
      for (const [when, status] of wave.table) events.push([when, `table: wave ${place + 1} ${status}`]);
    });
    for (const [when, rule] of lane.strikes.slice(0, 100)) events.push([when, `fault: ${data.faults[rule] ? data.faults[rule][0] : rule}`]);
    for (const place of lane.failed) events.push([lane.polls[place], "a poll failed"]);
    events.sort((a, b) => a[0] - b[0]);
    const table = document.createElement("table"), caption = table.createCaption();
    caption.textContent = `${lane.id}: ${lane.polls.length} polls, ${lane.failed.size} failed`;
    for (const [when, line] of events.filter(([when]) => when <= data.end)) {
      const row = table.insertRow();
      row.insertCell().textContent = clock(when, true);
      row.insertCell().textContent = line;
    }
    const link = document.createElement("a"), close = document.createElement("button"), head = document.createElement("p");
    link.href = `#execution=${encodeURIComponent(lane.id)}`;
    link.textContent = "Link to this execution";
    close.type = "button";
    close.textContent = "Close";
    close.setAttribute("aria-label", "Close the story");
    close.addEventListener("click", () => { choose(null); box.focus(); });
    head.append(link, close);
    story.replaceChildren(head, table);
    history.replaceState(null, "", link.href);
    // In a narrow window the story stands below the lanes.
    if (!matchMedia("(min-width: 68.75rem)").matches) story.scrollIntoView({ block: "nearest" });
  }
  /* A link to an execution opens its lane and its story, whatever is folded or filtered. */
  function follow() {
    if (!location.hash.startsWith("#execution=")) return;
    let id = location.hash.slice("#execution=".length);
    try { id = decodeURIComponent(id); } catch { /* It stays as it is, and no lane has this id. */ }
    for (let at = root; at; at = at.parentElement) if (at.matches("details")) at.open = true;
    const lane = lanes.find((each) => each.id === id);
    control("filter").value = control("status").value = "";
    if (lane) state.opened.add(lane.course);
    arrange();
    choose(lane || null);
    root.scrollIntoView({ block: "start" });
    if (lane) showStory(); else said.textContent = `This timeline has no execution ${id}.`;
    box.focus({ preventScroll: true });
  }
  addEventListener("hashchange", follow);

  let held = null, moved = false;
  const touches = new Map();
  box.addEventListener("pointerdown", (event) => {
    touches.set(event.pointerId, event.clientX); moved = false;
    held = { x: event.clientX, from: state.from, to: state.to, pinch: null };
    if (touches.size === 2) held.pinch = Math.abs([...touches.values()][0] - [...touches.values()][1]);
  });
  box.addEventListener("pointermove", (event) => {
    if (!held || !touches.has(event.pointerId)) return hover(event);
    touches.set(event.pointerId, event.clientX);
    if (touches.size === 2) {
      const [a, b] = [...touches.values()], apart = Math.abs(a - b), middle = when((a + b) / 2 - box.getBoundingClientRect().left);
      if (held.pinch && apart) zoom(held.pinch / apart, middle);
      held.pinch = apart; moved = true;
      return;
    }
    const by = (held.x - event.clientX) / (state.width - gutter()) * (held.to - held.from);
    if (Math.abs(held.x - event.clientX) > 3) { moved = true; hide(); look(held.from + by, held.to + by); }
  });
  for (const kind of ["pointerup", "pointercancel", "pointerleave"]) box.addEventListener(kind, (event) => {
    touches.delete(event.pointerId);
    if (!touches.size) held = null;
    if (kind === "pointerleave") hide();
  });
  box.addEventListener("click", (event) => {
    if (moved) return;
    const lane = laneAt(event.clientY - box.getBoundingClientRect().top + box.scrollTop);
    choose(lane === state.chosen && !lane?.alike ? null : lane);
    showStory();
  });
  box.addEventListener("dblclick", (event) => zoom(0.4, when(event.clientX - box.getBoundingClientRect().left)));
  box.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) { event.preventDefault(); zoom(Math.exp(event.deltaY * 0.004), when(event.clientX - box.getBoundingClientRect().left)); }
    else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) { event.preventDefault(); pan((event.deltaX || event.deltaY) / state.width); }
  }, { passive: false });
  box.addEventListener("scroll", redraw, { passive: true });
  box.addEventListener("keydown", (event) => {
    const place = state.shown.indexOf(state.chosen);
    const acts = {
      ArrowDown: () => choose(state.shown[Math.min(place + 1, state.shown.length - 1)]), ArrowUp: () => choose(state.shown[Math.max(place - 1, 0)]),
      ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1.7), 0: () => look(0, data.end),
      Home: () => choose(state.shown[0]), End: () => choose(state.shown.at(-1)), Escape: () => choose(null), Enter: showStory,
    };
    if (acts[event.key] && !event.ctrlKey && !event.metaKey) { event.preventDefault(); acts[event.key](); }
  });
  control("in").addEventListener("click", () => zoom(0.5));
  control("out").addEventListener("click", () => zoom(2));
  control("all").addEventListener("click", () => look(0, data.end));
  control("dense").addEventListener("click", () => { state.dense = !state.dense; arrange(); });
  control("fold").addEventListener("click", () => { state.fold = !state.fold; state.opened.clear(); arrange(); });
  control("filter").addEventListener("input", arrange);
  control("status").addEventListener("change", arrange);
  control("sort").addEventListener("change", arrange);
  for (const status of [...new Set(lanes.map((lane) => lane.final))].sort()) {
    const option = document.createElement("option");
    option.value = option.textContent = status;
    control("status").append(option);
  }
  /* Paper has no controls and cannot be scrolled: all lanes are drawn, filtered or not, for the whole time, in
     pictures that a page can hold, and compact where they are many. */
  function print(printing) {
    if (printing === !!state.printing) return;
    state.printing = printing;
    if (printing) {
      state.before = [state.from, state.to, state.dense, state.chosen];
      [state.from, state.to] = [0, data.end || 1];
      arrange();
      state.dense ||= state.height > 2000;
    } else [state.from, state.to, state.dense, state.chosen] = state.before;
    arrange(); draw();
    for (const sheet of box.querySelectorAll(".sheet")) sheet.remove();
    for (let first = 0; printing && first < state.shown.length;) {
      const top = state.tops[first];
      let next = first + 1;
      while (next < state.shown.length && state.tops[next] < top + SHEET) next += 1;
      const height = (state.tops[next] ?? state.height) - top, sheet = svg.cloneNode();
      sheet.setAttribute("class", "sheet");
      sheet.setAttribute("viewBox", `0 0 ${PAPER} ${height}`);
      sheet.innerHTML = picture(top, height, ticksOf());
      box.append(sheet);
      first = next;
    }
  }
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  new ResizeObserver(redraw).observe(box);
  arrange();
  follow();
})();
