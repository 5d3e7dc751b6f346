// One host: its resources, what differs on each, and what took how long.

let openHost = null;

/** As many resources are shown whole at once. */
const UNFOLDED = 3;

function drawHost(host) {
  openHost = host;
  const resources = resourcesOf(host);
  const bad = resources.filter((one) => one.outcome !== "ok");
  const good = resources.filter((one) => one.outcome === "ok");
  const list = el("ul", { class: "things" }, bad.map((one) => thingItem(one)));
  if (bad.length <= UNFOLDED) unfoldAll(list);
  byId("host-view").replaceChildren(
    hostBar(host),
    hostHead(host, bad),
    el("section", { class: "card", "aria-labelledby": "things-title" },
      el("div", { class: "row-head" }, el("h2", { id: "things-title" }, `${counted(bad.length, "resource")} to look at`),
        bad.length > UNFOLDED ? el("button", { type: "button", class: "tool", onclick: () => unfoldAll(list) }, "Unfold all") : null),
      bad.length ? list : el("p", { class: "muted" }, host.error ? "No resource was come to." : "Everything is in line."),
      good.length ? inLine(good) : null),
    el("section", { class: "card", "aria-labelledby": "time-title" },
      el("h2", { id: "time-title" }, "Timeline"), hostTimeline(host, resources)));
}

function hostBar(host) {
  const all = shownHosts.length ? shownHosts : HOSTS;
  const place = all.indexOf(host);
  const to = (other, label, key) => other
    ? el("a", { class: "tool", href: linkTo(other) }, label, " ", el("kbd", {}, key)) : null;
  return el("nav", { class: "host-bar", "aria-label": "Hosts" },
    el("a", { class: "tool", href: "#/" }, "← All hosts ", el("kbd", {}, "Esc")),
    el("span", { class: "spring" }),
    to(all[place - 1], "Previous", "p"), to(all[place + 1], "Next", "n"));
}

function hostHead(host, bad) {
  const facts = [
    ["In line", percent(host.inLine)],
    ["Out of line", NUMBER.format(bad.filter((one) => one.outOfLine).length)],
    ["Took", duration(host.took)],
    ["Exchanges", NUMBER.format(host.exchanges)],
    ...(host.since ? [["First seen", host.since === RUN.started ? "now" : `${minute(host.since)} UTC`]] : []),
  ];
  return el("section", { class: "card host-head", "aria-labelledby": "host-title" },
    el("div", { class: "row-head" }, el("h2", { id: "host-title", tabindex: "-1", class: "mono" }, host.name), badge(host.state)),
    el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    host.error ? errorBox(host.error) : null);
}

function errorBox([message, output, remarks]) {
  const printed = output ? el("p", { class: "pre muted" }, output) : null;
  return el("div", { class: "error" }, el("p", { class: "pre" }, message), printed, el("p", { class: "pre" }, remarks));
}

function inLine(good) {
  const list = el("ul", { class: "plain mono" });
  return el("details", { class: "in-line", ontoggle: () => {
    if (!list.children.length) lazily(list, good, (one) => el("li", {}, one.id, el("span", { class: "muted" }, ` ${one.where}`)), 200);
  } }, el("summary", {}, `${NUMBER.format(good.length)} in line`), list);
}

// -- one resource -------------------------------------------------------------------------------

function thingItem(one) {
  const id = `thing-${one.number}-${one.began}-${one.took}`;
  const body = el("div", { class: "thing-body", id, hidden: true });
  const head = el("button", {
    type: "button", class: "thing-head", "aria-expanded": "false", "aria-controls": id,
    onclick: () => unfold(item, head.getAttribute("aria-expanded") !== "true"),
  },
  badge(one.outcome), el("span", { class: "mono id" }, one.id), el("span", { class: "muted short" }, brief(one)),
  el("span", { class: "muted mono where" }, one.where));
  const item = el("li", { class: `thing edge-${one.outcome}` }, el("h3", {}, head), body);
  item.draw = () => { if (!body.children.length) body.append(...thingBody(one)); };
  return item;
}

function brief(one) {
  const since = one.since ? (one.since === RUN.started ? "first seen now" : `since ${minute(one.since)}`) : "";
  const what = one.error ? "" : one.ran || one.changes.map((change) => change[0]).join(", ");
  return [what, since].filter(Boolean).join("; ");
}

function unfold(item, open) {
  item.draw();
  item.querySelector(".thing-body").hidden = !open;
  item.querySelector(".thing-head").setAttribute("aria-expanded", String(open));
}

function unfoldAll(list) {
  for (const item of list.children) unfold(item, true);
}

function thingBody(one) {
  const told = [
    ["Because", one.because], ["Feature", one.features], ["Until", one.until], ["At the same time as", one.parallel], ["Does", one.ran], ["Note", one.note],
    ["An undo does not bring back", one.lost], ["Orphan", one.orphan],
    ["Put up with", one.excuse && one.excuse[0] + (one.excuse[1] ? ` (until ${one.excuse[1]})` : "")],
    ["Failure", one.ignored ? "the recipe says to go on" : ""],
    ["Took", one.took ? duration(one.took) : ""],
  ].filter(([, text]) => text);
  const changes = one.changes.filter(([name]) => !(name === "content" && one.diff));
  return [
    el("p", {}, el("b", {}, LABELS[one.outcome] || one.outcome), `: ${DATA.meaning[one.outcome]}.`),
    one.error ? errorBox(one.error) : null,
    told.length ? el("dl", { class: "told" }, told.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text)))) : null,
    changes.length ? changeTable(changes) : null,
    one.diff ? sideBySide(one.diff) : null,
  ].filter(Boolean);
}

function changeTable(changes) {
  return el("div", { class: "scroll" }, el("table", { class: "list changes", "aria-label": "Properties that differ" },
    el("thead", {}, el("tr", {}, ["Property", "Found", "Wanted"].map((label) => el("th", { scope: "col" }, label)))),
    el("tbody", {}, changes.map(([name, found, wanted]) => el("tr", {},
      el("th", { scope: "row" }, name), el("td", { class: "mono found" }, found), el("td", { class: "mono wanted" }, wanted))))));
}
