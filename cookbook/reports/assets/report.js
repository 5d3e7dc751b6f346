// Where it begins: the address says what is shown, the theme how, and the printer gets it all.

/** The host that the address names, if there is one. */
function addressed() {
  return HOSTS.find((host) => linkTo(host) === location.hash) || null;
}

function route() {
  const host = addressed();
  const before = openHost;
  byId("fleet-view").hidden = Boolean(host);
  byId("host-view").hidden = !host;
  if (host) {
    drawHost(host);
    scrollTo(0, 0);
    byId("host-title").focus({ preventScroll: true });
  } else {
    openHost = null;
    byId("host-view").replaceChildren();
    if (before) {
      const cell = byId("fleet").querySelector(`[data-host="${before.number}"]`);
      if (cell) toCell([cell], 0);
    }
  }
  document.title = `${host ? `${host.name}: ${percent(host.inLine)}` : percent(RUN.in_line)} in line - ${RUN.run}`;
}

// -- dark or light ------------------------------------------------------------------------------

const dark = matchMedia("(prefers-color-scheme: dark)");

function remembered(name, value) {
  try {  // a page from a file, or from a careful browser, may have no memory
    if (value) localStorage.setItem(name, value);
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-label", `Switch to the ${name === "dark" ? "light" : "dark"} theme`);
}

function toggleTheme() {
  const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remembered("cook-theme", name);
  setTheme(name);
}

// -- on paper -----------------------------------------------------------------------------------

/** Paper cannot be unfolded: hosts that are not in line, with what differs. */
function beforePrint() {
  if (openHost) {
    for (const list of document.querySelectorAll(".things")) unfoldAll(list);
    return;
  }
  const bad = shownHosts.filter((host) => host.bad || host.error);
  drawPanel(bad.length ? bad : shownHosts);
  for (const list of byId("panel").querySelectorAll("tbody, ol")) if (list.drawAll) list.drawAll();
  byId("printed").replaceChildren(...bad.filter((host) => host.bad).map(printedHost));
}

function afterPrint() {
  byId("printed").replaceChildren();
  if (!openHost) drawPanel(shownHosts);
}

function printedHost(host) {
  const bad = resourcesOf(host).filter((one) => one.outOfLine || one.excuse);
  return el("article", {}, el("h3", {}, `${host.name}: ${percent(host.inLine)} in line`),
    host.error ? errorBox(host.error) : null,
    el("table", { class: "list" }, el("tbody", {}, bad.map((one) => el("tr", {},
      el("td", {}, badge(one.outcome)), el("td", { class: "mono" }, one.id), el("td", {}, printedWhat(one)),
      el("td", { class: "mono" }, one.where))))));
}

function printedWhat(one) {
  const changes = one.changes.map(([name, found, wanted]) => (name === "content" ? name : `${name}: ${found} → ${wanted}`));
  return [one.error && one.error[0], ...changes, one.until && `until ${one.until}`].filter(Boolean).join("; ");
}

// -- begin --------------------------------------------------------------------------------------

function begin() {
  setTheme(remembered("cook-theme") || (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", () => { if (!remembered("cook-theme")) setTheme(dark.matches ? "dark" : "light"); });
  drawMeta();
  drawSummary();
  drawStates();
  drawTabs();
  drawFleet();
  route();
  byId("search").addEventListener("input", (event) => {
    filter.query = event.target.value.trim();
    drawFleet();
  });
  byId("theme").addEventListener("click", toggleTheme);
  byId("help-button").addEventListener("click", () => byId("help").showModal());
  addEventListener("keydown", onKey);
  addEventListener("hashchange", route);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

begin();
