/** A case's page: its steps by the API, with photos made smaller here; and the small map. */
import { ask } from "./http.mjs";
import { h, message } from "./map/dom.mjs";
import { newId } from "./ids.mjs";
import { makePhotos } from "./map/photos.mjs";
import { smallMap } from "./small-map.mjs";
import { t } from "./words.mjs";

const page = document.querySelector(".case-page");
const NUMBERS = new Set(["revision", "standard"]);
const PLAIN = new Set(["csrf_token", "key", "photo", "photos", "assisting"]);

/** The field of photos without script becomes one that sends each photo as it is chosen. */
for (const field of document.querySelectorAll(".photos-field")) {
  const details = field.closest("details");
  const dress = () => {
    if (field.photos) return;
    const kept = [...field.querySelectorAll("input[name=photo]")];
    const needed = field.querySelector("input[type=file]").required;
    field.photos = makePhotos(`${field.dataset.prefix}-`, { optional: !needed });
    field.photos.needed = needed;
    field.replaceChildren(...kept, field.photos.root);
  };
  if (details.open) dress();
  details.addEventListener("toggle", dress);
}

async function body(form) {
  const said = {};
  for (const [name, value] of new FormData(form)) {
    if (PLAIN.has(name) || typeof value !== "string" || !value.trim()) continue;
    said[name] = NUMBERS.has(name) ? Number(value) : value.trim();
  }
  const assisting = [...form.querySelectorAll("input[name=assisting]:checked")].map((box) => box.value);
  if (assisting.length) said.assisting = assisting;
  if (said.until) said.until = `${said.until}T23:59:59+08:00`;
  if (said.into && /^\d{19}$/.test(said.into)) {
    const { items } = await ask(`/api/v1/cases?text=${said.into}&limit=1`);
    if (items.length) said.into = items[0].id;
  }
  const photos = [...form.querySelectorAll("input[name=photo]")].map((one) => one.value);
  for (const field of form.querySelectorAll(".photos-field")) if (field.photos) photos.push(...field.photos.names());
  if (photos.length) said.photos = photos;
  return said;
}

/** Show who did what meanwhile, and let the form go on with the case as it stands; nothing typed is lost. */
async function stale(form, outcome) {
  const answer = await fetch(`/cases/${form.dataset.case}`, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = Number(fresh.querySelector(".case-page").dataset.revision);
  const missed = now - Number(page.dataset.revision);
  const steps = [...fresh.querySelectorAll(".timeline > li")].slice(-missed);
  outcome.replaceChildren(message("danger",
    h("p", {}, h("b", {}, t("您填写期间，别人已办了这一件。您填的都还在。"))),
    h("ul", { class: "plain" }, steps.map((one) => h("li", {}, [...one.querySelectorAll("p")].slice(0, 2).map((line) => line.textContent.trim()).join(" · ")))),
    fresh.getElementById(`act-${form.dataset.step}`)
      ? h("p", {}, t("请再看一遍，仍要办就再提交一次。"))
      : h("p", {}, t("这一步现在不能办了。"), " ", h("a", { href: `/cases/${form.dataset.case}` }, t("看现在的情况")))));
  document.querySelector(".case-steps").replaceWith(fresh.querySelector(".case-steps"));
  for (const one of document.querySelectorAll("input[name=revision]")) one.value = String(now);
  page.dataset.revision = String(now);
}

for (const form of document.querySelectorAll(".step-form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const outcome = form.querySelector(".outcome");
    const button = form.querySelector("button[type=submit]");
    const fields = [...form.querySelectorAll(".photos-field")].filter((field) => field.photos);
    button.disabled = true;
    outcome.replaceChildren();
    try {
      for (const field of fields) {
        if (!(await field.photos.settled())) throw new Error(t("有照片没有发送成功。请再试一次，或移除这些照片。"));
        const there = field.photos.names().length + field.querySelectorAll("input[name=photo]").length;
        if (field.photos.needed && !there) throw new Error(t("请加上照片。"));
      }
      const sent = await body(form);
      await ask(`/api/v1/cases/${form.dataset.case}/steps/${form.elements.key.value}`, { method: "PUT", body: sent });
      location.assign(`/cases/${form.dataset.case}?done=${sent.step}`);
      return;
    } catch (error) {
      if (error.code === "stale_case") await stale(form, outcome);
      else outcome.replaceChildren(message("danger", h("p", {}, h("b", {}, t("还没有办成。"))), h("p", {}, told(error))));
      if (error.code === "step_differs") form.elements.key.value = newId();
      outcome.firstElementChild.scrollIntoView({ block: "nearest" });
    }
    button.disabled = false;
  });
}

function told(error) {
  if (error.fields?.length && error.status === 422) return error.fields.map((one) => one.message).join("; ");
  return error.detail && error.status === 409 ? error.detail : error.message;
}

const unmask = document.getElementById("unmask");
if (unmask) {
  unmask.hidden = false;
  unmask.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const person = await ask(`/api/v1/cases/${unmask.dataset.case}/unmask`, { method: "POST", body: { reason: unmask.elements.reason.value } });
      document.getElementById("person").textContent = [person.name, person.phone, person.address].filter(Boolean).join(" · ");
      unmask.remove();
    } catch (error) {
      unmask.querySelector(".outcome").replaceChildren(message("danger", error.message));
    }
  });
}

document.documentElement.setAttribute("data-ready", "");
smallMap(document.getElementById("small-map"));
