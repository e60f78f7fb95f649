/** The view in the address: centre, zoom, layers, colouring and what is selected, so that a link shows the same. */
export const LAYERS = ["areas", "cells", "streets", "facilities", "cases", "ended", "workers", "names"];
export const DEFAULT = ["areas", "cells", "streets", "facilities", "cases", "workers", "names"];
const COLOURINGS = ["town", "cases", "none"];

/** Return the view that a fragment says; what it does not say is null or the default. */
export function read(fragment) {
  const said = new URLSearchParams(fragment.replace(/^#/, ""));
  const [zoom, lat, lon] = (said.get("map") || "").split("/").map(Number);
  const placed = [zoom, lat, lon].every(Number.isFinite) && said.get("map")?.split("/").length === 3
    && Math.abs(lat) <= 85 && Math.abs(lon) <= 180 && zoom >= 0 && zoom <= 22;
  const on = said.get("on");
  const colouring = said.get("fill");
  const [kind, ...code] = (said.get("sel") || "").split(":");
  return {
    zoom: placed ? zoom : null,
    centre: placed ? [lon, lat] : null,
    shown: new Set(on === null ? DEFAULT : on.split(",").filter((name) => LAYERS.includes(name))),
    colouring: COLOURINGS.includes(colouring) ? colouring : "town",
    selected: kind && code.length ? { kind, code: code.join(":") } : null,
  };
}

/** Return the fragment that says this view. */
export function write({ zoom, centre, shown, colouring, selected }) {
  const parts = [];
  if (centre) parts.push(`map=${zoom.toFixed(2)}/${centre[1].toFixed(5)}/${centre[0].toFixed(5)}`);
  const on = LAYERS.filter((name) => shown.has(name)).join(",");
  if (on !== DEFAULT.join(",")) parts.push(`on=${on}`);
  if (colouring !== "town") parts.push(`fill=${colouring}`);
  if (selected) parts.push(`sel=${selected.kind}:${encodeURIComponent(selected.code)}`);
  return `#${parts.join("&")}`;
}
