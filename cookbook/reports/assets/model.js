// The data of the page as objects: hosts, and what is said of their resources.

const DATA = JSON.parse(byId("data").textContent);
const RUN = DATA.run;
const TEXTS = DATA.texts;

/** From the worst to the best. */
const STATES = [
  "failed", "unreachable", "timeout", "interrupted", "refused",
  "drift", "intent", "differs", "unknown", "changed", "ok",
];
const OUTCOMES = [
  "failed", "refused", "drift", "intent", "differs", "unknown", "not-run", "changed",
  "act", "excused", "orphaned", "unmanaged", "skipped", "ok",
];
const OUT_OF_LINE = new Set(["failed", "refused", "drift", "intent", "differs", "unknown", "not-run", "unmanaged"]);

const THINGS = DATA.things.map((thing, number) => {
  const text = (key) => TEXTS[thing[key] || 0];
  const pair = (given) => given && given.map((one) => TEXTS[one]);
  return {
    number,
    id: text("id"), where: text("where"), outcome: thing.outcome, kind: thing.kind || "none",
    changes: (thing.changes || []).map((change) => change.map((one) => TEXTS[one])),
    error: pair(thing.error), excuse: pair(thing.excuse), ignored: Boolean(thing.ignored),
    ran: text("ran"), note: text("note"), because: text("because"), until: text("until"), parallel: text("parallel"), features: text("features"),
    diff: (thing.diff || []).map((line) => TEXTS[line]).join("\n"), lost: text("lost"), orphan: text("orphan"),
    outOfLine: OUT_OF_LINE.has(thing.outcome),
  };
});

/** Only what is not plainly in line is searched, so that a search says where it hurts. */
const HAYSTACKS = THINGS.map((thing) => thing.outcome === "ok" ? "" : [
  thing.id, thing.outcome, thing.where, thing.until, thing.note, thing.features,
  ...(thing.error || []), ...(thing.excuse || []), ...thing.changes.map((change) => change[0]),
].join("\n").toLowerCase());

const HOSTS = DATA.hosts.map((host, number) => {
  const counts = {};
  for (const thing of host.things) {
    const outcome = THINGS[thing].outcome;
    counts[outcome] = (counts[outcome] || 0) + 1;
  }
  const bad = Object.entries(counts).reduce((sum, [o, n]) => sum + (OUT_OF_LINE.has(o) ? n : 0), 0);
  return {
    number, counts, bad, name: host.name, state: host.state, inLine: host.inLine,
    began: host.times[0], took: host.times[1], exchanges: host.exchanges, packed: host,
    rank: STATES.indexOf(host.state), lower: host.name.toLowerCase(),
    error: host.error && host.error.map((one) => TEXTS[one]),
    since: oldest(host),
  };
});

function oldest(host) {
  const times = (host.since || []).filter((_, place) => place % 2).map((text) => TEXTS[text]);
  return times.reduce((first, time) => (first && first < time ? first : time), "");
}

/** The resources of a host, with their times. */
function resourcesOf(host) {
  const since = new Map();
  const given = host.packed.since || [];
  for (let place = 0; place < given.length; place += 2) since.set(given[place], TEXTS[given[place + 1]]);
  let began = 0;
  return host.packed.things.map((thing, place) => {
    began += host.packed.began[place] || 0;
    return { ...THINGS[thing], began, took: host.packed.took[place] || 0, since: since.get(place) || "" };
  });
}

/** The hosts that a filter leaves: all words have to be in the name, or in one resource. */
function matching(query, states) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const things = HAYSTACKS.map((hay) => hay && words.every((word) => hay.includes(word)));
  const fits = (host) => !words.length
    || words.every((word) => host.lower.includes(word))
    || host.packed.things.some((thing) => things[thing]);
  return HOSTS.filter((host) => (!states.size || states.has(host.state)) && fits(host));
}

/** What is not in line, over these hosts: the most frequent first. */
function acrossHosts(hosts) {
  const found = new Map();
  for (const host of hosts) {
    for (const number of host.packed.things) {
      const thing = THINGS[number];
      if (thing.outcome === "ok" || thing.outcome === "skipped") continue;
      const key = `${thing.outcome}\n${thing.id}`;
      const entry = found.get(key) || { thing, hosts: new Set() };
      entry.hosts.add(host);
      found.set(key, entry);
    }
  }
  const rank = (entry) => OUTCOMES.indexOf(entry.thing.outcome);
  return [...found.values()].sort((a, b) =>
    Number(b.thing.outOfLine) - Number(a.thing.outOfLine)
    || b.hosts.size - a.hosts.size || rank(a) - rank(b));
}
