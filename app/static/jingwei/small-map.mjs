/** A small map of one place, of our own tiles; with `onmove` its pin is moved by pointer or arrow keys. */
import { theme } from "./base.mjs";
import { addImages } from "./map/images.mjs";
import { h } from "./map/dom.mjs";
import { makePin } from "./map/pin.mjs";
import { style } from "./map/style.mjs";
import { t } from "./words.mjs";

const SHOWN = new Set(["areas", "cells", "streets", "facilities", "names"]);
const SVG = "http://www.w3.org/2000/svg";

function mark() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 36 48");
  svg.setAttribute("class", "place-mark");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M18 46C12 37 4 29 4 18a14 14 0 0 1 28 0c0 11-8 19-14 28z");
  const dot = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ cx: 18, cy: 18, r: 5.5 })) dot.setAttribute(name, value);
  svg.append(path, dot);
  return svg;
}

/** Draw the map into `box`, told by the data block beside it; return its methods, null where it cannot be drawn. */
export async function smallMap(box, { onmove = null } = {}) {
  const block = document.getElementById("small-map-data");
  if (!box || !block) return null;
  const place = JSON.parse(block.textContent);
  if (!place.maplibre || !document.createElement("canvas").getContext("webgl2")) return null;
  const maplibre = await import(place.maplibre);
  const shown = () => style(theme(), SHOWN, "none", { workers: false });
  const placed = typeof place.lon === "number";
  const map = new maplibre.Map({
    container: box, style: shown(), attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false,
    ...(placed ? { center: [place.lon, place.lat], zoom: 16.2 } : { bounds: place.bounds, fitBoundsOptions: { padding: 12 } }),
    minZoom: 7, maxZoom: 20, cooperativeGestures: matchMedia("(pointer: coarse)").matches,
    localIdeographFontFamily: getComputedStyle(document.body).fontFamily,
    locale: { "Map.Title": t("城市地图。方向键移动，加减号缩放。") },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.scrollZoom.disable();
  map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
  addImages(map);
  map.on("style.load", () => addImages(map));
  map.once("idle", () => box.setAttribute("data-idle", ""));
  document.addEventListener("jingwei:theme", () => map.setStyle(shown()));
  box.classList.add("is-live");
  for (const [lon, lat] of place.near || []) {
    new maplibre.Marker({ element: h("i", { class: "near-mark" }) }).setLngLat([lon, lat]).addTo(map);
  }
  let pin = null;
  const put = (at, { fly = true } = {}) => {
    if (onmove && !pin) pin = makePin(map, maplibre, at, onmove);
    else if (onmove) pin.move(at);
    else new maplibre.Marker({ element: mark(), anchor: "bottom" }).setLngLat(at).addTo(map);
    if (fly) map.jumpTo({ center: at, zoom: Math.max(map.getZoom(), 15.5) });
  };
  if (placed) put([place.lon, place.lat], { fly: false });
  if (onmove) {
    map.on("click", (event) => {
      put([event.lngLat.lng, event.lngLat.lat], { fly: false });
      onmove([event.lngLat.lng, event.lngLat.lat]);
    });
  }
  return { map, put, remove: () => {
    pin?.remove();
    pin = null;
  } };
}
