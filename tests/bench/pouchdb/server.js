// A PouchDB server on leveldb: `node server.js FOLDER PORT`; says "ready" when it answers.
"use strict";
const [folder, port] = process.argv.slice(2);
const PouchDB = require("pouchdb").defaults({ prefix: `${folder}/` });
const app = require("express")();
app.use("/", require("express-pouchdb")(PouchDB, { mode: "minimumForPouchDB", inMemoryConfig: true }));
app.listen(Number(port), "127.0.0.1", () => console.log("ready"));
