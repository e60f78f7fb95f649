/** The inbox: keys, and steps taken on many cases at once, each a PUT of its own with its own result. */
import { ask } from "./http.mjs";
import { newId } from "./ids.mjs";
import { t } from "./words.mjs";

const table = document.getElementById("inbox");
if (table) begin();
document.documentElement.setAttribute("data-ready", "");

function begin() {
  const rows = [...table.querySelectorAll("tbody tr")];
  const bar = document.getElementById("bulk");
  const dialog = document.getElementById("bulk-dialog");
  const form = document.getElementById("bulk-form");
  const all = document.getElementById("pick-all");
  const picked = () => rows.filter((row) => box(row).checked);
  const box = (row) => row.querySelector(".c-pick input");
  let here = -1;
  let busy = false;

  for (const cell of table.querySelectorAll(".c-pick")) cell.hidden = false;

  function draw() {
    const chosen = picked();
    for (const row of rows) row.classList.toggle("is-picked", box(row).checked);
    all.checked = chosen.length === rows.length;
    all.indeterminate = chosen.length > 0 && !all.checked;
    bar.hidden = !chosen.length;
    document.getElementById("bulk-count").textContent = t("选中 {n} 件", { n: chosen.length });
    const common = chosen.map((row) => row.dataset.acts.split(" ")).reduce((left, right) => left.filter((act) => right.includes(act)), chosen[0]?.dataset.acts.split(" ") || []);
    const acts = common.filter((act) => act && (act !== "merge" || chosen.length > 1));
    for (const button of bar.querySelectorAll("[data-act]")) button.hidden = !acts.includes(button.dataset.act);
    document.getElementById("bulk-hint").textContent = acts.length ? "" : t("这些没有能一起办的步骤");
  }
  table.addEventListener("change", (event) => {
    if (event.target === all) for (const row of rows) box(row).checked = all.checked;
    draw();
  });
  document.getElementById("bulk-clear").addEventListener("click", () => {
    for (const row of rows) box(row).checked = false;
    draw();
  });

  function go(to) {
    here = Math.max(0, Math.min(rows.length - 1, to));
    rows.forEach((row, i) => row.classList.toggle("is-here", i === here));
    rows[here].querySelector(".c-what a").focus({ preventScroll: true });
    rows[here].scrollIntoView({ block: "nearest" });
  }
  table.addEventListener("focusin", (event) => {
    const at = rows.indexOf(event.target.closest("tbody tr"));
    if (at < 0) return;
    here = at;
    rows.forEach((row, i) => row.classList.toggle("is-here", i === here));
  });
  document.addEventListener("jingwei:key", ({ detail: key }) => {
    if (dialog.open || document.getElementById("help").open) return;
    if (key === "j") go(here + 1);
    else if (key === "k") go(here - 1);
    else if (key === "Enter" && here >= 0 && !document.activeElement.closest("a, button")) rows[here].querySelector(".c-what a").click();
    else if (key === "x" && here >= 0) {
      box(rows[here]).checked = !box(rows[here]).checked;
      draw();
    } else if (key === "a") {
      const on = picked().length < rows.length;
      for (const row of rows) box(row).checked = on;
      draw();
    }
  });

  for (const button of bar.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => {
      const act = button.dataset.act;
      form.dataset.act = act;
      document.getElementById("bulk-title").textContent = `${button.textContent} · ${t("{n} 件", { n: picked().length })}`;
      let asks = false;
      for (const field of form.querySelectorAll("[data-for]")) {
        field.hidden = !field.dataset.for.split(" ").includes(act);
        const input = field.querySelector("textarea, input");
        if (input) input.required = !field.hidden;
        asks ||= !field.hidden;
      }
      if (asks) dialog.showModal();
      else run(act, {});
    });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = {};
    for (const field of form.querySelectorAll("[data-for]:not([hidden])")) {
      const input = field.querySelector("select, textarea, input");
      if (input?.value) said[input.name] = input.name === "until" ? `${input.value}T23:59:59+08:00` : input.value;
    }
    dialog.close();
    run(form.dataset.act, said);
  });

  async function run(act, said) {
    if (busy) return;
    busy = true;
    const chosen = picked();
    let into = null;
    let work = chosen;
    if (act === "merge") {
      // numbers count up by day: the smallest is the one that was reported first
      const first = [...chosen].sort((a, b) => number(a).localeCompare(number(b)))[0];
      into = first.dataset.id;
      work = chosen.filter((row) => row !== first);
    }
    let done = 0;
    for (const row of work) {
      const result = row.querySelector(".result");
      result.className = "result muted";
      result.textContent = t("正在办…");
      row.dataset.key ||= newId();
      try {
        const body = { step: act, ...said, ...(into ? { into } : { revision: Number(row.dataset.revision) }) };
        await ask(`/api/v1/cases/${row.dataset.id}/steps/${row.dataset.key}`, { method: "PUT", body });
        result.className = "result ok";
        result.textContent = `✓ ${t("已办")}`;
        row.classList.add("is-done");
        row.dataset.acts = "";
        done += 1;
      } catch (error) {
        result.className = "result danger";
        result.textContent = `✗ ${error.code === "stale_case" ? t("别人刚办过这一件，请打开看看") : error.status === 409 || error.status === 422 ? error.detail : error.message}`;
        row.dataset.key = newId();
      }
      box(row).checked = false;
    }
    busy = false;
    if (into) for (const row of rows) box(row).checked = false;
    draw();
    bar.hidden = false;
    for (const button of bar.querySelectorAll("[data-act]")) button.hidden = true;
    document.getElementById("bulk-count").textContent = t("办成 {n} 件", { n: done });
    document.getElementById("bulk-hint").textContent = work.length > done ? t("{n} 件没有办成，原因写在各件下面", { n: work.length - done }) : "";
  }

  const number = (row) => row.querySelector(".c-what .code").textContent.slice(6);
}
