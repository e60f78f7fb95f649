/** A new appeal: the address is looked up without leaving the page, and a pin says the place. */
import { smallMap } from "./small-map.mjs";

const form = document.getElementById("new-appeal");
const state = document.getElementById("pin-state");
const drop = document.getElementById("pin-drop");
const { lon, lat } = form.elements;

function moved(at) {
  lon.value = at ? at[0].toFixed(7) : "";
  lat.value = at ? at[1].toFixed(7) : "";
  state.textContent = at ? state.dataset.some : state.dataset.none;
  drop.hidden = !at;
}

const map = await smallMap(document.getElementById("small-map"), { onmove: moved });
drop.hidden = !map || !lon.value;
drop.addEventListener("click", () => {
  map.remove();
  moved(null);
});

function show() {
  const chosen = form.querySelector("input[name=area]:checked");
  if (map && chosen && !lon.value) map.map.jumpTo({ center: [Number(chosen.dataset.lon), Number(chosen.dataset.lat)], zoom: 14.5 });
}
form.addEventListener("change", (event) => {
  if (event.target.name === "area") show();
});
show();

async function find() {
  const said = new FormData(form);
  said.set("find", "1");
  said.delete("area");
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(said), headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("places");
  if (fresh) document.getElementById("places").replaceWith(fresh);
  show();
}
form.querySelector("button[name=find]").addEventListener("click", (event) => {
  event.preventDefault();
  find();
});
form.elements.address.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  find();
});
document.getElementById("similar")?.focus();
document.documentElement.setAttribute("data-ready", "");
