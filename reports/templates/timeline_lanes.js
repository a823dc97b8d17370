/* The timeline's lanes from the page's data, which of them are alike, and how many are in which status over time. */
const timelineLanes = (data) => {
  "use strict";
  const ENDED = new Set(data.ends), NONE = "", SLOW = 1.25;
  const sums = (list) => { let at = 0; return list.map((step) => (at += step)); };
  const spans = (flat) => {
    let at = 0; const found = [];
    for (let i = 0; i < flat.length; i += 2) found.push([(at += flat[i]), data.names[flat[i + 1]]]);
    return found;
  };
  /* How far an execution has come in one colour: that of its most advanced wave, and in the end its own. */
  function progress(lane) {
    const changes = lane.statuses.map(([at, status]) => [at, -1, status]);
    lane.waves.forEach((wave, place) => { for (const [at, status] of wave.table) changes.push([at, place, status]); });
    changes.sort((a, b) => a[0] - b[0]);
    const now = new Map(), found = [];
    for (const [at, place, status] of changes) {
      now.set(place, status);
      const all = [...now.values()], own = now.get(-1);
      const shown = own !== data.polling ? own : data.progress.find((each) => all.includes(each)) || (all.some((each) => ENDED.has(each)) ? data.progress[0] : own);
      if (!found.length || found.at(-1)[1] !== shown) found.push([at, shown]);
    }
    return found;
  }
  const lanes = data.lanes.map(([id, statuses, polls, failed, waves, broken], place) => {
    const lane = { id, place, broken, statuses: spans(statuses), polls: sums(polls), failed: new Set(failed),
      waves: waves.map(([table, truth]) => ({ table: spans(table), truth: spans(truth) })), strikes: [] };
    const last = lane.statuses.at(-1) || [0, NONE];
    lane.start = lane.statuses.length ? lane.statuses[0][0] : 0;
    lane.final = last[1];
    lane.end = ENDED.has(last[1]) ? last[0] : data.end;
    lane.progress = progress(lane);
    return lane;
  });
  const common = [];
  for (const [at, rule, place] of data.strikes) (place < 0 ? common : lanes[place].strikes).push([at, rule]);
  for (const lane of lanes) lane.trouble = lane.broken * 1e6 + (lane.final !== data.completed) * 1e5 + lane.failed.size * 100 + lane.strikes.length;

  /* Lanes are alike if they went through the same statuses, met no trouble and took no longer than usual. */
  const groups = new Map();
  for (const lane of lanes) {
    const words = (list) => list.map(([, status]) => status).join();
    const course = [lane.statuses, ...lane.waves.map((wave) => (wave.truth.length ? wave.truth : wave.table))].map(words).join(";");
    if (lane.trouble % 1e5 === 0 && !lane.broken) groups.set(course, [...(groups.get(course) || []), lane]);
  }
  for (const [course, all] of groups) {
    const usual = all.map((lane) => lane.end - lane.start).sort((a, b) => a - b)[all.length >> 1];
    for (const lane of all) if (lane.end - lane.start <= usual * SLOW) lane.course = course;
  }

  /* The statuses that occur, those of ended executions first, and for `columns` instants the number of lanes in each. */
  const changes = [];
  for (const lane of lanes) lane.progress.forEach(([at, status], place) => changes.push([at, status, place ? lane.progress[place - 1][1] : null]));
  changes.sort((a, b) => a[0] - b[0]);
  const present = [...new Set(changes.map(([, status]) => status))];
  const rank = (status) => (ENDED.has(status) ? -1 : data.names.length - data.order.indexOf(status));
  present.sort((a, b) => rank(a) - rank(b));
  function counts(from, to, columns) {
    const now = new Map(present.map((status) => [status, 0])), found = [];
    let next = 0;
    for (let column = 0; column < columns; column += 1) {
      const at = from + ((to - from) * column) / Math.max(columns - 1, 1);
      for (; next < changes.length && changes[next][0] <= at; next += 1) {
        const [, status, before] = changes[next];
        now.set(status, now.get(status) + 1);
        if (before !== null) now.set(before, now.get(before) - 1);
      }
      found.push(present.map((status) => now.get(status)));
    }
    return found;
  }
  return { lanes, common, ENDED, present, counts };
};
