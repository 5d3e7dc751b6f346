// The keyboard: everything that the mouse can do.

function onKey(event) {
  const typing = event.target.matches("input, textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.key === "Escape") return goBack(event);
  if (typing) {
    if (event.key === "ArrowDown" && move(null, 1)) event.preventDefault();
    return;
  }
  const action = ACTIONS[event.key];
  if (action && action(event) !== false) event.preventDefault();
}

const ACTIONS = {
  "/": () => toSearch(),
  "?": () => byId("help").showModal(),
  t: () => toggleTheme(),
  n: () => follow(1),
  p: () => follow(-1),
  ArrowLeft: (event) => sideways(event, -1),
  ArrowRight: (event) => sideways(event, 1),
  ArrowUp: (event) => move(event.target, -1),
  ArrowDown: (event) => move(event.target, 1),
  Home: (event) => toEnd(event.target, 0),
  End: (event) => toEnd(event.target, -1),
};

/** At once: what is typed next, however fast, is searched for. */
function toSearch() {
  if (openHost) {
    location.hash = "#/";
    route();
  }
  byId("search").focus();
  byId("search").select();
}

function goBack(event) {
  if (openHost) location.hash = "#/";
  else if (filter.query || filter.states.size) {
    byId("search").value = filter.query = "";
    filter.states.clear();
    drawFleet();
  } else if (event.target.blur) event.target.blur();
}

/** The next or the previous host, where one is open. */
function follow(step) {
  if (!openHost) return false;
  const all = shownHosts.length ? shownHosts : HOSTS;
  const next = all[all.indexOf(openHost) + step];
  if (!next) return false;
  location.hash = linkTo(next);
  return true;
}

function sideways(event, step) {
  const target = event.target;
  if (target.matches('[role="tab"]')) {
    const names = Object.keys(TABS);
    chooseTab(names[(names.indexOf(filter.tab) + step + names.length) % names.length]);
    return true;
  }
  if (openHost) return false;
  const cells = byId("fleet").querySelectorAll(".cell");
  if (!target.matches(".cell")) return toCell(cells, 0);
  return toCell(cells, [...cells].indexOf(target) + step);
}

/** Up or down: in the fleet by a row, in a list by an item. */
function move(target, step) {
  if (openHost) return along(byId("host-view").querySelectorAll(".thing-head"), target, step);
  const cells = [...byId("fleet").querySelectorAll(".cell")];
  if (!target || !target.matches(".cell, .row")) return toCell(cells, 0);
  if (target.matches(".row")) return along(byId("panel").querySelectorAll(".row"), target, step);
  const place = cells.indexOf(target);
  const columns = Math.max(1, cells.findIndex((one) => one.offsetTop > cells[0].offsetTop));
  return toCell(cells, place + step * (cells[columns] ? columns : 1));
}

function along(items, target, step) {
  const place = [...items].indexOf(target);
  const next = items[place < 0 ? 0 : Math.min(items.length - 1, Math.max(0, place + step))];
  if (!next) return false;
  next.focus();
  return true;
}

function toEnd(target, place) {
  if (!target.matches(".cell")) return false;
  return toCell([...byId("fleet").querySelectorAll(".cell")], place);
}

/** One cell of the fleet can be reached by Tab: the one that was reached last. */
function toCell(cells, place) {
  const next = [...cells].at(place);
  if (!next || (place < 0 && place !== -1)) return false;
  for (const one of byId("fleet").querySelectorAll('.cell[tabindex="0"]')) one.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  return true;
}
