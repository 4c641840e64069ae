// Draws what /devices answers, every few seconds, in place: what a person is typing or reading stays where it is.
"use strict";

const EVERY_MS = 5000;
const BADGES = {
  "recognised": "recognised", "deviates": "deviates", "unknown": "unknown", "not enough traffic yet": "waiting",
};
const READ_BY = {
  "ring": "Live, by a ring shared with the kernel", "recv": "Live, packet by packet", "scapy": "Live, by scapy", "replay": "A replay",
};
const byId = (id) => document.getElementById(id);
const meta = (name) => document.querySelector(`meta[name=${name}]`).content;
const cards = new Map();
let drawn = "";  // the alarms that are on the page

const moment = (seconds) => seconds === null ? "never" : new Date(seconds * 1000).toLocaleString();
const percent = (share) => `${Math.round(share * 100)}\u00a0%`;
const plural = (count, one) => `${count.toLocaleString()} ${one}${count === 1 ? "" : "s"}`;

function say(sentence, failed = false) {
  byId("said").textContent = sentence;
  byId("said").classList.toggle("failed", failed);
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Edgeprint-CSRF": meta("csrf") },
    body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  if (answer.status === 401) location.assign("/login");
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

async function label(device, name) {
  try {
    await ask(`/devices/${encodeURIComponent(device)}/label`, { label: name });
    say(`Saved: ${device} is ${name}. The next training can learn from it.`);
    await look();
  } catch (error) {
    say(`Not saved: ${error.message}`, true);
  }
}

function newCard(device) {
  const card = byId("card").content.firstElementChild.cloneNode(true);
  const find = (selector) => card.querySelector(selector);
  card.id = `device-${device.name}`;
  find("h3").textContent = device.name;
  find(".line").setAttribute("aria-label", `Confidence in ${device.name} over time`);
  find(".picture").alt = `Spectrogram of ${device.name}: time to the right, frequency upward`;
  find("summary").textContent = device.stranger ? "I know what this is" : "It is something else";
  find(".confirm").addEventListener("click", () => label(device.name, card.dataset.guess));
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    label(device.name, find("input").value.trim());
    find("details").open = false;
  });
  byId(device.stranger ? "strangers" : "devices").append(card);
  cards.set(device.name, card);
  return card;
}

function draw(device, time) {
  const card = cards.get(device.name) ?? newCard(device);
  const find = (selector) => card.querySelector(selector);
  card.className = `card ${BADGES[device.verdict] ?? "waiting"}`;
  find(".badge").textContent = device.verdict;
  find(".words").textContent = device.words;
  find(".sure").hidden = device.recent.length === 0;
  find(".confidence").textContent = device.confidence === null ? "" : percent(device.confidence);
  const step = 120 / Math.max(1, device.recent.length - 1);
  const points = device.recent.map((value, i) => `${(i * step).toFixed(1)},${(29 - 28 * value).toFixed(1)}`);
  find("polyline").setAttribute("points", points.join(" "));
  find(".traffic").textContent = `${plural(device.packets, "packet")} · last judged ${moment(device.seen)}`;
  const former = device.probably ? ` · was ${device.probably.former}, which fell silent` : "";
  find(".about").textContent = [device.category, ...device.macs.filter((mac) => mac !== device.name)].join(", ")
    + (device.randomised ? " · made-up (random) address" : "") + former;
  const guess = device.probably?.device ?? (device.stranger ? "" : device.name);
  card.dataset.guess = guess;
  find(".confirm").hidden = !guess || device.label === guess;
  find(".confirm").textContent = `Yes, this is my ${guess}`;
  drawCandidates(find(".candidates"), device);
  find(".told").hidden = device.label === null;
  find(".told").textContent = `You said: this is ${device.label}`;
  const picture = find(".picture");
  if (device.columns > 0 && picture.dataset.columns !== String(device.columns)) {
    picture.hidden = false;
    picture.dataset.columns = device.columns;
    picture.src = `/devices/${encodeURIComponent(device.name)}/spectrogram.png?at=${time}`;
  }
}

function drawCandidates(place, device) {
  const drawnNow = JSON.stringify(device.candidates);
  place.hidden = device.candidates.length === 0;
  if (place.dataset.drawn === drawnNow) return;
  place.dataset.drawn = drawnNow;
  place.querySelector("ul").replaceChildren(...device.candidates.map((candidate) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "candidate";
    button.textContent = `Yes, ${candidate.device} (${candidate.category}), ${percent(candidate.confidence)}`;
    button.addEventListener("click", () => label(device.name, candidate.device));
    item.append(button);
    return item;
  }));
}

function drawList(place, sentences) {
  place.replaceChildren(...sentences.map((sentence) => {
    const item = document.createElement("li");
    item.textContent = sentence;
    return item;
  }));
}

function alarmLine(alarm) {
  const line = document.createElement("li");
  const link = document.createElement("a");
  const when = document.createElement("span");
  line.className = alarm.end === null ? "open" : "over";
  link.href = `#device-${encodeURIComponent(alarm.device)}`;
  link.textContent = alarm.device;
  when.className = "when";
  when.textContent = `${moment(alarm.begin)} – ${alarm.end === null ? "still lasting" : moment(alarm.end)}`;
  line.append(link, `: ${alarm.reason}`, when);
  return line;
}

async function look() {
  const home = await ask("/devices");
  byId("agent").textContent = `${READ_BY[home.agent.backend] ?? home.agent.backend} · ${plural(home.agent.packets, "packet")}, `
    + `${home.agent.dropped.toLocaleString()} lost · ${plural(home.agent.models, "model")} · as of ${moment(home.agent.time)}`;
  drawList(byId("reasons"), home.agent.reasons);
  drawList(byId("notes"), home.agent.notes);
  byId("known").hidden = home.agent.notes.length === 0;
  byId("known").querySelector("summary").textContent = `${plural(home.agent.notes.length, "note")} on this agent`;
  byId("names").replaceChildren(...home.names.map((name) => new Option(name, name)));
  for (const device of home.devices) draw(device, home.agent.time);
  const names = new Set(home.devices.map((device) => device.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.remove();
    cards.delete(name);
  }
  byId("unknown").hidden = !home.devices.some((device) => device.stranger);
  const alarms = JSON.stringify(home.alarms);
  if (alarms !== drawn) {
    byId("alarms").replaceChildren(...home.alarms.map(alarmLine));
    byId("quiet").hidden = home.alarms.length > 0;
    drawn = alarms;
  }
}

async function keepLooking() {
  try {
    if (!document.hidden) await look();
  } catch (error) {
    byId("agent").textContent = `The agent does not answer (${error.message})`;
  }
  setTimeout(keepLooking, EVERY_MS);
}

byId("logout").hidden = meta("asks") !== "yes";
byId("logout").addEventListener("click", async () => {
  await ask("/logout", {});
  location.assign("/login");
});
keepLooking();
