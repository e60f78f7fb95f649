/** Cards: what is known of the thing that was clicked, with links from one to the next. */
import { ask } from "../http.mjs";
import { distance, left, named, number, t, tc, when } from "../words.mjs";
import { facts, h, message } from "./dom.mjs";
import { caseTone, className, conditionWord, levelWord, stepWord, statusWord, urgencyWord } from "./words.mjs";

const PATHS = { cell: "cells", facility: "facilities", area: "areas", worker: "workers", case: "cases" };

/** Return what our API knows of a thing. */
export const fetchCard = (selected, signal) =>
  ask(`/api/v1/${PATHS[selected.kind]}/${encodeURIComponent(selected.code)}`, { signal });

/** Return a link that selects another thing on the map. */
export const link = (kind, code, ...words) =>
  h("a", { href: `/map#sel=${kind}:${encodeURIComponent(code)}`, "data-select": `${kind}:${code}` }, ...words);

const areaLink = (area) => area && link("area", area.code, area.name);
const joined = (nodes) => nodes.filter(Boolean).flatMap((node, i) => (i ? [" › ", node] : [node]));
const place = (card) => h("span", { class: "crumbs" }, joined([areaLink(card.district), areaLink(card.town), areaLink(card.community)]));
const code = (text) => h("span", { class: "code" }, text);

export function holder(person, { linked = true } = {}) {
  if (!person) return null;
  const duty = h("span", { class: `tag ${person.on_duty ? "ok" : ""}` }, person.on_duty ? t("在岗") : t("不在岗"));
  const who = person.name || t("网格员 {code}", { code: person.code });
  return h("span", { class: "holder" }, linked && person.name ? link("worker", person.code, who) : who, " ", duty);
}

function caseList(cases, total) {
  if (!cases.length) return h("p", { class: "muted small" }, t("没有在办案件。"));
  return h("ul", { class: "lines" },
    cases.map((one) => h("li", {}, h("a", { href: `/map#sel=case:${one.id}`, "data-select": `case:${one.id}` },
      h("span", {}, h("b", {}, named(one.type)), h("span", { class: "muted small" }, `${statusWord(one.status)} · ${one.no}`)),
      h("span", { class: `tag ${caseTone(one)}` }, left(one.due_at))))),
    total > cases.length ? h("li", { class: "muted small" }, t("另有 {n} 件", { n: number(total - cases.length) })) : null);
}

/** Return a small picture that opens the large one; a photo may still be on its way when its report is here. */
function photo(name, words, kind = "") {
  const small = h("img", { src: `/api/v1/photos/${name}${kind ? "" : "?size=thumb"}`, alt: words, class: kind, loading: "lazy",
    onerror: () => opened.replaceWith(h("p", { class: "photo-missing" }, t("照片还在路上"))) });
  const opened = h("a", { href: `/api/v1/photos/${name}`, target: "_blank", rel: "noopener" }, small);
  return opened;
}

const section = (title, ...children) => h("section", {}, h("h3", {}, title), ...children);
const stat = (value, words, tone = "") =>
  h("div", { class: `stat ${tone}` }, h("b", {}, number(value)), h("span", {}, words));

/** A name that says more than the type stands above it; else the type stands alone, under what it is. */
function titled(card) {
  const own = card.name && ![card.type.name_zh, card.type.name_en].includes(card.name);
  return own ? { kind: named(card.type), title: card.name } : { kind: t("设施"), title: named(card.type) };
}

const makers = {
  cell(card, { here }) {
    return {
      kind: t("单元网格"), icon: "cell",
      title: `${card.community.name} ${card.code.slice(-3)}`,
      parts: [
        card.until ? message("warn", t("这个网格已停用，停用时间 {when}。", { when: when(card.until) })) : null,
        facts([t("编号"), code(card.code)], [t("位置"), place(card)],
          [t("责任网格员"), holder(card.primary) || t("未指派")], [t("备岗"), holder(card.backup)],
          [t("面积"), t("{n} 平方米", { n: number(Math.round(card.area_m2)) })],
          [t("人口"), card.population ? number(card.population) : null]),
        section(t("在办案件（{n}）", { n: number(card.open) }), caseList(card.cases, card.open)),
        card.facilities.length ? section(t("设施（{n}）", { n: number(card.facilities.reduce((sum, one) => sum + one.count, 0)) }),
          h("ul", { class: "chips" }, card.facilities.slice(0, 12).map((one) =>
            h("li", { class: `chip class-${one.code.slice(0, 2)}` }, named(one), " ", h("b", {}, number(one.count)))))) : null,
      ],
      acts: [here],
    };
  },
  facility(card, { here }) {
    return {
      ...titled(card), icon: "facility",
      parts: [
        h("p", {}, h("span", { class: `tag ${card.condition === "good" ? "ok" : "danger"}` }, conditionWord(card.condition)), " ",
          h("span", { class: "tag" }, className(card.type.code.slice(0, 2)))),
        card.photo ? photo(card.photo, t("设施照片"), "photo") : null,
        facts([t("编号"), code(card.code)], [t("位置"), place(card)], [t("地址"), card.address],
          [t("所在网格"), card.cell ? link("cell", card.cell, code(card.cell)) : t("网格之外")],
          [t("责任网格员"), holder(card.primary) || t("未指派")], [t("备岗"), holder(card.backup)],
          [t("主管单位"), card.unit], [t("安装日期"), card.installed]),
        section(t("在办案件（{n}）", { n: number(card.cases.length) }), caseList(card.cases, card.cases.length)),
      ],
      acts: [here],
    };
  },
  area(card) {
    return {
      kind: levelWord(card.level), icon: card.level === "city" ? "city" : "area", title: card.name,
      parts: [
        h("div", { class: "stats" }, stat(card.open, t("在办")), stat(card.overdue, t("超时"), card.overdue ? "danger" : ""),
          stat(card.cells, tc("many", "网格")), stat(card.facilities, tc("many", "设施"))),
        facts([t("编号"), code(card.code)], [t("上级"), areaLink(card.parent)],
          [t("网格面积"), t("{n} 平方公里", { n: (card.area_m2 / 1e6).toFixed(2) })], [t("人口"), card.population ? number(card.population) : null],
          [t("网格员"), card.workers === null ? null : t("{on} 人在岗，共 {all} 人", { on: number(card.on_duty), all: number(card.workers) })],
          [t("值班台"), card.desk_staffed ? `${t("有人值守")} ${card.desk_phone}` : card.desk_phone]),
        card.children.length ? section(t("下级（{n}）", { n: card.children.length }),
          h("ul", { class: "chips" }, card.children.map((one) => h("li", {}, link("area", one.code, one.name))))) : null,
      ],
      acts: [],
    };
  },
  worker(card) {
    const seen = card.position_at ? t("{when} 的位置", { when: when(card.position_at) }) : t("没有位置");
    return {
      kind: t("网格员"), icon: "worker", title: card.name,
      parts: [
        h("p", {}, h("span", { class: `tag ${card.on_duty ? "ok" : ""}` }, card.on_duty ? t("在岗") : t("不在岗")), " ",
          card.on_duty && card.silent ? h("span", { class: "tag warn" }, t("超过 15 分钟没有位置")) : null),
        h("div", { class: "stats" }, stat(card.open, t("在办")), stat(card.overdue, t("超时"), card.overdue ? "danger" : ""),
          stat(card.primary_cells.length, t("主责网格")), stat(card.backup_cells.length, t("备岗网格"))),
        facts([t("编号"), code(card.code)], [t("电话"), card.phone], [t("所属"), h("span", { class: "crumbs" }, joined([areaLink(card.town), areaLink(card.home)]))],
          [t("位置"), seen]),
        section(t("手上的案件（{n}）", { n: number(card.open) }), caseList(card.cases, card.open)),
        card.primary_cells.length ? section(t("负责的网格"), h("ul", { class: "chips" },
          card.primary_cells.slice(0, 40).map((one) => h("li", {}, link("cell", one, code(one.slice(-3)), h("span", { class: "unseen" }, ` ${one}`)))))) : null,
      ],
      acts: [],
    };
  },
  case(card, { here }) {
    const ended = ["closed", "void", "merged"].includes(card.status);
    return {
      kind: card.kind === "appeal" ? t("诉求") : t("案卷"), icon: "case", title: named(card.type),
      parts: [
        h("p", {}, h("span", { class: `tag ${caseTone(card)}` }, statusWord(card.status)), " ",
          ended ? null : h("span", { class: `tag ${caseTone(card)}` }, left(card.due_at)), " ",
          h("span", { class: "tag" }, urgencyWord(card.urgency))),
        card.text ? h("p", { class: "quote" }, card.text) : null,
        card.photos?.length ? h("div", { class: "photos" }, card.photos.map((one, i) => photo(one, t("案件照片 {n}", { n: i + 1 })))) : null,
        facts([t("编号"), code(card.no)], [t("位置"), place(card)],
          [t("所在网格"), card.cell ? link("cell", card.cell, code(card.cell)) : t("网格之外 {d}", { d: distance(card.outside_m || 0) })],
          [t("承办"), card.worker ? (card.worker.name ? link("worker", card.worker.code, card.worker.name) : card.worker.code)
            : card.desk ? t("{name}值班台", { name: card.desk.name }) : null],
          [t("设施"), card.facility ? link("facility", card.facility.code, card.facility.name || code(card.facility.code)) : null],
          [t("上报时间"), when(card.received_at)], [t("时限"), when(card.due_at)], [t("结案时间"), card.closed_at ? when(card.closed_at) : null]),
        card.steps?.length ? section(t("经过"), h("ol", { class: "timeline" }, card.steps.map((one) =>
          h("li", {}, h("b", {}, stepWord(one.step)), h("span", { class: "muted small" }, [when(one.at), one.by].filter(Boolean).join(" · ")),
            one.note ? h("p", {}, one.note) : null)))) : null,
      ],
      acts: [h("a", { class: "button", href: `/cases/${card.id}` }, t("案件全文")), here],
    };
  },
};

/** Return the card's pieces: `kind`, `icon`, `title`, `parts`, `acts`. `here` is the "report here" button, or null. */
export const cardOf = (kind, card, options) => makers[kind](card, options);

/** Return what the map has to show for a card: its geometry, its point and its box. */
export function shapeOf(kind, card) {
  const point = card.lon === null || card.lon === undefined ? null : [card.lon, card.lat];
  const geometry = card.geometry || (point && kind !== "area" ? { type: "Point", coordinates: point } : null);
  return { geometry, point, bbox: card.bbox || null };
}

