/** The map's style: our own tiles only, no glyphs and no sprite; names are drawn with the browser's fonts. */
import { CLASSES, palettes } from "./palette.mjs";

const FONT = ["Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
const BOLD = FONT.map((name) => (name === "sans-serif" ? name : `${name} Bold`));
export const ENDED = ["closed", "void", "merged"];
export const POINTS_FROM = 14;
const CLUSTERS_FROM = 12.2;
const WORKERS_FROM = 12.5;
const ICONS_FROM = 13.5;

const empty = { type: "FeatureCollection", features: [] };
const tiles = (layer) => ({ type: "vector", url: `${location.origin}/tiles/${layer}.json` });

export const sources = () => ({
  areas: { ...tiles("areas"), promoteId: { areas: "code" } },
  cells: { ...tiles("cells") },
  facilities: tiles("facilities"),
  streets: tiles("streets"),
  cases: tiles("cases"),
  workers: tiles("workers"),
  selected: { type: "geojson", data: empty },
  accuracy: { type: "geojson", data: empty },
});

const zoomed = (...stops) => ["interpolate", ["linear"], ["zoom"], ...stops];
/** Widths that double with every zoom, as things on the ground do. */
const grown = (...stops) => ["interpolate", ["exponential", 2], ["zoom"], ...stops];
const ROUND = { "line-join": "round", "line-cap": "round" };
const ARTERIAL = [11, 1.6, 12, 2.4, 14, 5.5, 16, 13, 20, 140];
const STREET = [13, 1, 14, 3, 16, 8, 20, 90];
const RIVER = [11, 2.2, 13, 6, 14, 10, 16, 30, 20, 400];
const wider = (stops, by) => stops.map((stop, i) => (i % 2 ? stop + by : stop));
const level = (name) => ["==", ["get", "level"], name];

function tint(p, code) {
  const number = ["%", ["to-number", ["slice", ["get", code], 6, 9], 0], p.tints.length];
  return ["match", number, ...p.tints.flatMap((colour, i) => [i, colour]), p.land];
}

/** Colours by the states that density.mjs sets: cases of a cell, times the mean of a town. */
const steps = (p, state, ...from) => ["step", ["coalesce", ["feature-state", state], 0], p.land, ...from.flatMap((least, i) => [least, p.ramp[i]])];
export const CELL_STEPS = [1, 2, 3, 5];
export const TOWN_STEPS = [0.4, 0.8, 1.2, 1.6];

const ended = ["in", ["get", "status"], ["literal", ENDED]];
const pressing = ["any", ["to-boolean", ["get", "overdue"]], ["to-boolean", ["get", "soon"]]];
const heard = ["all", ["get", "on_duty"], ["!", ["get", "silent"]]];
// a type is a number of four digits without its leading zeros: 101 is 0101, of class 01
const classOf = ["slice", ["concat", "0", ["to-string", ["floor", ["/", ["coalesce", ["get", "type"], 0], 100]]]], -2];
const byClass = (p) => ["match", classOf, ...CLASSES.flatMap((code) => [code, p.classes[code]]), p.classes["05"]];

/** Return the style of `theme`; `shown` says which layers are on, `colouring` how cells are filled; without
 * `workers`, their tiles are not asked for. */
export function style(theme, shown, colouring, { workers = true } = {}) {
  const all = everything(theme, shown, colouring);
  if (workers) return all;
  delete all.sources.workers;
  return { ...all, layers: all.layers.filter((layer) => layer.source !== "workers") };
}

function everything(theme, shown, colouring) {
  const p = palettes[theme];
  const seen = (name) => ({ visibility: shown.has(name) ? "visible" : "none" });
  const towns = colouring === "town";
  const cased = (name) => ["concat", name, `-${theme}`];
  const label = (size, colour, extra = {}) => ({
    layout: {
      ...seen("names"), "text-field": ["get", "name"], "text-font": FONT, "text-size": size, "text-max-width": 9,
      "text-padding": 4, ...extra,
    },
    paint: { "text-color": colour, "text-halo-color": p.halo, "text-halo-width": 1.6, "text-halo-blur": 0.4 },
  });
  const street = (id, kind, from, paint) => ({ id, type: "line", source: "streets", "source-layer": "streets", minzoom: from,
    filter: ["==", ["get", "kind"], kind], layout: { ...seen("streets"), ...ROUND }, paint });
  const along = (id, kind, from, colour, size, extra = {}) => ({
    id, type: "symbol", source: "streets", "source-layer": "streets", minzoom: from,
    filter: ["all", ["==", ["get", "kind"], kind], ["has", "name"]],
    layout: { ...seen(shown.has("names") ? "streets" : "names"), "text-field": ["get", "name"], "text-font": FONT, "text-size": size,
      "symbol-placement": "line", "symbol-spacing": 340, "text-max-angle": 30, "text-padding": 6, "text-letter-spacing": 0.08,
      "text-offset": ["step", ["zoom"], ["literal", [0, 0]], 16, ["literal", [0, 1.6]]], ...extra },
    paint: { "text-color": colour, "text-halo-color": p.halo, "text-halo-width": 1.4, "text-halo-blur": 0.4 },
  });
  return {
    version: 8,
    name: "Jingwei",
    sources: sources(),
    transition: { duration: 160, delay: 0 },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": p.ground } },
      { id: "land", type: "fill", source: "areas", "source-layer": "areas", filter: level("district"),
        layout: seen("areas"), paint: { "fill-color": p.land, "fill-antialias": false } },
      { id: "city-glow", type: "line", source: "areas", "source-layer": "areas", filter: level("district"),
        layout: { ...seen("areas"), "line-join": "round" },
        paint: { "line-color": p.glow, "line-width": zoomed(7, 4, 12, 12), "line-blur": 4 } },
      { id: "town-fill", type: "fill", source: "areas", "source-layer": "areas", filter: level("town"),
        layout: seen("cells"), paint: { "fill-color": towns ? tint(p, "code") : colouring === "cases" ? steps(p, "density", ...TOWN_STEPS) : p.land, "fill-antialias": false } },
      { id: "cell-fill", type: "fill", source: "cells", "source-layer": "cells", minzoom: 12, layout: seen("cells"),
        paint: { "fill-color": towns ? tint(p, "town") : colouring === "cases" ? steps(p, "cases", ...CELL_STEPS) : p.land, "fill-antialias": false,
          "fill-opacity": ["case", ["boolean", ["feature-state", "hover"], false], 0.72, 1] } },
      { id: "cell-line", type: "line", source: "cells", "source-layer": "cells", minzoom: 12.4, layout: seen("cells"),
        paint: { "line-color": p.cell, "line-width": zoomed(12.4, 0.25, 14, 0.6, 17, 1.2),
          "line-opacity": zoomed(12.4, 0.15, 13.4, 0.7, 15, 1) } },
      street("shore", "river", 11, { "line-color": p.shore, "line-width": grown(...wider(RIVER, 1.6)), "line-opacity": 0.8 }),
      street("river", "river", 11, { "line-color": p.water, "line-width": grown(...RIVER) }),
      street("street-edge", "street", 13.4, { "line-color": p.streetEdge, "line-width": grown(...wider(STREET, 1.8)),
        "line-opacity": zoomed(13.4, 0, 14.2, 1) }),
      street("arterial-edge", "arterial", 11, { "line-color": p.streetEdge, "line-width": grown(...wider(ARTERIAL, 1.8)),
        "line-opacity": zoomed(11, 0.6, 13, 1) }),
      street("street", "street", 13, { "line-color": p.street, "line-width": grown(...STREET), "line-opacity": zoomed(13, 0.2, 14, 1) }),
      street("arterial", "arterial", 11, { "line-color": p.street, "line-width": grown(...ARTERIAL) }),
      { id: "community-line", type: "line", source: "areas", "source-layer": "areas", filter: level("community"), minzoom: 12.2,
        layout: { ...seen("areas"), "line-join": "round" },
        paint: { "line-color": p.community, "line-width": zoomed(12.2, 0.5, 15, 1.3), "line-dasharray": [4, 2.5], "line-opacity": zoomed(12.2, 0.2, 13.5, 0.85) } },
      { id: "town-line", type: "line", source: "areas", "source-layer": "areas", filter: level("town"),
        layout: { ...seen("areas"), "line-join": "round" },
        paint: { "line-color": p.town, "line-width": zoomed(9, 0.5, 12, 1, 16, 2), "line-opacity": zoomed(8.5, 0.35, 11, 0.9) } },
      { id: "district-line", type: "line", source: "areas", "source-layer": "areas", filter: level("district"),
        layout: { ...seen("areas"), "line-join": "round" },
        paint: { "line-color": p.district, "line-width": zoomed(7, 0.9, 12, 1.8, 16, 3) } },
      { id: "cell-hover", type: "line", source: "cells", "source-layer": "cells", minzoom: 13, layout: seen("cells"),
        paint: { "line-color": p.hover, "line-width": 2.2,
          "line-opacity": ["case", ["boolean", ["feature-state", "hover"], false], 1, 0] } },
      { id: "selected-fill", type: "fill", source: "selected", filter: ["==", ["geometry-type"], "Polygon"],
        paint: { "fill-color": p.selectedFill } },
      { id: "selected-line", type: "line", source: "selected", filter: ["!=", ["geometry-type"], "Point"],
        layout: { "line-join": "round", "line-cap": "round" },
        paint: { "line-color": p.selected, "line-width": zoomed(11, 1.4, 15, 3) } },
      { id: "accuracy-fill", type: "fill", source: "accuracy",
        paint: { "fill-color": p.worker, "fill-opacity": 0.14, "fill-outline-color": p.worker } },
      // a cluster yields to every name, circle and count together, and blocks nothing; over the density it would hide it
      { id: "facility-cluster", type: "symbol", source: "facilities", "source-layer": "facilities",
        minzoom: CLUSTERS_FROM, maxzoom: POINTS_FROM, filter: ["has", "count"],
        layout: { ...seen(colouring === "cases" ? "none" : "facilities"), "icon-image": cased("cluster"), "icon-padding": 0, "icon-ignore-placement": true,
          "icon-size": ["interpolate", ["linear"], ["sqrt", ["get", "count"]], 1, 0.36, 8, 0.52, 30, 0.74, 70, 1],
          "text-field": ["to-string", ["get", "count"]], "text-font": FONT, "text-size": 10.5, "text-padding": 0,
          "text-ignore-placement": true },
        paint: { "text-color": p.clusterText, "icon-opacity": 0.85 } },
      { id: "facility-dot", type: "circle", source: "facilities", "source-layer": "facilities", minzoom: POINTS_FROM, maxzoom: 16,
        filter: ["!", ["has", "count"]], layout: seen("facilities"),
        paint: { "circle-color": byClass(p), "circle-radius": zoomed(14, 1.7, 15, 2.8, 16, 4.5), "circle-stroke-color": p.edge,
          "circle-stroke-width": zoomed(14, 0.2, 16, 1) } },
      { id: "cell-name", type: "symbol", source: "cells", "source-layer": "cell_labels", minzoom: 15.4,
        layout: { ...seen("names"), "text-field": ["slice", ["get", "code"], 12], "text-font": FONT,
          "text-size": zoomed(15.4, 11, 18, 15), "text-padding": 3,
          "text-variable-anchor": ["center", "top", "bottom", "left", "right"], "text-radial-offset": 0.9, "text-justify": "auto" },
        paint: { "text-color": p.text2, "text-halo-color": p.halo, "text-halo-width": 1.2, "text-opacity": 0.85 } },
      { id: "facility-icon", type: "symbol", source: "facilities", "source-layer": "facilities", minzoom: 16,
        filter: ["!", ["has", "count"]],
        layout: { ...seen("facilities"),
          "icon-image": cased(["concat", "facility-", ["match", classOf, CLASSES, classOf, "05"],
            ["case", ["in", ["get", "condition"], ["literal", ["damaged", "missing"]]], "-bad", ""]]),
          "icon-size": zoomed(16, 0.8, 18, 1.1), "icon-allow-overlap": true, "icon-padding": 0 } },
      { id: "worker-dot", type: "circle", source: "workers", "source-layer": "workers",
        minzoom: WORKERS_FROM, maxzoom: ICONS_FROM, filter: heard, layout: seen("workers"),
        paint: { "circle-radius": zoomed(12.5, 3.2, 13.5, 5), "circle-color": p.worker, "circle-stroke-color": p.edge,
          "circle-stroke-width": 1.2 } },
      { id: "case-ended", type: "symbol", source: "cases", "source-layer": "cases", minzoom: 12, filter: ended,
        layout: { ...seen("ended"), "icon-image": cased("case-ended"), "icon-allow-overlap": true } },
      along("street-name", "street", 15, p.streetText, zoomed(15, 11, 18, 14)),
      along("arterial-name", "arterial", 14, p.streetText, zoomed(14, 11.5, 18, 15)),
      along("river-name", "river", 14, p.waterText, zoomed(14, 12, 18, 15), { "text-letter-spacing": 0.3 }),
      { id: "case", type: "symbol", source: "cases", "source-layer": "cases", filter: ["all", ["!", ended], ["!", pressing]],
        layout: { ...seen("cases"), "icon-image": cased("case-open"), "icon-size": zoomed(9, 0.26, 11.5, 0.42, 13, 0.7, 16, 1),
          "icon-allow-overlap": true, "icon-ignore-placement": true } },
      { id: "community-name", type: "symbol", source: "areas", "source-layer": "area_labels", filter: level("community"),
        minzoom: 13.2, ...label(zoomed(13.2, 11.5, 16, 14), p.text2, { "text-padding": 8 }) },
      { id: "town-name", type: "symbol", source: "areas", "source-layer": "area_labels", filter: level("town"),
        minzoom: 10.9, maxzoom: 15.5, ...label(zoomed(10.9, 11.5, 14, 17), p.text, { "text-letter-spacing": 0.06 }) },
      { id: "district-name", type: "symbol", source: "areas", "source-layer": "area_labels", filter: level("district"),
        maxzoom: 12.5, ...label(zoomed(8, 13, 12, 21), p.text, { "text-font": BOLD, "text-letter-spacing": 0.14,
          "text-padding": 2 }) },
      { id: "worker", type: "symbol", source: "workers", "source-layer": "workers", minzoom: ICONS_FROM,
        layout: { ...seen("workers"), "icon-image": cased(["case", heard, "worker-on", "worker-off"]),
          "icon-size": zoomed(13.5, 0.75, 15, 0.95, 17, 1.15), "icon-allow-overlap": true, "icon-padding": 0 } },
      { id: "case-pressing", type: "symbol", source: "cases", "source-layer": "cases", filter: ["all", ["!", ended], pressing],
        layout: { ...seen("cases"), "icon-image": cased(["case", ["to-boolean", ["get", "overdue"]], "case-overdue", "case-soon"]),
          "symbol-sort-key": ["case", ["to-boolean", ["get", "overdue"]], 2, 1],
          "icon-size": zoomed(9, 0.4, 12, 0.62, 14, 0.85, 16, 1.05), "icon-allow-overlap": true, "icon-ignore-placement": true } },
      { id: "selected-point", type: "circle", source: "selected", filter: ["==", ["geometry-type"], "Point"],
        paint: { "circle-radius": 18, "circle-color": p.selectedFill, "circle-stroke-color": p.selected, "circle-stroke-width": 3 } },
    ],
  };
}
