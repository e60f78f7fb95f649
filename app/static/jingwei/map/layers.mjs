/** The layer panel: switches with counts, the colouring, and the legend. */
import { ask } from "../http.mjs";
import { number, t, tc } from "../words.mjs";
import { h } from "./dom.mjs";
import { picture } from "./images.mjs";
import { CLASSES, palettes } from "./palette.mjs";
import { CELL_STEPS, TOWN_STEPS } from "./style.mjs";
import { className } from "./words.mjs";

const EVERY_MS = 60000;

const rows = (options) => [
  ["cases", t("在办案件"), (n) => n.open],
  ["ended", t("近期办结"), () => null],
  options.workers ? ["workers", tc("many", "网格员"), (n) => n.on_duty] : null,
  ["facilities", tc("many", "设施"), (n) => n.facilities],
  ["cells", tc("many", "网格"), (n) => n.cells],
  ["streets", t("道路"), () => null],
  ["areas", t("行政区划"), (n) => n.districts + n.towns + n.communities],
  ["names", t("地名"), () => null],
].filter(Boolean);

/** Fill the panel; `state` has `shown` and `colouring`, `changed()` is called after a change. */
export function makeLayers(root, { options, state, theme, changed }) {
  const counts = new Map();
  const list = h("ul", { class: "switches" }, rows(options).map(([name, words]) => {
    const count = h("span", { class: "count muted" });
    counts.set(name, count);
    return h("li", {}, h("label", {},
      h("input", { type: "checkbox", name: "layer", value: name, checked: state.shown.has(name), onchange: (event) => {
        if (event.target.checked) state.shown.add(name);
        else state.shown.delete(name);
        changed();
      } }), h("span", { class: `swatch ${name}`, "aria-hidden": "true" }), h("span", { class: "words" }, words), count));
  }));
  const fill = h("fieldset", { class: "segments" }, h("legend", { class: "label" }, t("网格着色")),
    [["town", t("按街镇")], ["cases", t("案件密度")], ["none", t("不着色")]].map(([value, words]) => h("label", {},
      h("input", { type: "radio", name: "fill", value, checked: state.colouring === value, onchange: () => {
        state.colouring = value;
        drawLegend();
        changed();
      } }), h("span", {}, words))));
  const figures = h("div", { class: "figures" });
  const legend = h("div", { class: "legend" });
  root.replaceChildren(figures, h("h2", {}, t("图层")), list, fill, h("details", { open: matchMedia("(min-height: 760px)").matches },
    h("summary", {}, t("图例")), legend));

  function drawLegend() {
    const shown = theme();
    const p = palettes[shown];
    const row = (mark, words) => h("li", {}, mark, h("span", {}, words));
    const image = (name) => h("img", { src: picture(name, shown), alt: "", width: 20, height: 20 });
    const line = (colour, width) => {
      const mark = h("span", { class: "stroke" });
      mark.style.background = colour;
      mark.style.height = `${width}px`;
      return mark;
    };
    const ramp = (from, words) => h("ul", { class: "ramp" }, p.ramp.map((colour, i) => {
      const mark = h("span", { class: "step" });
      mark.style.background = colour;
      return h("li", {}, mark, h("span", {}, words(from[i], from[i + 1])));
    }));
    const density = state.colouring === "cases" ? [
      h("h3", {}, t("网格近 90 天案件（件）")), ramp(CELL_STEPS, (low, next) => (!next ? `≥ ${low}` : next - low > 1 ? `${low}–${next - 1}` : low)),
      h("h3", {}, t("街镇：每格案件，全市平均为 1")), ramp(TOWN_STEPS, (low) => `≥ ${low}`),
    ] : [];
    legend.replaceChildren(...[
      ...density,
      h("h3", {}, t("案件")), h("ul", {}, row(image("case-overdue"), t("已超时")), row(image("case-soon"), t("一小时内到期")),
        row(image("case-open"), t("在办")), row(image("case-ended"), t("已结束"))),
      options.workers ? [h("h3", {}, tc("many", "网格员")), h("ul", {}, row(image("worker-on"), t("在岗")), row(image("worker-off"), t("不在岗或失联")))] : "",
      h("h3", {}, tc("many", "设施")), h("ul", {}, CLASSES.map((code) => row(image(`facility-${code}`), className(code))), row(image("facility-01-bad"), t("破损或丢失"))),
      h("h3", {}, t("界线")), h("ul", {}, row(line(p.district, 3), t("区县界")), row(line(p.town, 2), t("街镇界")), row(line(p.cell, 1), t("网格边"))),
    ].flat());
  }

  async function count() {
    try {
      const n = await ask("/api/v1/summary");
      for (const [name, , pick] of rows(options)) {
        const value = pick(n);
        counts.get(name).textContent = value === null ? "" : number(value);
      }
      const figure = (value, words, tone = "") => h("div", { class: `stat ${tone}` }, h("b", {}, number(value)), h("span", {}, words));
      figures.replaceChildren(figure(n.today, t("今日上报")), figure(n.open, t("在办")), figure(n.overdue, t("超时"), n.overdue ? "danger" : ""),
        options.workers ? figure(n.on_duty, t("在岗")) : "");
    } catch {
      /* counts are a nicety: the map stands without them, and the next minute asks again */
    }
  }

  drawLegend();
  document.addEventListener("jingwei:theme", drawLegend);
  count();
  setInterval(() => document.visibilityState === "visible" && count(), EVERY_MS);
  /** Set the switches to what `state` says. */
  function sync() {
    for (const box of root.querySelectorAll("input[name=layer]")) box.checked = state.shown.has(box.value);
    for (const radio of root.querySelectorAll("input[name=fill]")) radio.checked = radio.value === state.colouring;
    drawLegend();
  }
  return { count, sync };
}
