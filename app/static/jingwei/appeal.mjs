/** The public's form: proves that no robot sends it, adds the position, and keeps what was typed until it is sent. */
import { plain } from "./sha256.mjs";

const form = document.querySelector("#appeal");
const KEEP = "jingwei.appeal";
const KEPT = ["type", "text", "wish", "address", "name", "phone"];

/** Look for a number after which challenge and number hash to `bits` zero bits; a slice at a time. */
async function prove(challenge, bits) {
  const encoder = new TextEncoder();
  for (let number = 0; ; number += 1) {
    const found = plain(encoder.encode(`${challenge}.${number}`));
    const head = new DataView(found.buffer, found.byteOffset).getUint32(0);
    if (head >>> (32 - bits) === 0) return String(number);
    if (number % 512 === 0) await new Promise((go) => setTimeout(go));
  }
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEEP) ?? "{}");
  for (const name of KEPT) if (kept[name] && !form.elements[name].value) form.elements[name].value = kept[name];
}

form.querySelector("#sum").hidden = true;
form.querySelector("#place").hidden = !("geolocation" in navigator);
restore();
form.addEventListener("input", () => {
  const kept = Object.fromEntries(KEPT.map((name) => [name, form.elements[name].value]));
  sessionStorage.setItem(KEEP, JSON.stringify(kept));
});

const proof = prove(form.elements.challenge.value, Number(form.dataset.bits));
form.addEventListener("submit", async (event) => {
  if (form.elements.proof.value) {
    sessionStorage.removeItem(KEEP);
    return;
  }
  event.preventDefault();
  form.querySelector("[type=submit]").disabled = true;
  form.elements.proof.value = await proof;
  form.querySelector("[type=submit]").disabled = false;
  form.requestSubmit();
});

const told = form.querySelector("#place [role=status]");
form.querySelector("#here").addEventListener("click", () => {
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      form.elements.lon.value = coords.longitude;
      form.elements.lat.value = coords.latitude;
      form.elements.accuracy_m.value = Math.round(coords.accuracy);
      told.textContent = told.dataset.done.replace("{m}", Math.round(coords.accuracy));
    },
    () => {
      told.textContent = told.dataset.failed;
    },
    { enableHighAccuracy: true, timeout: 15_000 },
  );
});
