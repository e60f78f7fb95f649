/** The photos of a report: taken or chosen, made smaller here (which leaves position and device of the file behind),
 * sent by the SHA-256 of their bytes, so that the same photo sent again is the same photo. */
import { ask, Trouble } from "../http.mjs";
import { sha256 } from "../sha256.mjs";
import { t } from "../words.mjs";
import { h, icon } from "./dom.mjs";

const MOST = 9;
const LONGEST_PX = 1600;
const HEAVIEST = 400000;
const QUALITIES = [0.85, 0.72, 0.6, 0.45];

/** Return `file` as a JPEG of at most 1,600 pixels and about 400 kB. Raises Trouble when it is no picture. */
export async function smaller(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Trouble(t("这个文件不是浏览器能读的照片。请换一张，或存成 JPEG 再选。"), { code: "no_picture" });
  }
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // a JPEG has no transparency: without this it would be black
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  let made = null;
  for (const quality of QUALITIES) {
    made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (made && made.size <= HEAVIEST) break;
  }
  if (!made) throw new Trouble(t("这张照片没有处理成功。请再试一次。"), { code: "no_picture" });
  return made;
}

/** Return the field (its ids begin with `prefix`): `root`, `names()` (of those that arrived), `settled()` (false while one did not arrive), `clear()`. */
export function makePhotos(prefix = "", { optional = true } = {}) {
  const items = [];
  const list = h("ul", { class: "thumbs" });
  const status = h("p", { class: "hint", role: "status", id: `${prefix}photos-status` });
  const count = h("span", { class: "muted" });
  const input = (id, words, name, extra = {}) => {
    const box = h("input", { type: "file", id: `${prefix}${id}`, accept: "image/*", multiple: true, class: "file", ...extra, onchange: () => {
      add([...box.files]);
      box.value = "";
    } });
    return h("label", { class: "button add" }, icon(name), h("span", {}, words), box);
  };
  const adders = h("div", { class: "adders" },
    matchMedia("(pointer: coarse)").matches ? input("photo-take", t("拍照"), "camera", { capture: "environment", multiple: false }) : null,
    input("photo-choose", t("选照片"), matchMedia("(pointer: coarse)").matches ? "picture" : "camera"));
  const root = h("div", { class: "field", role: "group", "aria-labelledby": `${prefix}photos-label` },
    h("p", { class: "label", id: `${prefix}photos-label` }, t("照片"), " ", count), list, adders, status);

  function draw() {
    count.textContent = items.length ? `${items.length} / ${MOST}` : optional ? t("选填") : "";
    adders.hidden = items.length >= MOST;
    const sending = items.filter((one) => one.state === "sending" || one.state === "waiting").length;
    const failed = items.filter((one) => one.state === "failed");
    status.classList.toggle("fault", failed.length > 0);
    if (failed.length) status.textContent = failed[0].why;
    else if (sending) status.textContent = t("正在发送照片，还有 {n} 张…", { n: sending });
    else status.textContent = items.length ? t("照片已发送。") : "";
    list.replaceChildren(...items.map(thumb));
  }

  function thumb(one, i) {
    const name = t("第 {n} 张照片", { n: i + 1 });
    return h("li", { class: `thumb ${one.state}` },
      one.url ? h("img", { src: one.url, alt: name }) : h("span", { class: "unseen" }, name),
      one.state === "sending" || one.state === "waiting" ? h("i", { class: "spinner", "aria-hidden": "true" }) : null,
      one.state === "failed" && one.blob ? h("button", { type: "button", class: "again", onclick: () => send(one) }, t("重试")) : null,
      h("button", { type: "button", class: "drop-photo", "aria-label": t("移除第 {n} 张照片", { n: i + 1 }), onclick: () => {
        remove(one);
        (list.querySelectorAll(".drop-photo")[Math.min(i, items.length - 1)] || adders.querySelector("input")).focus();
      } }, icon("close")));
  }

  function remove(one) {
    if (one.url) URL.revokeObjectURL(one.url);
    if (items.includes(one)) items.splice(items.indexOf(one), 1);
    draw();
  }

  async function add(files) {
    const room = MOST - items.length;
    const fresh = files.slice(0, room).map((file) => ({ file, state: "waiting", url: "", name: "", blob: null, why: "", work: null }));
    items.push(...fresh);
    draw();
    for (const one of fresh) await prepare(one);
    if (files.length > room) status.textContent = t("最多 {n} 张，其余没有加上。", { n: MOST });
  }

  async function prepare(one) {
    try {
      one.blob = await smaller(one.file);
      one.name = await sha256(await one.blob.arrayBuffer());
    } catch (error) {
      Object.assign(one, { state: "failed", why: error.message });
      draw();
      return;
    }
    if (!items.includes(one)) return;
    if (items.some((other) => other !== one && other.name === one.name)) {
      remove(one);
      status.textContent = t("这张照片已经加上了。");
      return;
    }
    one.url = URL.createObjectURL(one.blob);
    await send(one);
  }

  function send(one) {
    one.work = put(one);
    return one.work;
  }

  async function put(one) {
    one.state = "sending";
    draw();
    try {
      await ask(`/api/v1/photos/${one.name}`, { method: "PUT", body: one.blob });
      one.state = "sent";
    } catch (error) {
      Object.assign(one, { state: "failed", why: t("有照片没有发送成功：{why}", { why: error.message }) });
    }
    if (items.includes(one)) draw();
  }

  draw();
  return {
    root,
    names: () => items.filter((one) => one.state === "sent").map((one) => one.name),
    /** Send what failed once more, wait, and say whether every photo has arrived. */
    async settled() {
      for (const one of items.filter((item) => item.state === "failed" && item.blob)) send(one);
      while (items.some((one) => one.state === "waiting" || one.state === "sending")) await new Promise((next) => setTimeout(next, 100));
      return items.every((one) => one.state === "sent");
    },
    clear() {
      for (const one of items.splice(0)) if (one.url) URL.revokeObjectURL(one.url);
    },
  };
}
