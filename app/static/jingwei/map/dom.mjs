/** Small makers of elements: text goes in as text, never as HTML. */
const SVG = "http://www.w3.org/2000/svg";

/** Return an element; `props` are attributes, `on…` are listeners, null and false leave out. */
export function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

/** Return one of the icons of icons.svg. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/jingwei/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Return rows of a definition list; a row without a value is left out. */
export function facts(...rows) {
  return h("dl", { class: "facts" }, rows.filter((row) => row && row[1] !== null && row[1] !== "").map(([name, value]) => [
    h("dt", {}, name), h("dd", {}, value),
  ]));
}

/** Return a message box. */
export const message = (kind, ...children) =>
  h("div", { class: `message ${kind}`, role: kind === "danger" ? "alert" : "status" },
    icon(kind === "ok" ? "done" : kind === "info" ? "info" : "warn"), h("div", {}, ...children));
