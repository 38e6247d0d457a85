// The way to the agent: one word that each act carries, answers in the chosen language, acts with an id of their own.

let word = "";
let language = localStorage.getItem("jifen.language") || "";
let words = {};

export class Lost extends Error {}
export class Locked extends Error {}
export class Failed extends Error {}

export async function openSession() {
  const code = location.hash.slice(1);
  const answer = await raw("/api/session", { code });
  if (answer.status === 401) throw new Locked();
  const told = await answer.json();
  if (code) history.replaceState(null, "", location.pathname);
  word = told.word;
  if (!language) language = told.language;
  await loadWords();
}

export async function loadWords() {
  const told = await get("/api/words");
  words = told.words;
  language = told.language;
  localStorage.setItem("jifen.language", language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

export function currentLanguage() { return language; }
export function speak(other) { language = other; }

export function say(key, values = {}) {
  return (words[key] ?? key).replace(/\{([a-z_]+)\}/g, (_, name) => values[name] ?? "");
}

export function newAct() { return crypto.randomUUID(); }

async function raw(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "content-type": "application/json", "x-jifen-word": word },
    body: JSON.stringify(body),
  };
  try {
    return await fetch(`${path}?lang=${language}`, { credentials: "same-origin", ...options });
  } catch {
    throw new Lost();
  }
}

export async function get(path) {
  const answer = await raw(path);
  if (answer.status === 401) throw new Locked();
  return answer.json();
}

// An answer is what happened, or {no, say}, or {fault, say}. Whoever asks looks at `say` when `no` or `fault` is there.
export async function post(path, body = {}) {
  const answer = await raw(path, body);
  if (answer.status === 401) throw new Locked();
  const told = await answer.json().catch(() => { throw new Failed(); });
  if (told.not_understood) return { no: "not_understood", say: `${told.not_understood.join(", ")} ?` };
  return told;
}

export function stopped(told) { return told.no || told.fault; }

export function listen(on) {
  const source = new EventSource(`/api/events?lang=${language}`);
  for (const kind of ["state", "scan"]) source.addEventListener(kind, (event) => on[kind](JSON.parse(event.data)));
  source.onopen = () => on.found();
  source.onerror = () => on.lost();
  return source;
}

// Whole fen and whole points only: text in, integers out, never through a binary fraction.
export function fenOf(text) {
  const found = /^(\d{1,7})(?:\.(\d{0,2}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] || "").padEnd(2, "0")) : null;
}

export function yuan(fen) {
  const whole = Math.trunc(Math.abs(fen) / 100).toLocaleString("en-US");
  return `${fen < 0 ? "-" : ""}¥${whole}.${String(Math.abs(fen) % 100).padStart(2, "0")}`;
}

export function plainYuan(fen) { return `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, "0")}`; }

export function points(count) { return count.toLocaleString("en-US"); }
