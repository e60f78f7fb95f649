/** The pin: dragged by pointer, or focused and moved by the arrow keys, a metre at a time (ten with Shift). */
import { t } from "../words.mjs";
import { h } from "./dom.mjs";

const SVG = "http://www.w3.org/2000/svg";
const METRES = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const DEGREE_M = 111320;

function drawing() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 36 48");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M18 46C12 37 4 29 4 18a14 14 0 0 1 28 0c0 11-8 19-14 28z");
  const dot = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ cx: 18, cy: 18, r: 5.5 })) dot.setAttribute(name, value);
  svg.append(path, dot);
  return svg;
}

/** Put a pin on the map at `at`; `onmove([lon, lat])` is called after every move. */
export function makePin(map, maplibre, at, onmove) {
  const button = h("button", { type: "button", class: "pin", "aria-label": t("图钉：方向键移动 1 米，加 Shift 移动 10 米") }, drawing());
  const marker = new maplibre.Marker({ element: button, draggable: true, anchor: "bottom" }).setLngLat(at).addTo(map);
  const tell = () => {
    const { lng, lat } = marker.getLngLat();
    onmove([lng, lat]);
  };
  button.setAttribute("aria-label", t("图钉：方向键移动 1 米，加 Shift 移动 10 米"));
  marker.on("dragend", tell);
  button.addEventListener("click", (event) => event.stopPropagation());
  button.addEventListener("keydown", (event) => {
    const step = METRES[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const { lng, lat } = marker.getLngLat();
    const metres = event.shiftKey ? 10 : 1;
    const dLat = (step[1] * metres) / DEGREE_M;
    const dLon = (step[0] * metres) / (DEGREE_M * Math.cos((lat * Math.PI) / 180));
    marker.setLngLat([lng + dLon, lat + dLat]);
    if (!map.getBounds().contains(marker.getLngLat())) map.panTo(marker.getLngLat());
    tell();
  });
  return { move: (to) => marker.setLngLat(to), remove: () => marker.remove() };
}
