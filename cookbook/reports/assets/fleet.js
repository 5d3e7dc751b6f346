// The fleet at a glance: the summary, a cell for each host, and the views below.

const linkTo = (host) => `#/host/${encodeURIComponent(host.name)}`;

const filter = { query: "", states: new Set(), tab: "hosts", sort: "worst" };

const MOST_NAMED = 150;
/** With more hosts than that, a cell has a sign only. */

function drawSummary() {
  const total = {};
  for (const host of HOSTS) {
    for (const [outcome, count] of Object.entries(host.counts)) {
      total[outcome] = (total[outcome] || 0) + count;
    }
  }
  const there = OUTCOMES.filter((outcome) => total[outcome]);
  const all = there.reduce((sum, outcome) => sum + total[outcome], 0);
  const bar = el("div", { class: "stack", "aria-hidden": "true" }, [...there].reverse().map((outcome) => {
    const part = el("span", { class: `s-${outcome}` });
    part.style.flexGrow = String(Math.max(total[outcome], all / 250));
    return part;
  }));
  const bad = HOSTS.filter((host) => host.state !== "ok" && host.state !== "changed").length;
  byId("summary").replaceChildren(
    el("div", { class: "share" }, el("strong", {}, percent(RUN.in_line)), el("span", {}, "in line")),
    el("div", { class: "totals" },
      el("p", { class: "lead" }, `${counted(HOSTS.length, "host")}, ${NUMBER.format(bad)} not in line; ${counted(all, "resource")}.`),
      bar,
      el("ul", { class: "legend" }, there.map((outcome) => el("li", { title: DATA.meaning[outcome] },
        sign(outcome), el("b", {}, NUMBER.format(total[outcome])), el("span", {}, LABELS[outcome] || outcome))))));
}

function drawMeta() {
  const revision = RUN.revision ? `, revision ${RUN.revision.slice(0, 12)}${RUN.revision.endsWith("-dirty") && RUN.revision.length > 18 ? "-dirty" : ""}` : "";
  byId("meta").textContent = `${minute(RUN.started)} UTC by ${RUN.by}: ${RUN.recipes.join(", ") || RUN.command}${revision}; run ${RUN.run}`;
  byId("remarks").replaceChildren(...RUN.remarks.map((remark) => el("p", { class: "notice" }, remark)));
}

function drawStates() {
  const counts = new Map(STATES.map((state) => [state, 0]));
  for (const host of HOSTS) counts.set(host.state, (counts.get(host.state) || 0) + 1);
  byId("states").replaceChildren(...[...counts].filter(([, count]) => count).map(([state, count]) =>
    el("button", {
      type: "button", class: "chip", "aria-pressed": "false", "data-state": state,
      onclick: () => toggleState(state),
    }, sign(state), el("span", {}, LABELS[state] || state), el("b", {}, NUMBER.format(count)))));
}

function toggleState(state) {
  if (!filter.states.delete(state)) filter.states.add(state);
  drawFleet();
}

/** Everything that the filter decides. */
function drawFleet() {
  const hosts = matching(filter.query, filter.states);
  for (const chip of byId("states").children) {
    chip.setAttribute("aria-pressed", String(filter.states.has(chip.dataset.state)));
  }
  const filtered = filter.query || filter.states.size;
  byId("found").textContent = filtered ? `${counted(hosts.length, "host")} of ${NUMBER.format(HOSTS.length)}` : "";
  drawCells(hosts);
  drawPanel(hosts);
  shownHosts = hosts;
}

let shownHosts = [];

function drawCells(hosts) {
  const fleet = byId("fleet");
  const named = hosts.length <= MOST_NAMED;
  fleet.classList.toggle("named", named);
  fleet.replaceChildren(...hosts.map((host, place) => cell(host, named, place === 0)));
  if (!hosts.length) fleet.append(el("p", { class: "muted" }, "No host is like that."));
}

/** What all names end with (`.example.net`) tells them not apart. */
const DOMAIN = (() => {
  const [first] = HOSTS;
  const tail = first ? first.name.slice(first.name.indexOf(".")) : "";
  return first && first.name.includes(".") && HOSTS.length > 1 && HOSTS.every((host) => host.name.endsWith(tail)) ? tail : "";
})();

function cell(host, named, first) {
  const share = host.inLine === null ? "" : `, ${percent(host.inLine)} in line`;
  const told = `${host.name}: ${LABELS[host.state] || host.state}${share}${host.bad ? `, ${host.bad} not` : ""}`;
  return el("button", {
    type: "button", class: `cell s-${host.state}`, title: told, "aria-label": told,
    tabindex: first ? "0" : "-1", "data-host": host.number, onclick: () => { location.hash = linkTo(host); },
  }, el("span", { class: "in-cell", "aria-hidden": "true" }, SIGNS[host.state]),
  named ? el("span", { class: "name", "aria-hidden": "true" }, host.name.slice(0, host.name.length - DOMAIN.length)) : null);
}

// -- the views below ----------------------------------------------------------------------------

const TABS = { hosts: "Hosts", things: "Resources", time: "Timeline" };

function drawTabs() {
  byId("tabs").replaceChildren(...Object.entries(TABS).map(([name, label]) => el("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel",
    "aria-selected": String(filter.tab === name), tabindex: filter.tab === name ? "0" : "-1",
    onclick: () => chooseTab(name),
  }, label)));
  byId("panel").setAttribute("aria-labelledby", `tab-${filter.tab}`);
}

function chooseTab(name) {
  filter.tab = name;
  drawTabs();
  drawPanel(matching(filter.query, filter.states));
  byId(`tab-${name}`).focus();
}

function drawPanel(hosts) {
  const draw = { hosts: hostTable, things: thingTable, time: fleetTimeline };
  byId("panel").replaceChildren(draw[filter.tab](hosts));
}

const SORTS = {
  worst: (a, b) => a.rank - b.rank || b.bad - a.bad || a.number - b.number,
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
  line: (a, b) => (a.inLine ?? -1) - (b.inLine ?? -1) || a.number - b.number,
  since: (a, b) => (a.since || "9").localeCompare(b.since || "9") || a.number - b.number,
  took: (a, b) => b.took - a.took || a.number - b.number,
};

function hostTable(hosts) {
  const body = el("tbody");
  lazily(body, [...hosts].sort(SORTS[filter.sort]), hostRow);
  const heading = (sort, label, kind) => el("th", {
    scope: "col", class: kind, "aria-sort": filter.sort === sort ? (sort === "took" ? "descending" : "ascending") : "none",
  }, el("button", { type: "button", onclick: () => sortBy(sort) }, label));
  return el("div", { class: "scroll" }, el("table", { class: "list", "aria-label": "Hosts" },
    el("thead", {}, el("tr", {},
      heading("name", "Host"), heading("worst", "State"), heading("line", "In line", "right"),
      el("th", { scope: "col" }, "Not in line"), heading("since", "Since"), heading("took", "Took", "right"))),
    body));
}

function sortBy(sort) {
  filter.sort = sort;
  drawPanel(matching(filter.query, filter.states));
  byId("panel").querySelector(`th[aria-sort]:not([aria-sort="none"]) button`).focus();
}

function hostRow(host) {
  const bad = OUTCOMES.filter((outcome) => host.counts[outcome] && OUT_OF_LINE.has(outcome));
  const what = host.error ? [host.error[0]] : bad.map((outcome) =>
    el("span", { class: "count" }, sign(outcome), `${host.counts[outcome]} ${outcome}`));
  return el("tr", {},
    el("th", { scope: "row" }, el("a", { href: linkTo(host), class: "mono row" }, host.name)),
    el("td", {}, badge(host.state)),
    el("td", { class: "right" }, percent(host.inLine)),
    el("td", { class: "what" }, what),
    el("td", { class: "nowrap" }, host.since ? seen(host.since) : ""),
    el("td", { class: "right nowrap" }, duration(host.took)));
}

const seen = (since) => since === RUN.started ? "now" : minute(since);

function thingTable(hosts) {
  const found = acrossHosts(hosts);
  if (!found.length) return el("p", { class: "muted" }, "Everything is in line.");
  const body = el("tbody");
  lazily(body, found, ({ thing, hosts: those }) => el("tr", {},
    el("th", { scope: "row" }, el("button", {
      type: "button", class: "link mono row", title: "Show these hosts", onclick: () => search(thing.id),
    }, thing.id)),
    el("td", {}, badge(thing.outcome)),
    el("td", { class: "right" }, NUMBER.format(those.size)),
    el("td", { class: "what" }, thing.changes.map((change) => change[0]).join(", ")),
    el("td", { class: "mono nowrap" }, thing.where)));
  return el("div", { class: "scroll" }, el("table", { class: "list", "aria-label": "Resources that are not in line" },
    el("thead", {}, el("tr", {}, ["Resource", "Outcome", "Hosts", "What", "Declared"].map((label) =>
      el("th", { scope: "col", class: label === "Hosts" ? "right" : "" }, label)))),
    body));
}

function search(query) {
  byId("search").value = filter.query = query;
  filter.tab = "hosts";
  drawTabs();
  drawFleet();
  byId("search").focus();
}
