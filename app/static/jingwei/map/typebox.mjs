/** Choose what to report: favourites as buttons, all types by Chinese, English, pinyin or initials. */
import { named, t } from "../words.mjs";
import { h } from "./dom.mjs";
import { urgencyWord } from "./words.mjs";

const USED = "jingwei.types";
const FAVOURITES = 6;
/** What is reported most, for somebody who has not reported yet: refuse, road damage, street trade, stickers... */
const COMMON = ["E0110", "E0113", "E0406", "E0201", "E0409", "E0506"];
const MOST = 40;

function used() {
  try {
    return JSON.parse(localStorage.getItem(USED)) || {};
  } catch {
    return {};
  }
}

/** Remember that a type was used, so that it comes first next time. */
export function remember(code) {
  const counts = used();
  counts[code] = (counts[code] || 0) + 1;
  localStorage.setItem(USED, JSON.stringify(counts));
}

/** Return the types that fit what was typed, those that begin with it first. */
export function matching(types, pinyin, typed) {
  const q = typed.trim().toLowerCase();
  if (!q) return types;
  const rank = (type) => {
    const [full, initials] = (pinyin[type.code] || " ").split(" ");
    const names = [type.name_zh, type.name_en.toLowerCase(), type.code.toLowerCase(), full, initials];
    if (names.some((name) => name.startsWith(q))) return 0;
    return names.some((name) => name.includes(q)) ? 1 : 2;
  };
  return types.map((type) => [rank(type), type]).filter(([r]) => r < 2).sort((a, b) => a[0] - b[0]).map(([, type]) => type);
}

/** Return the type field: `root`, `value()`, `offer(facilityType)`, `fault(words)`. */
export function makeTypeBox(types, pinyin, { onchange }) {
  let chosen = null;
  let active = -1;
  let found = [];
  let wanted = null;

  const input = h("input", { class: "input", id: "report-type", type: "text", role: "combobox", "aria-expanded": "false",
    "aria-controls": "type-list", "aria-autocomplete": "list", "aria-describedby": "type-fault", autocomplete: "off",
    spellcheck: "false", placeholder: t("名称、拼音或首字母") });
  const list = h("div", { id: "type-list", role: "listbox", "aria-label": t("类型") });
  const none = h("p", { class: "none", hidden: true }, t("没有这样的类型。"));
  const drop = h("div", { class: "results inline", hidden: true }, list, none);
  const fault = h("p", { class: "fault", id: "type-fault" });
  const quick = h("div", { class: "quick" });
  const root = h("div", { class: "field" }, h("label", { for: "report-type" }, t("类型")), quick, h("div", { class: "drop" }, input, drop), fault);

  function show(open) {
    drop.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) mark(-1);
  }
  function mark(index) {
    active = index;
    [...list.children].forEach((row, i) => {
      row.setAttribute("aria-selected", String(i === index));
      if (i === index) row.scrollIntoView({ block: "nearest" });
    });
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `type-option-${index}`);
  }
  function choose(type) {
    chosen = type;
    input.value = type ? named(type) : "";
    fault.textContent = "";
    input.removeAttribute("aria-invalid");
    show(false);
    drawQuick();
    onchange(type);
  }
  function draw() {
    found = matching(types, pinyin, chosen && input.value === named(chosen) ? "" : input.value).slice(0, MOST);
    list.replaceChildren(...found.map((type, i) => {
      const row = h("div", { id: `type-option-${i}`, role: "option", "aria-selected": "false", onclick: () => choose(type),
        onpointerdown: (event) => event.preventDefault() },
        h("span", { class: "name" }, named(type)), h("span", { class: "kind" }, urgencyWord(type.urgency)));
      return row;
    }));
    none.hidden = found.length > 0;
    show(true);
    mark(found.length && input.value ? 0 : -1);
  }
  const common = (type) => (COMMON.includes(type.code) ? COMMON.indexOf(type.code) : COMMON.length);
  function favourites() {
    const counts = used();
    const fits = wanted ? types.filter((type) => type.facility_type_code === wanted) : [];
    const rest = types.filter((type) => !fits.includes(type)).sort((a, b) => (counts[b.code] || 0) - (counts[a.code] || 0) || common(a) - common(b));
    return [...fits, ...rest].slice(0, FAVOURITES);
  }
  function drawQuick() {
    quick.replaceChildren(...favourites().map((type) => h("button", { type: "button", class: "chip-button",
      "aria-pressed": String(chosen?.code === type.code), onclick: () => choose(type) }, named(type))));
  }

  input.addEventListener("input", () => {
    chosen = null;
    drawQuick();
    draw();
    onchange(null);
  });
  input.addEventListener("click", draw);
  input.addEventListener("blur", () => setTimeout(() => show(false), 120));
  input.addEventListener("keydown", (event) => {
    const open = !drop.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) draw();
      else if (found.length) mark((active + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length);
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      if (found[active]) choose(found[active]);
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      show(false);
    }
  });
  drawQuick();

  return {
    root,
    value: () => chosen,
    set: (code) => choose(types.find((type) => type.code === code) || null),
    offer(facilityType) {
      wanted = facilityType;
      const fits = types.filter((type) => type.facility_type_code === facilityType);
      if (!chosen && fits.length === 1) choose(fits[0]);
      else drawQuick();
    },
    fault(words) {
      fault.textContent = words;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    },
  };
}
