/** The map's page: the map, its layers, cards, search and reports; the view lives in the address. */
import { theme } from "../base.mjs";
import { t } from "../words.mjs";
import { cardOf, fetchCard, shapeOf } from "./cards.mjs";
import { makeDensity } from "./density.mjs";
import { h, icon } from "./dom.mjs";
import { addImages } from "./images.mjs";
import { makeLayers } from "./layers.mjs";
import { makePanel } from "./panel.mjs";
import { makeReport } from "./report.mjs";
import { POINTS_FROM, style } from "./style.mjs";
import * as view from "./view.mjs";
import { watchState } from "./state.mjs";

const options = JSON.parse(document.getElementById("map-options").textContent);
const root = document.documentElement;
const state = { ...view.read(location.hash) };
const NONE = { type: "FeatureCollection", features: [] };
const PICK = ["case-pressing", "case", "worker", "worker-dot", "case-ended", "facility-icon", "facility-dot", "facility-cluster"];
const CELLS_FROM = 13;
const CLOSE_ZOOM = 16.5;

function webgl() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl2"));
  } catch {
    return false;
  }
}

const overlay = document.getElementById("map-state");
if (!options.bounds) overlay.dataset.state = "empty";
else if (!webgl()) overlay.dataset.state = "no-webgl";
else await begin();

async function begin() {
  const maplibre = await import(options.maplibre);
  const narrow = matchMedia("(max-width: 767px)");
  const fitting = { padding: narrow.matches ? 24 : { top: 40, bottom: 40, left: 300, right: 60 }, maxZoom: CLOSE_ZOOM };
  // without a place in the address: around the cells or areas of who is looking, else the whole city
  const at = state.centre ? { center: state.centre, zoom: state.zoom }
    : { bounds: options.home || options.bounds, fitBoundsOptions: fitting };
  const map = new maplibre.Map({
    container: "map", style: style(theme(), state.shown, state.colouring, options), ...at,
    minZoom: 7, maxZoom: 20, attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false,
    fadeDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
    localIdeographFontFamily: getComputedStyle(document.body).fontFamily,
    locale: { "Map.Title": t("城市地图。方向键移动，加减号缩放。") },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new maplibre.ScaleControl({ maxWidth: 90, unit: "metric" }), "bottom-right");
  addImages(map);
  map.on("style.load", () => addImages(map)); // a style made anew (its switch came while it loaded) has lost them
  watchState(map, overlay);

  const layersPanel = document.getElementById("layers");
  const panel = makePanel(document.getElementById("panel"), { onclose: () => {
    report.stop();
    if (state.selected) unselect();
  } });
  const report = makeReport(map, maplibre, panel, { options, reveal,
    onfiled: () => {
      layers.count();
      map.refreshTiles("cases");
      if (state.colouring === "cases") density.show({ anew: true });
    } });
  const density = makeDensity(map);
  const restyle = () => {
    map.setStyle(style(theme(), state.shown, state.colouring, options));
    if (state.colouring === "cases") density.show();
  };
  if (state.colouring === "cases") map.once("load", () => density.show());
  const layers = makeLayers(document.getElementById("layers-body"), { options, state, theme, changed: () => {
    restyle();
    keep();
  } });

  // ---- the address
  let written = "";
  function keep({ push = false } = {}) {
    const { lng, lat } = map.getCenter();
    written = view.write({ ...state, zoom: map.getZoom(), centre: [lng, lat] });
    if (written !== location.hash) history[push ? "pushState" : "replaceState"](null, "", written);
  }
  map.on("moveend", () => keep());
  addEventListener("popstate", () => follow());
  addEventListener("hashchange", () => location.hash !== written && follow());
  function follow() {
    const said = view.read(location.hash);
    state.shown.clear();
    said.shown.forEach((name) => state.shown.add(name));
    state.colouring = said.colouring;
    layers.sync();
    restyle();
    if (said.centre) map.jumpTo({ center: said.centre, zoom: said.zoom });
    if (said.selected) select(said.selected, { fly: !said.centre, push: false });
    else if (state.selected) panel.close();
  }

  // ---- selecting
  let asking = null;
  function unselect() {
    asking?.abort();
    state.selected = null;
    map.getSource("selected")?.setData(NONE);
    keep({ push: true });
  }

  async function select(selected, { fly = true, push = true } = {}) {
    if (selected.kind === "place") {
      const [lon, lat] = selected.code.split(/[,， ]+/).map(Number);
      map.flyTo({ center: [lon, lat], zoom: CLOSE_ZOOM });
      if (options.report) report.start({ lon, lat });
      return;
    }
    report.stop();
    asking?.abort();
    asking = new AbortController();
    state.selected = { kind: selected.kind, code: selected.code };
    keep({ push });
    const waiting = { kind: "…", icon: selected.kind, title: selected.code };
    const soon = setTimeout(() => panel.loading(waiting), 150);
    try {
      const card = await fetchCard(selected, asking.signal);
      clearTimeout(soon);
      const shape = shapeOf(selected.kind, card);
      mark(shape);
      if (fly) goTo(shape, selected.kind);
      const here = options.report && shape.point ? h("button", { type: "button", class: "button primary", onclick: () =>
        report.start({ lon: shape.point[0], lat: shape.point[1], facility: selected.kind === "facility" ? card.code : null }) },
      icon("pin"), t("在此上报")) : null;
      const made = cardOf(selected.kind, card, { here });
      panel.show(made, made.parts, made.acts);
      if (!fly && shape.point && selected.kind !== "area") reveal(shape.point);
    } catch (error) {
      clearTimeout(soon);
      if (error.name === "AbortError") return;
      panel.trouble({ ...waiting, kind: t("没有打开") }, error, () => select(selected, { fly, push: false }));
    }
  }

  function mark({ geometry }) {
    const data = geometry ? { type: "Feature", geometry, properties: {} } : NONE;
    const set = () => map.getSource("selected").setData(data);
    if (map.getSource("selected")) set();
    else map.once("styledata", set);
  }

  /** Move the map so that `point` is not under a panel: the sheet of a phone, the panels of a desk. */
  function reveal(point) {
    const stage = map.getContainer().getBoundingClientRect();
    const sheet = document.getElementById("panel").getBoundingClientRect();
    const free = narrow.matches ? { left: 30, right: stage.width - 30, top: 70, bottom: sheet.top - stage.top - 20 }
      : { left: layersPanel.hidden ? 30 : 330, right: sheet.left - 30, top: 60, bottom: stage.height - 30 };
    const p = map.project(point);
    if (p.x > free.left && p.x < free.right && p.y > free.top && p.y < free.bottom) return;
    map.panBy([p.x - (free.left + free.right) / 2, p.y - (free.top + free.bottom) / 2], { duration: 400 });
  }

  function goTo({ point, bbox }, kind) {
    const padding = narrow.matches ? { top: 60, bottom: innerHeight * 0.5, left: 24, right: 24 } : { top: 60, bottom: 60, left: 300, right: 420 };
    if (bbox && (kind === "area" || kind === "worker")) map.fitBounds(bbox, { padding, maxZoom: 16, duration: 900 });
    else if (point) map.flyTo({ center: point, zoom: Math.max(map.getZoom(), CLOSE_ZOOM), duration: 900, offset: narrow.matches ? [0, -innerHeight * 0.2] : [-60, 0] });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-select]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const [kind, ...code] = link.dataset.select.split(":");
    select({ kind, code: code.join(":") });
  });
  document.addEventListener("jingwei:chosen", (event) => {
    event.preventDefault();
    select(event.detail);
  });

  // ---- pointing
  let hovered = null;
  function hover(id) {
    if (hovered === id) return;
    if (hovered !== null) map.setFeatureState({ source: "cells", sourceLayer: "cells", id: hovered }, { hover: false });
    hovered = id;
    if (id !== null) map.setFeatureState({ source: "cells", sourceLayer: "cells", id }, { hover: true });
  }
  const present = (names) => names.filter((name) => map.getLayer(name));
  const fine = matchMedia("(hover: hover)");
  map.on("mousemove", (event) => {
    if (!fine.matches) return;
    const found = map.queryRenderedFeatures(event.point, { layers: present([...PICK, "cell-fill"]) });
    const cell = found.find((one) => one.layer.id === "cell-fill");
    hover(cell && map.getZoom() >= CELLS_FROM ? cell.id : null);
    map.getCanvas().style.cursor = report.active ? "crosshair" : found.length ? "pointer" : "";
  });
  map.on("mouseout", () => hover(null));

  map.on("click", (event) => {
    if (report.active) {
      report.move(event.lngLat.lng, event.lngLat.lat);
      return;
    }
    const reach = matchMedia("(pointer: coarse)").matches ? 14 : 6;
    const { x, y } = event.point;
    const near = map.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers: present(PICK) });
    const away = (one) => {
      const [lon, lat] = one.geometry.coordinates;
      const p = map.project([lon, lat]);
      return Math.hypot(p.x - x, p.y - y);
    };
    near.sort((a, b) => PICK.indexOf(a.layer.id) - PICK.indexOf(b.layer.id) || away(a) - away(b));
    if (near.length) pick(near[0]);
    else pickArea(event);
  });

  // in a tile a code is a number, where it is one of 16 digits
  function facilityCode({ code, code_text: text }) {
    return code ? String(code).padStart(16, "0") : text;
  }

  function pick(found) {
    const { id, code } = found.properties;
    if (found.layer.id === "facility-cluster") map.easeTo({ center: found.geometry.coordinates, zoom: Math.min(map.getZoom() + 1.6, POINTS_FROM + 0.3) });
    else if (found.layer.id.startsWith("case")) select({ kind: "case", code: id }, { fly: false });
    else if (found.layer.id.startsWith("worker")) select({ kind: "worker", code }, { fly: false });
    else if (facilityCode(found.properties)) select({ kind: "facility", code: facilityCode(found.properties) }, { fly: false });
    else map.easeTo({ center: found.geometry.coordinates, zoom: map.getZoom() + 1 });
  }

  function pickArea(event) {
    const names = present(["cell-fill", "town-fill", "land"]);
    const found = map.queryRenderedFeatures(event.point, { layers: names });
    const cell = found.find((one) => one.layer.id === "cell-fill" && one.properties.code);
    if (cell && map.getZoom() >= CELLS_FROM) {
      select({ kind: "cell", code: cell.properties.code }, { fly: false });
      return;
    }
    const area = found.find((one) => one.layer.id === "town-fill") || found.find((one) => one.layer.id === "land");
    if (area) select({ kind: "area", code: area.properties.code }, { fly: true });
    else if (panel.open) panel.close();
  }

  // ---- buttons and keys
  const on = (id, act) => document.getElementById(id)?.addEventListener("click", act);
  on("zoom-in", () => map.zoomIn());
  on("zoom-out", () => map.zoomOut());
  on("whole-city", () => map.fitBounds(options.bounds, fitting));
  // the page for paper shows what is on the screen: its address is made when it is asked for
  on("print", ({ currentTarget: link }) => {
    const box = map.getBounds().toArray().flat().map((degrees) => degrees.toFixed(5)).join(",");
    link.search = new URLSearchParams({ bbox: box, on: [...state.shown].join(","), fill: state.colouring === "none" ? "none" : "town" });
  });
  on("report-start", () => {
    const { lng, lat } = map.getCenter();
    const begin = () => report.start({ lon: lng, lat });
    state.selected = null;
    if (map.getZoom() >= 15) begin();
    else map.easeTo({ center: [lng, lat], zoom: 16 }).once("moveend", begin);
  });
  on("my-place", () => navigator.geolocation?.getCurrentPosition(
    ({ coords }) => map.flyTo({ center: [coords.longitude, coords.latitude], zoom: CLOSE_ZOOM }),
    () => say(t("没有取得位置。请在浏览器里允许定位。")), { enableHighAccuracy: true, timeout: 10000 }));
  const toggle = document.getElementById("layers-toggle");
  const showLayers = (open) => {
    layersPanel.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", () => showLayers(layersPanel.hidden));
  on("layers-close", () => {
    showLayers(false);
    toggle.focus();
  });
  showLayers(!narrow.matches);

  document.addEventListener("jingwei:key", ({ detail: key }) => {
    if (key === "m" || key === "M") map.getCanvas().focus();
    if (key === "[") showLayers(layersPanel.hidden);
    if ((key === "r" || key === "R") && options.report) document.getElementById("report-start").click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
    if (panel.open) panel.close();
    else if (narrow.matches && !layersPanel.hidden) showLayers(false);
  });
  document.addEventListener("jingwei:theme", restyle);

  const toast = document.getElementById("toast");
  let gone = 0;
  function say(words) {
    toast.textContent = words;
    toast.hidden = false;
    clearTimeout(gone);
    gone = setTimeout(() => (toast.hidden = true), 6000);
  }

  if (state.selected) map.once("load", () => select(state.selected, { fly: !state.centre, push: false }));
}
