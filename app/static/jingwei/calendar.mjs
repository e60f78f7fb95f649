/** The calendar's page: days are changed into a draft, which is sent as one change; a second person decides. */
import { ask } from "./http.mjs";
import { t } from "./words.mjs";

const months = document.getElementById("months");
const form = document.getElementById("draft");
const list = document.getElementById("draft-list");
const fault = document.getElementById("draft-fault");
const known = document.getElementById("draft-known");
const days = new Map();

const KINDS = ["off", "worked", "holiday", "shifted"];
const plain = (day) => ("weekend" in day.dataset ? "off" : "worked");
const CYCLES = { off: ["off", "shifted", "holiday"], worked: ["worked", "holiday"] };
const words = { holiday: t("放假"), shifted: t("调休上班"), off: t("周末"), worked: t("工作日") };
const SIGNS = { holiday: t("休"), shifted: t("班") };
const TROUBLES = {
  nothing_changes: t("日历里已经是这样，没有要改的。"),
  same_person: t("改日历要两个人：请另一位规划员或管理员确认。"),
  decided_already: t("这个变更已有人处理，请刷新页面。"),
  still_carried: t("上一个变更还在重算在办案件，完成后再确认。"),
};

function show(day, kind, name) {
  day.classList.remove(...KINDS);
  day.classList.add(kind);
  day.classList.toggle("draft", days.has(day.dataset.day));
  day.querySelector("small")?.remove();
  if (SIGNS[kind]) {
    const sign = document.createElement("small");
    sign.textContent = SIGNS[kind];
    sign.ariaHidden = "true";
    day.append(sign);
  }
  day.title = name;
  const date = day.dataset.words || day.getAttribute("aria-label").split(", ").slice(0, -(1 + Boolean(day.dataset.name))).join(", ");
  day.dataset.words = date;
  day.setAttribute("aria-label", [date, words[kind], name, days.has(day.dataset.day) ? t("待提交") : ""].filter(Boolean).join(", "));
}

function toggle(day) {
  const key = day.dataset.day;
  const before = days.get(key)?.shown || day.dataset.kind;
  const cycle = CYCLES[plain(day)];
  const shown = cycle[(cycle.indexOf(before) + 1) % cycle.length];
  if (shown === day.dataset.kind) {
    days.delete(key);
    show(day, shown, day.dataset.name);
  } else {
    const typed = document.getElementById("draft-name").value.trim();
    const name = shown === plain(day) ? "" : typed || (shown === "shifted" ? "调休" : "");
    days.set(key, { shown, name });
    show(day, shown, name);
  }
  list_draft();
}

function changed() {
  const years = known.checked === JSON.parse(known.dataset.known) ? [] : [{ year: Number(known.dataset.year), known: known.checked }];
  const from = document.getElementById("draft-from").value;
  const periods = document.getElementById("draft-hours").value.split(/[,，、]/).map((text) => text.trim()).filter(Boolean);
  return {
    days: [...days].sort().map(([day, { shown, name }]) => ({ day, name, kind: { holiday: "holiday", shifted: "workday" }[shown] || null })),
    years,
    hours: from ? [{ from_day: from, periods }] : [],
  };
}

function list_draft() {
  list.replaceChildren(
    ...[...days].sort().map(([day, { shown, name }]) => {
      const item = document.createElement("li");
      item.textContent = `${day} ${words[shown]} ${name}`;
      return item;
    }),
  );
  const now = changed();
  const any = Boolean(now.days.length || now.years.length || now.hours.length);
  document.getElementById("draft-send").disabled = !any;
  document.getElementById("draft-reset").disabled = !any;
}

function tell(error) {
  fault.textContent = TROUBLES[error.code] || error.message;
  fault.hidden = false;
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

months.addEventListener("click", (event) => {
  const day = event.target.closest("button.day");
  if (day) toggle(day);
});
months.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || !event.target.matches("button.day")) return;
  const all = [...months.querySelectorAll("button.day")];
  const next = all[all.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

form.addEventListener("input", list_draft);
form.addEventListener("reset", () => {
  const touched = [...days.keys()];
  days.clear();
  for (const key of touched) {
    const day = months.querySelector(`[data-day="${key}"]`);
    show(day, day.dataset.kind, day.dataset.name);
  }
  fault.hidden = true;
  setTimeout(list_draft);
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  fault.hidden = true;
  try {
    await ask("/api/v1/calendar", { method: "PUT", body: { ...changed(), note: document.getElementById("draft-note").value } });
    location.reload();
  } catch (error) {
    tell(error);
  }
});

for (const button of document.querySelectorAll("[data-decide]")) {
  button.addEventListener("click", async () => {
    const change = button.closest("[data-change]").dataset.change;
    try {
      await ask(`/api/v1/calendar/changes/${change}`, { method: "PUT", body: { confirm: button.dataset.decide === "true" } });
      location.reload();
    } catch (error) {
      tell(error);
    }
  });
}

const PAUSE_MS = 3000;
const carried = document.querySelector('[data-progress="waiting"], [data-progress="running"]');

async function follow() {
  try {
    const { items } = await ask("/api/v1/calendar/changes");
    const change = items.find((one) => String(one.id) === carried.dataset.change);
    if (!change || change.progress === "done") {
      location.reload();
      return;
    }
    const bar = carried.querySelector("progress");
    bar.max = change.cases || 1;
    bar.value = change.seen;
    carried.querySelector(".carried").textContent = t("已看 {seen} / {cases} 件在办案件，改了 {moved} 件时限", {
      seen: change.seen, cases: change.cases ?? "?", moved: change.moved,
    });
  } catch {
    /* the next look may get through */
  }
  setTimeout(follow, PAUSE_MS);
}
if (carried) setTimeout(follow, PAUSE_MS);
