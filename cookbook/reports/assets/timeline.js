// What took how long: a bar for each host, or for each resource of one.

/** Rows with a bar from `began`, `took` long, on a scale of `total` milliseconds. */
function timeline(items, total, open) {
  const list = el("ol", { class: "times" });
  const scale = Math.max(1, total);
  lazily(list, items, (item) => {
    const bar = el("span", { class: `span s-${item.state}` });
    bar.style.left = `${Math.min(100, (item.began / scale) * 100)}%`;
    bar.style.width = `${Math.max(0.25, Math.min(100, (item.took / scale) * 100))}%`;
    const told = `${duration(item.took)}, from ${duration(item.began)}`;
    const name = open
      ? el("a", { href: open(item), class: "mono" }, item.name)
      : el("span", { class: "mono" }, item.name);
    return el("li", {}, el("span", { class: "who" }, name),
      el("span", { class: "track", "aria-hidden": "true" }, bar),
      el("span", { class: "long" }, el("span", { "aria-hidden": "true" }, duration(item.took)),
        el("span", { class: "hidden" }, told)));
  }, 100);
  return el("div", {}, ruler(scale), list);
}

function ruler(total) {
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const mark = el("span", {}, duration(Math.round(total * share)));
    mark.style.left = `${share * 100}%`;
    return mark;
  });
  return el("div", { class: "ruler", "aria-hidden": "true" }, el("span", { class: "who" }),
    el("span", { class: "marks" }, marks), el("span", { class: "long" }));
}

function fleetTimeline(hosts) {
  const total = Math.max(...HOSTS.map((host) => host.began + host.took), 1);
  const slowest = hosts.reduce((slow, host) => (slow && slow.took >= host.took ? slow : host), null);
  const told = slowest
    ? `The run took ${duration(Math.round(RUN.seconds * 1000))}; the slowest host was ${slowest.name} (${duration(slowest.took)}).`
    : "No host.";
  const sorted = [...hosts].sort((a, b) => a.began - b.began || a.number - b.number);
  return el("div", {}, el("p", { class: "muted" }, told), timeline(sorted, total, (host) => linkTo(host)));
}

function hostTimeline(host, resources) {
  const took = resources.filter((resource) => resource.took > 0);
  if (!took.length) {
    return el("p", { class: "muted" },
      `No resource took time of its own: all was asked in ${counted(host.exchanges, "exchange")}, ${duration(host.took)}.`);
  }
  const items = took.map((one) => ({ ...one, name: one.id, state: one.outcome }));
  return timeline(items, Math.max(host.took, ...took.map((one) => one.began + one.took)), null);
}
