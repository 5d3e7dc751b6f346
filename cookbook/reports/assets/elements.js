// Elements, made so that nothing a host says can become one: text is text.

/** An element; `given` are attributes, `on*` listeners, and `class`; children are nodes or text. */
function el(tag, given, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const byId = (id) => document.getElementById(id);

/** A state as a sign and a word: never as a colour alone. */
function badge(state, word) {
  return el("span", { class: "badge" }, sign(state), el("span", {}, word || LABELS[state] || state));
}

function sign(state) {
  return el("span", { class: `sign s-${state}`, "aria-hidden": "true" }, SIGNS[state] || "");
}

const SIGNS = {
  ok: "", changed: "~", drift: "D", intent: "I", differs: "≠", act: ">", excused: "e", unknown: "?",
  failed: "!", refused: "×", skipped: "-", "not-run": "-", orphaned: "o", unmanaged: "*",
  unreachable: "×", timeout: "×", interrupted: "×",
};

const LABELS = { ok: "in line", "not-run": "not run", act: "each time" };

const NUMBER = new Intl.NumberFormat("en");

function counted(count, noun) {
  return `${NUMBER.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** What is not whole is never rounded to the whole. */
function percent(share) {
  return share === null ? "–" : `${Math.floor(share * 10) / 10} %`;
}

function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 60000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const minute = (time) => time.slice(0, 16).replace("T", " ");

/** Children a few at a time, as they are scrolled to: a thousand rows cost as much as fifty. */
function lazily(parent, items, draw, step = 60) {
  let shown = 0;
  const more = el(parent.tagName === "TBODY" ? "tr" : "div", { class: "sentinel" });
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    add(step);
    watcher.unobserve(more);  // it speaks of changes only: ask anew, a high window may still see it
    if (shown < items.length) watcher.observe(more);
  }, { rootMargin: "600px" });
  function add(count) {
    more.before(...items.slice(shown, shown + count).map(draw));
    shown = Math.min(items.length, shown + count);
    if (shown >= items.length) {
      watcher.disconnect();
      more.remove();
    }
  }
  parent.replaceChildren(more);
  add(step);
  if (shown < items.length) watcher.observe(more);
  parent.drawAll = () => add(items.length);
}
