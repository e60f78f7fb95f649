/** The search in the header: a combobox with a listbox. On the map a choice flies there, elsewhere it opens the map. */
import { ask } from "./http.mjs";
import { number, t } from "./words.mjs";

const KINDS = { area: "area", cell: "cell", facility: "facility", case: "case", worker: "worker", place: "pin" };
const WAIT_MS = 160;

const words = {
  area: () => t("区域"), cell: () => t("网格"), facility: () => t("设施"),
  case: () => t("案卷"), worker: () => t("网格员"), place: () => t("位置"),
};

/** Return the position that somebody wrote as "lon, lat" or "lat, lon" (China lies east of 73). */
export function position(text) {
  const found = /^\s*(-?\d{1,3}(?:\.\d+)?)\s*[,，\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  if (!found) return null;
  const [a, b] = [Number(found[1]), Number(found[2])];
  if (Math.abs(a) <= 180 && Math.abs(b) <= 90) return [a, b];
  return Math.abs(b) <= 180 && Math.abs(a) <= 90 ? [b, a] : null;
}

function place(text) {
  const at = position(text);
  if (!at) return [];
  const name = `${at[0]}, ${at[1]}`;
  return [{ kind: "place", code: name, name, detail: t("经度、纬度"), lon: at[0], lat: at[1], bbox: null }];
}

/** Wire the form. */
export function install(form) {
  const input = form.querySelector("input");
  const panel = form.querySelector(".results");
  const list = form.querySelector('[role="listbox"]');
  const none = form.querySelector(".none");
  const status = form.querySelector('[role="status"]');
  let items = [];
  let active = -1;
  let timer = 0;
  let asking = null;
  let answered = "";  // the text that the list answers: a choice by Enter must not be one of an earlier text

  function show(open) {
    panel.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) mark(-1);
  }

  function mark(index) {
    active = index;
    list.querySelectorAll('[role="option"]').forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === index));
      if (i === index) option.scrollIntoView({ block: "nearest" });
    });
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `search-option-${index}`);
  }

  function draw(message = "") {
    list.replaceChildren(...items.map(option));
    none.textContent = message;
    none.hidden = !message;
    status.textContent = message || t("{n} 条结果", { n: number(items.length) });
    show(true);
    mark(items.length ? 0 : -1);
  }

  function option(item, index) {
    const row = document.createElement("div");
    row.id = `search-option-${index}`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", "false");
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `/static/jingwei/icons.svg#${KINDS[item.kind]}`);
    icon.append(use);
    row.append(icon, span("name", item.name || item.code), span("kind", words[item.kind]()));
    row.append(span("detail", [item.name ? item.code : "", item.detail].filter(Boolean).join(" · ")));
    row.addEventListener("pointerdown", (event) => event.preventDefault());
    row.addEventListener("click", () => choose(index));
    return row;
  }

  async function look() {
    const q = input.value.trim();
    asking?.abort();
    if (!q) {
      items = [];
      show(false);
      return;
    }
    asking = new AbortController();
    try {
      const found = await ask(`/api/v1/search?q=${encodeURIComponent(q)}`, { signal: asking.signal });
      items = [...place(q), ...found.items];
      answered = q;
      draw(items.length ? "" : t("没有找到“{q}”。试试编号的前几位，或街道、社区的名称。", { q }));
    } catch (error) {
      if (error.name === "AbortError") return;
      items = place(q);
      answered = q;
      draw(error.message);
    }
  }

  function choose(index) {
    const item = items[index];
    if (!item) return;
    show(false);
    input.value = item.kind === "place" ? item.name : item.name || item.code;
    const event = new CustomEvent("jingwei:chosen", { detail: item, cancelable: true });
    if (document.dispatchEvent(event)) location.assign(`/map#sel=${item.kind}:${encodeURIComponent(item.code)}`);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  });
  input.addEventListener("focus", () => {
    if (items.length && input.value.trim()) draw();
  });
  input.addEventListener("blur", () => setTimeout(() => show(false), 120));
  input.addEventListener("keydown", (event) => {
    const open = !panel.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) look();
      else if (items.length) mark((active + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length);
    } else if (event.key === "Home" && open && items.length && event.ctrlKey) {
      mark(0);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (open) show(false);
      else if (input.value) input.value = "";
      else input.blur();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearTimeout(timer);
    if (panel.hidden || active < 0 || answered !== input.value.trim()) await look();
    if (answered === input.value.trim()) choose(Math.max(active, 0));
  });
  if (new URLSearchParams(location.search).get("q") && location.pathname === "/map") {
    input.value = new URLSearchParams(location.search).get("q");
    look();
  }
}

function span(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}
