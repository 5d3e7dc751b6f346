// A unified diff, side by side.

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** A table of two columns, with line numbers; a summary where there is no diff. */
function sideBySide(diff) {
  const lines = diff.split("\n");
  if (!lines[0].startsWith("--- ")) return el("p", { class: "muted" }, diff);
  const body = el("tbody");
  for (const row of rows(lines.slice(2))) body.append(drawn(row));
  return el("div", { class: "diff-scroll", tabindex: "0", role: "region", "aria-label": "Differences" },
    el("table", { class: "diff" },
      el("caption", { class: "hidden" }, "What was found, and what is wanted"),
      el("colgroup", {}, el("col", { class: "number" }), el("col"), el("col", { class: "number" }), el("col")),
      el("thead", {}, el("tr", {},
        el("th", { colspan: 2, scope: "colgroup" }, "Found"),
        el("th", { colspan: 2, scope: "colgroup" }, "Wanted"))),
      body));
}

/** Pairs of what was removed and what was added in its place. */
function rows(lines) {
  const found = [];
  let [left, right] = [1, 1];
  let [removed, added] = [[], []];
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i += 1) {
      found.push({ kind: "change", left: removed[i], right: added[i] });
    }
    [removed, added] = [[], []];
  };
  for (const line of lines) {
    const hunk = HUNK.exec(line);
    const text = line.slice(1);
    if (hunk) {
      flush();
      [left, right] = [Number(hunk[1]), Number(hunk[2])];
      found.push({ kind: "hunk", text: line });
    } else if (line.startsWith("-")) removed.push({ number: left++, text });
    else if (line.startsWith("+")) added.push({ number: right++, text });
    else if (line.startsWith(" ")) {
      flush();
      found.push({ kind: "same", left: { number: left++, text }, right: { number: right++, text } });
    } else {
      flush();
      if (line) found.push({ kind: "hunk", text: line });
    }
  }
  flush();
  return found;
}

function drawn(row) {
  if (row.kind === "hunk") {
    return el("tr", { class: "hunk" }, el("td", { colspan: 4 }, row.text));
  }
  const both = row.kind === "change" && row.left && row.right;
  const [start, end] = both ? common(row.left.text, row.right.text) : [0, 0];
  const side = (line, kind, mark) => line
    ? [el("td", { class: "number" }, String(line.number)),
       el("td", { class: row.kind === "change" ? kind : "" },
         el("span", { class: "mark", "aria-hidden": "true" }, row.kind === "change" ? mark : " "),
         ...(row.kind === "change" ? [el("span", { class: "hidden" }, kind === "del" ? "removed: " : "added: ")] : []),
         ...(both ? marked(line.text, start, end) : [line.text]))]
    : [el("td", { class: "number" }), el("td", { class: "none" })];
  return el("tr", {}, side(row.left, "del", "-"), side(row.right, "ins", "+"));
}

/** How many characters are the same at the beginning and at the end. */
function common(a, b) {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return [start, end];
}

function marked(text, start, end) {
  if (!start && !end) return [text];
  const stop = text.length - end;
  return [text.slice(0, start), el("strong", {}, text.slice(start, stop)), text.slice(stop)];
}
