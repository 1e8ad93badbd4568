// Compares the storage layout of the upgradeable contracts with the committed one: an upgrade may append, never move. With
// --write it writes what is compiled now. Run forge build first.
"use strict";
const fs = require("fs");
const path = require("path");

const root = path.join(__dirname, "..");
const contracts = ["Staking", "StakingViews", "Rounds", "Disputes"];

// One line a variable, structs opened up; the compiler's ids, which change with any edit, are left out.
function lines({ storage, types }) {
  const name = (type) => types[type].label;
  const seen = new Set();
  const queue = [];
  const need = (type) => {
    const t = types[type];
    for (const inner of [t.key, t.value, t.base]) if (inner) need(inner);
    if (t.members && !seen.has(t.label)) {
      seen.add(t.label);
      queue.push(t);
    }
  };
  const describe = (v) => {
    need(v.type);
    return `${v.slot} ${v.offset} ${v.label}: ${name(v.type)}`;
  };
  const out = storage.map(describe);
  for (let t = queue.shift(); t; t = queue.shift()) out.push(`${t.label}, ${t.numberOfBytes} bytes`, ...t.members.map((m) => "  " + describe(m)));
  return out.join("\n") + "\n";
}

let failed = false;
for (const contract of contracts) {
  const artifact = JSON.parse(fs.readFileSync(path.join(root, "out", `${contract}.sol`, `${contract}.json`)));
  const now = lines(artifact.storageLayout);
  const file = path.join(root, "layout", `${contract}.txt`);
  if (process.argv.includes("--write")) fs.writeFileSync(file, now);
  else if (fs.readFileSync(file, "utf8") !== now) {
    failed = true;
    console.error(`layout: the storage of ${contract} is not that of layout/${contract}.txt. Appending is fine: node scripts/layout.js --write`);
  }
}
process.exit(failed ? 1 : 0);
