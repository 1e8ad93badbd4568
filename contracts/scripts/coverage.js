// Reads an lcov report, prints the coverage of each file in src, and fails where all of them together are below the limit.
"use strict";
const fs = require("fs");

const [report, limit] = [process.argv[2], Number(process.argv[3])];
const files = [];
for (const line of fs.readFileSync(report, "utf8").split("\n")) {
  const [key, value] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)];
  if (key === "SF") files.push({ name: value, LF: 0, LH: 0, BRF: 0, BRH: 0 });
  else if (files.length && key in files.at(-1)) files.at(-1)[key] = Number(value);
}
const src = files.filter((f) => f.name.startsWith("src/"));
const sum = (key) => src.reduce((n, f) => n + f[key], 0);
const percent = (hit, found) => (found === 0 ? 100 : (100 * hit) / found);
const show = (name, f) =>
  console.log(`${name.padEnd(36)} lines ${percent(f.LH, f.LF).toFixed(1).padStart(5)} %  branches ${percent(f.BRH, f.BRF).toFixed(1).padStart(5)} %`);
const all = { LF: sum("LF"), LH: sum("LH"), BRF: sum("BRF"), BRH: sum("BRH") };
src.filter((f) => f.LF).forEach((f) => show(f.name, f));
show("all of src", all);
if (percent(all.LH, all.LF) < limit || percent(all.BRH, all.BRF) < limit) {
  console.error(`coverage: below ${limit} % of lines or branches`);
  process.exit(1);
}
