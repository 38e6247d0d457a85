// One edge on leveldb: `node edge.js push|pull|load FOLDER URL [DOCUMENTS]`; prints how long the replication took.
//   load  puts the documents straight to the server, which is not timed by anybody
//   push  writes them here first, then replicates them there; only that is timed
//   pull  replicates everything from there into an empty database
"use strict";
const fs = require("node:fs");
const PouchDB = require("pouchdb");
const BATCH = 1000;
const [what, folder, url, file] = process.argv.slice(2);

async function fill(db) {
  const documents = fs.readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  for (let at = 0; at < documents.length; at += BATCH) await db.bulkDocs(documents.slice(at, at + BATCH));
  return documents.length;
}

async function main() {
  const remote = new PouchDB(url);
  if (what === "load") return console.log(JSON.stringify({ count: await fill(remote) }));
  const own = new PouchDB(`${folder}/edge`);
  if (what === "push") await fill(own);
  const ways = { push: () => own.replicate.to(remote, { batch_size: BATCH }), pull: () => own.replicate.from(remote, { batch_size: BATCH }) };
  const began = process.hrtime.bigint();
  const told = await ways[what]();
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(JSON.stringify({ ok: told.ok, count: told.docs_written, seconds }));
  await own.close();
}

main().catch((fault) => { console.error(fault); process.exit(1); });
