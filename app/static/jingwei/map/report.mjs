/** Report with a pin: the place is located before it is sent, the id stays the same for every retry. */
import { ask } from "../http.mjs";
import { newId } from "../ids.mjs";
import { distance, english, left, named, t, when } from "../words.mjs";
import { holder, link } from "./cards.mjs";
import { facts, h, message } from "./dom.mjs";
import { makePhotos } from "./photos.mjs";
import { makePin } from "./pin.mjs";
import { makeTypeBox, remember } from "./typebox.mjs";
import { statusWord } from "./words.mjs";

const DRAFT = "jingwei.report";
const NEAR_M = 60;
const LOCATE_AFTER_MS = 220;

/** Return the report's methods: start({lon, lat, facility}), stop. */
export function makeReport(map, maplibre, panel, { options, reveal, onfiled }) {
  let types = null;
  let pin = null;
  let draft = null;
  let place = null;
  let asking = null;
  let looking = null;
  let timer = 0;

  const head = { kind: t("上报"), icon: "pin", title: t("新上报") };

  async function start({ lon, lat, facility = null, accuracy = null }) {
    stop();
    draft = { id: newId(), lon, lat, facility, accuracy, observed: new Date().toISOString() };
    panel.loading(head);
    try {
      types ||= (await ask("/api/v1/types")).items;
    } catch (error) {
      panel.trouble(head, error, () => start({ lon, lat, facility, accuracy }));
      return;
    }
    pin = makePin(map, maplibre, [lon, lat], moved);
    form();
    reveal([lon, lat]);
    locate();
  }

  const parts = {};

  function stop() {
    asking?.abort();
    looking?.abort();
    clearTimeout(timer);
    pin?.remove();
    parts.photos?.clear();
    parts.photos = null;
    pin = draft = place = null;
  }

  function moved([lon, lat]) {
    Object.assign(draft, { lon, lat, accuracy: null });
    clearTimeout(timer);
    timer = setTimeout(locate, LOCATE_AFTER_MS);
  }

  function form() {
    const typebox = makeTypeBox(types, options.pinyin || {}, { onchange: () => lookAlike() });
    parts.typebox = typebox;
    parts.photos = makePhotos();
    parts.where = h("div", { class: "where", role: "status" });
    parts.facilities = h("fieldset", { class: "field facilities", hidden: true });
    parts.text = h("textarea", { class: "input", id: "report-text", rows: "3", maxlength: "2000", placeholder: t("例：人行道井盖缺角，约 20 厘米") });
    parts.known = h("div", { class: "field known", role: "status", hidden: true });
    parts.outcome = h("div", { class: "outcome" });
    parts.send = h("button", { type: "submit", class: "button primary wide", form: "report" }, t("上报"));
    const body = h("form", { id: "report", class: "report", novalidate: true, onsubmit: send },
      h("div", { class: "field" }, h("p", { class: "label" }, t("位置")), parts.where,
        h("p", { class: "hint" }, t("拖动图钉，或点地图移动；选中图钉后可用方向键微调。"))),
      parts.photos.root, typebox.root, parts.known, parts.facilities,
      h("div", { class: "field" }, h("label", { for: "report-text" }, t("说明"), h("span", { class: "muted" }, ` ${t("选填")}`)), parts.text),
      parts.outcome);
    panel.show(head, body, [parts.send]);
  }

  /** Offer what is reported already: the same type near by, or the same facility. */
  async function lookAlike() {
    const asked = draft;
    const type = parts.typebox?.value();
    looking?.abort();
    if (!parts.known) return;
    parts.known.hidden = true;
    if (!asked || !type) return;
    looking = new AbortController();
    const query = new URLSearchParams({ type: type.code, lon: asked.lon.toFixed(7), lat: asked.lat.toFixed(7) });
    if (asked.facility) query.set("facility", asked.facility);
    try {
      const { items } = await ask(`/api/v1/duplicates?${query}`, { signal: looking.signal });
      if (draft === asked && items.length) drawKnown(items.slice(0, 3));
    } catch {
      /* a report is filed without it; an operator sees the likeness later */
    }
  }

  function drawKnown(items) {
    parts.known.replaceChildren(message("warn",
      h("p", {}, h("b", {}, t("这里有人报过了"))), h("p", { class: "small" }, t("同类的在办件就在附近。是同一件事的话，加入它，进展会告诉您。")),
      h("ul", { class: "known-list" }, items.map((one) => h("li", {},
        h("span", {}, h("b", {}, named(one.type)), " ", h("span", { class: "muted small" }, [statusWord(one.status), when(one.received_at),
          one.same_facility ? t("同一设施") : one.metres === null ? "" : distance(one.metres)].filter(Boolean).join(" · "))),
        one.text ? h("span", { class: "small" }, one.text) : null,
        h("button", { type: "button", class: "button", onclick: () => {
          draft.joins = one.key;
          document.getElementById("report").requestSubmit();
        } }, t("是同一件，加入")))))));
    parts.known.hidden = false;
  }

  async function locate() {
    lookAlike();
    if (!draft) return;
    asking?.abort();
    asking = new AbortController();
    parts.where.setAttribute("aria-busy", "true");
    if (!options.locate) {
      parts.where.replaceChildren(h("p", { class: "muted small" }, t("提交后系统会找到所在网格和负责人。")));
      return;
    }
    try {
      place = await ask(`/api/v1/locate?lon=${draft.lon.toFixed(7)}&lat=${draft.lat.toFixed(7)}`, { signal: asking.signal });
      drawPlace();
    } catch (error) {
      if (error.name === "AbortError") return;
      place = null;
      parts.where.replaceChildren(message("warn", h("p", {}, t("暂时查不到所在网格，仍可上报。")), h("p", { class: "small" }, error.message)));
    }
    parts.where.removeAttribute("aria-busy");
  }

  function drawPlace() {
    const who = place.holder?.kind === "desk" ? t("{name}值班台", { name: place.holder.name })
      : holder(place.primary?.code === place.holder?.code ? place.primary : place.backup, { linked: false });
    parts.where.replaceChildren(
      place.outside ? message("warn", t("在网格之外，离最近的网格 {d}。将交值班台处理。", { d: distance(place.distance_m || 0) })) : "",
      facts([t("网格"), h("span", { class: "stack" }, h("span", { class: "code" }, place.cell.code), h("span", { class: "muted small" }, `${[place.district, place.town, place.community].filter(Boolean).map((one) => one.name).join(" › ")}`))],
        [t("将交给"), who]));
    const near = place.facilities.filter((one) => one.distance_m <= NEAR_M).slice(0, 5);
    if (draft.facility && !near.some((one) => one.code === draft.facility)) draft.facility = null;
    parts.facilities.hidden = !near.length;
    const choice = (value, words, detail) => h("label", { class: "choice" },
      h("input", { type: "radio", name: "facility", value, checked: (draft.facility || "") === value, onchange: () => {
        draft.facility = value || null;
        lookAlike();
        parts.typebox.offer(near.find((one) => one.code === value)?.type_code || null);
      } }), h("span", { class: "words" }, h("b", {}, words), detail ? h("span", { class: "muted small" }, detail) : null));
    parts.facilities.replaceChildren(h("legend", { class: "label" }, t("关联设施")),
      ...near.map((one) => choice(one.code, english ? one.type_name_en : one.name || one.type_name_zh,
        `${one.code} · ${distance(one.distance_m)}`)), choice("", t("不关联设施"), ""));
    if (draft.facility) parts.typebox.offer(near.find((one) => one.code === draft.facility).type_code);
  }

  function body() {
    const sent = { type: parts.typebox.value().code, lon: Number(draft.lon.toFixed(7)), lat: Number(draft.lat.toFixed(7)), observed_at: draft.observed };
    if (draft.accuracy) sent.accuracy_m = draft.accuracy;
    if (parts.text.value.trim()) sent.text = parts.text.value.trim();
    if (draft.facility) sent.facility = draft.facility;
    const photos = parts.photos.names();
    if (photos.length) sent.photos = photos;
    return sent;
  }

  async function send(event) {
    event.preventDefault();
    if (!parts.typebox.value()) {
      parts.typebox.fault(t("请选择类型。"));
      return;
    }
    const sending = draft;
    if (event.submitter === parts.send) sending.joins = null;
    parts.send.disabled = true;
    parts.send.textContent = t("正在提交…");
    parts.outcome.replaceChildren();
    const arrived = await parts.photos.settled();
    if (draft !== sending) return;
    if (!arrived) {
      unsent(message("danger", h("p", {}, h("b", {}, t("还没有上报成功。"))), h("p", {}, t("有照片没有发送成功。请再试一次，或移除这些照片。"))));
      return;
    }
    const content = body();
    try {
      // kept until the answer is here: a lost connection is retried under the same id, so nothing is filed twice
      sessionStorage.setItem(DRAFT, JSON.stringify({ id: draft.id, content }));
      let filed = await ask(`/api/v1/reports/${draft.id}`, { method: "PUT", body: content });
      let joined = null;
      if (sending.joins) {
        // filed it is; that it joined nothing is told, and an operator can still merge it
        joined = await ask(`/api/v1/reports/${draft.id}/joined`, { method: "PUT", body: { key: sending.joins } })
          .then((card) => (filed = card) && "", (error) => error.message);
      }
      sessionStorage.removeItem(DRAFT);
      remember(content.type);
      if (draft === sending) done(filed, joined);
      else onfiled(filed);
    } catch (error) {
      if (draft === sending) unsent(failed(error));
    }
  }

  function unsent(words) {
    parts.send.disabled = false;
    parts.send.textContent = t("再试一次");
    parts.outcome.replaceChildren(words);
    parts.outcome.firstElementChild.scrollIntoView({ block: "nearest" });
  }

  function failed(error) {
    const act = error.status === 409
      ? h("button", { type: "button", class: "button", onclick: () => {
        draft.id = newId();
        parts.outcome.replaceChildren();
        parts.send.textContent = t("上报");
      } }, t("作为新的一件上报"))
      : error.status === 401 ? h("a", { class: "button", href: "/sign-in", target: "_blank", rel: "noopener" }, t("去登录")) : null;
    const fields = error.status === 422 && error.fields.length
      ? h("ul", { lang: "en" }, error.fields.map((one) => h("li", {}, `${one.field}: ${one.message}`))) : null;
    return message("danger", h("p", {}, h("b", {}, t("还没有上报成功。"))),
      fields || h("p", {}, error.message), act);
  }

  function done(filed, joined = null) {
    const at = { lon: draft.lon, lat: draft.lat };
    stop();
    const place = [filed.district, filed.town, filed.community].filter(Boolean).map((one) => one.name).join(" › ");
    const who = filed.worker ? (filed.worker.name || filed.worker.code) : filed.desk ? t("{name}值班台", { name: filed.desk.name }) : "";
    const title = joined === "" ? t("已加入在办的那一件") : t("已上报，正在处理");
    panel.show({ kind: t("上报"), icon: "done", title }, [
      joined === "" ? message("ok", t("您的上报已并入在办的那一件，您仍是上报人。")) : joined ? message("warn", t("没有加入成：{why}", { why: joined })) : "",
      message("ok", h("p", {}, h("b", {}, named(filed.type)), h("br"), h("span", { class: "code", id: "filed-no" }, filed.no))),
      facts([t("所在网格"), filed.cell ? link("cell", filed.cell, h("span", { class: "code", id: "filed-cell" }, filed.cell)) : t("网格之外")],
        [t("位置"), place], [t("照片"), filed.photos.length ? t("{n} 张", { n: filed.photos.length }) : null], [t("交给"), h("b", { id: "filed-worker" }, who)],
        [t("设施"), filed.facility ? link("facility", filed.facility.code, filed.facility.name || filed.facility.code) : null],
        [t("时限"), h("span", {}, when(filed.due_at), " ", h("span", { class: "tag info" }, left(filed.due_at)))]),
    ], [
      h("button", { type: "button", class: "button", onclick: () => start(at) }, t("在此再报一件")),
      h("a", { class: "button", href: `/map#sel=case:${filed.id}`, "data-select": `case:${filed.id}` }, t("查看案件")),
    ]);
    onfiled(filed);
  }

  return {
    start,
    stop,
    get active() { return draft !== null; },
    move: (lon, lat) => {
      pin.move([lon, lat]);
      moved([lon, lat]);
    },
  };
}
